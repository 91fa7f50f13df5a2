/** As much of React as the hooks use, for one component that renders nothing: its effects run after each render. */
let current: Component;

interface Slot {
  value?: unknown;
  deps?: readonly unknown[] | undefined;
  leave?: (() => void) | void;
}

export class Component {
  readonly #render: () => void;
  readonly #slots: Slot[] = [];
  #at = 0;
  #effects: (() => void)[] = [];
  #due = false;

  constructor(render: () => void) {
    this.#render = render;
    this.again();
  }

  slot(): Slot {
    return (this.#slots[this.#at++] ??= {});
  }

  after(effect: () => void): void {
    this.#effects.push(effect);
  }

  /** Renders once this turn is over. */
  changed(): void {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => this.again());
  }

  again(): void {
    [this.#due, this.#at] = [false, 0];
    current = this;
    this.#render();
    for (const effect of this.#effects.splice(0)) effect();
  }

  unmount(): void {
    for (const { leave } of this.#slots) leave?.();
  }
}

const same = (some: readonly unknown[] | undefined, others: readonly unknown[] | undefined): boolean =>
  some !== undefined && others !== undefined && some.every((one, at) => Object.is(one, others[at]));

export function useState<Value>(first: Value): [Value, (value: Value) => void] {
  const component = current;
  const slot = component.slot();
  if (!("value" in slot)) slot.value = first;
  return [slot.value as Value, (value) => ((slot.value = value), component.changed())];
}

export function useEffect(effect: () => (() => void) | void, deps?: readonly unknown[]): void {
  const slot = current.slot();
  if (same(slot.deps, deps)) return;
  slot.deps = deps;
  current.after(() => {
    slot.leave?.();
    slot.leave = effect();
  });
}

export function useMemo<Value>(make: () => Value, deps: readonly unknown[]): Value {
  const slot = current.slot();
  if (!same(slot.deps, deps)) [slot.value, slot.deps] = [make(), deps];
  return slot.value as Value;
}

export const useCallback = <Run>(run: Run, deps: readonly unknown[]): Run => useMemo(() => run, deps);

export const useRef = <Value>(first: Value): { current: Value } => useState({ current: first })[0];

export function useSyncExternalStore<Value>(subscribe: (changed: () => void) => () => void, read: () => Value): Value {
  const component = current;
  useEffect(() => subscribe(() => component.changed()), [subscribe]);
  return read();
}
