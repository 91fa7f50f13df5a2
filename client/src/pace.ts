/** So many at once, then so many a second. */
export class Pace {
  readonly #interval: number;
  readonly #slack: number;
  /** When all that went would have gone at an even pace, in milliseconds by the runtime's clock. */
  #even = 0;

  constructor(perSecond: number, burst: number) {
    this.#interval = 1000 / perSecond;
    this.#slack = this.#interval * (burst - 1);
  }

  /** When the next one may go, by the runtime's clock. */
  get next(): number {
    return this.#even - this.#slack;
  }

  /** Counts what went. */
  spend(count: number, now: number): void {
    this.#even = Math.max(this.#even, now) + count * this.#interval;
  }
}
