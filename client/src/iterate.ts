import { ChannelError } from './errors.ts';

/** An iterator that lags this far behind is ended with an error rather than growing on. */
const BACKLOG = 10_000;

/** A source that can be pulled from: what is pushed waits until it is asked for. */
export class Feed<Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #stop: () => void;
  readonly #items: Item[] = [];
  readonly #askers: { resolve(result: IteratorResult<Item, undefined>): void; reject(error: unknown): void }[] = [];
  #end: { readonly error: unknown } | null = null;

  /** `stop` is called once, when nobody wants more. */
  constructor(stop: () => void) {
    this.#stop = stop;
  }

  push(item: Item): void {
    if (this.#end) return;
    const asker = this.#askers.shift();
    if (asker) asker.resolve({ value: item, done: false });
    else if (this.#items.push(item) > BACKLOG) this.end(new ChannelError('too_slow', `More than ${BACKLOG} messages wait to be read.`));
  }

  /** No more will come; with an error, the reader is told it after what waits. */
  end(error?: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    this.#stop();
    for (const asker of this.#askers.splice(0)) this.#finish(asker.resolve, asker.reject);
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    return new Promise((resolve, reject) => {
      const [item] = this.#items;
      if (this.#items.length) resolve({ value: (this.#items.shift(), item) as Item, done: false });
      else if (this.#end) this.#finish(resolve, reject);
      else this.#askers.push({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.#items.length = 0;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** An error is told once; after it the end is an ordinary one. */
  #finish(resolve: (result: IteratorResult<Item, undefined>) => void, reject: (error: unknown) => void): void {
    const error = this.#end?.error;
    this.#end = { error: undefined };
    if (error === undefined) resolve({ value: undefined, done: true });
    else reject(error);
  }
}
