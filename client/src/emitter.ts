import { UNHEARD } from "./numbers.ts";
/** How listening ends by itself. */
export interface ListenOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Calls `run` when the signal aborts, until the returned function is called. */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  signal?.addEventListener("abort", run);
  return () => signal?.removeEventListener("abort", run);
}

/** Runs what is the app's own; what it throws is reported as uncaught, outside of our own work. */
export function guarded(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Something that was told, and its name. */
export type Told<Events extends object> = { [Name in keyof Events]: readonly [Name, Events[Name]] }[keyof Events];

/** Listeners by event name; a listener that throws is reported and disturbs nobody else. */
export class Emitter<Events extends object> {
  readonly #listeners = new Set<{ readonly name: keyof Events; readonly key: unknown; hear(value: never): void; off(): void }>();
  /** Sees all that is told, also where nobody listens. */
  readonly #see: (name: keyof Events, value: unknown) => void;
  readonly #letGo: (told: Told<Events>[]) => Told<Events>[];
  /** Names that nobody has listened to yet, whose values wait. */
  readonly #unheard: Set<keyof Events>;
  #phase: "open" | "closed" = "open";
  #waiting: Told<Events>[] = [];

  /** Values of these names wait for the first listener of their name; `letGo` says what is told for those that waited in vain. */
  constructor(
    waits: readonly (keyof Events)[] = [],
    letGo: (told: Told<Events>[]) => Told<Events>[] = () => [],
    see: (name: keyof Events, value: unknown) => void = () => {},
  ) {
    this.#unheard = new Set(waits);
    this.#letGo = letGo;
    this.#see = see;
  }

  /** Calls `listener` for each such event until the returned function is called, `off(key)` is, or `signal` aborts. */
  on<Name extends keyof Events>(
    name: Name,
    listener: (value: Events[Name]) => void,
    { signal }: ListenOptions = {},
    key: unknown = listener,
  ): () => void {
    if (signal?.aborted) return () => {};
    const off = (): void => {
      this.#listeners.delete(entry);
      forget();
    };
    const forget = onAbort(this.#phase === "open" ? signal : undefined, off);
    // The same function listening twice is two listeners.
    const entry = { name, key, hear: (value: Events[Name]) => listener(value), off };
    this.#listeners.add(entry);
    // Who begins to listen in this turn hears what waited from its beginning.
    if (this.#waiting.length && this.#unheard.has(name)) queueMicrotask(() => this.#flush());
    else this.#unheard.delete(name);
    return off;
  }

  /** Ends all listening of this listener. */
  off(listener: unknown): void {
    for (const { key, off } of this.#listeners) if (key === listener) off();
  }

  /** Tells the listeners that are there now, and still there when it is their turn. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    this.#see(name, value);
    this.#tell(name, value);
  }

  /** Calls `listener` for the next such event only. */
  once<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void, options?: ListenOptions): () => void {
    const hear = (value: Events[Name]): void => (off(), listener(value));
    const off = this.on(name, hear, options, listener);
    return off;
  }

  #tell<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    if (this.#unheard.has(name)) {
      if (this.#waiting.push([name, value]) > UNHEARD) this.#waiting = this.#letGo(this.#waiting);
      return;
    }
    for (const entry of [...this.#listeners])
      if (entry.name === name && this.#listeners.has(entry)) guarded(() => entry.hear(value as never));
  }

  /** Nothing will happen any more: lets all listeners go. What waits is told to who asks for it yet. */
  end(): void {
    this.#phase = "closed";
    for (const { off } of this.#listeners) off();
  }

  /** Tells what has waited, in its order, to those who came for it. */
  #flush(): void {
    for (const { name } of this.#listeners) this.#unheard.delete(name);
    for (const [name, value] of this.#waiting.splice(0)) this.#tell(name, value);
  }
}
