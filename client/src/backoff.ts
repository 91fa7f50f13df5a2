/** The first wait is at most this long, in milliseconds. */
const FIRST = 500;
/** No wait is longer than this, in milliseconds. */
const LONGEST = 30_000;
/** "At once" still means spread over this many milliseconds, so that a restart is not met by all in one instant. */
const SOON = 200;

/** Full-jitter exponential backoff: a random part of a window that doubles with each attempt. */
export class Backoff {
  #attempts = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The milliseconds to wait before the next attempt. */
  next(): number {
    const window = Math.min(LONGEST, FIRST * 2 ** this.#attempts++);
    return this.#random() * window;
  }

  /** A short wait for who may come back at once; a second time in a row it is the ordinary one. */
  soon(): number {
    return this.#attempts ? this.next() : (this.#attempts++, this.#random() * SOON);
  }

  /** Begins anew, after a connection that lasted. */
  reset(): void {
    this.#attempts = 0;
  }
}
