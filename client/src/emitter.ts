/** How listening ends by itself. */
export interface ListenOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Calls `run` when the signal aborts, until the returned function is called. */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  signal?.addEventListener("abort", run);
  return () => signal?.removeEventListener("abort", run);
}

/** Listeners by event name; a listener that throws is reported and disturbs nobody else. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Calls `listener` for each such event until the returned function is called or `signal` aborts. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void, { signal }: ListenOptions = {}): () => void {
    if (signal?.aborted) return () => {};
    // A set of wrappers: the same function listening twice is two listeners.
    const entry = (value: Events[Name]): void => listener(value);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(entry));
    const off = (): void => {
      listeners.delete(entry);
      forget();
    };
    const forget = onAbort(signal, off);
    return off;
  }

  /** Tells the listeners that are there now. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (value: Events[Name]) => void)(value);
      } catch (error) {
        // Thrown outside of our own work, where the runtime reports it as uncaught.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
