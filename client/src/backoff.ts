import { FIRST_WAIT_MS, LONGEST_WAIT_MS, SOON_MS } from "./numbers.ts";

/** Full-jitter exponential backoff: a random part of a window that doubles with each attempt. */
export class Backoff {
  #attempts = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The milliseconds to wait before the next attempt. */
  next(): number {
    const window = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts++);
    return this.#random() * window;
  }

  /** A short wait for who may come back at once; a second time in a row it is the ordinary one. */
  soon(): number {
    return this.#attempts ? this.next() : (this.#attempts++, this.#random() * SOON_MS);
  }

  /** Begins anew, after a connection that lasted. */
  reset(): void {
    this.#attempts = 0;
  }
}
