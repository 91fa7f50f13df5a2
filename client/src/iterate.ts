import { ChannelError } from "./errors.ts";
import { BACKLOG } from "./numbers.ts";

/** What can be read with `for await`. TypeScript before 5.6 knows no iterator that says what it ends with. */
export interface Reader<Item> {
  next(): Promise<IteratorResult<Item, undefined>>;
  return(): Promise<IteratorResult<Item, undefined>>;
  [Symbol.asyncIterator](): this;
}

/** A source that can be pulled from: what is pushed waits until it is asked for. */
export class Feed<Item> implements Reader<Item> {
  readonly #stop: () => void;
  readonly #items: Item[] = [];
  #wakers: (() => void)[] = [];
  #phase: "open" | "closed" = "open";
  /** What is to be told at the end, once. */
  #error: ChannelError | undefined;

  /** `stop` is called once, when nobody wants more. */
  constructor(stop: () => void) {
    this.#stop = stop;
  }

  push(item: Item): void {
    if (this.#phase !== "open") return;
    if (this.#items.push(item) > BACKLOG)
      this.end(new ChannelError("too_slow", "Read faster, or use `on`."));
    this.#wake();
  }

  /** No more will come; with an error that is no mere leaving, the reader is told it after what waits. */
  end(error?: ChannelError): void {
    if (this.#phase !== "open") return;
    this.#phase = "closed";
    if (error?.code !== "closed") this.#error = error;
    this.#stop();
    this.#wake();
  }

  async next(): Promise<IteratorResult<Item, undefined>> {
    while (!this.#items.length && this.#phase === "open") await new Promise<void>((wake) => this.#wakers.push(wake));
    if (this.#items.length) return { value: this.#items.shift() as Item, done: false };
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#items.length = 0;
    this.end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake();
  }
}
