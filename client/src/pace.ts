/** A token bucket: so many at once, then so many a second. */
export class Pace {
  readonly #perSecond: number;
  readonly #burst: number;
  #level: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = Math.max(1, burst);
    this.#level = this.#burst;
    this.#at = now;
  }

  /** Milliseconds until the next one may go; 0 where it may go now. */
  wait(now: number): number {
    this.#level = Math.min(this.#burst, this.#level + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    return this.#level >= 1 ? 0 : Math.ceil(((1 - this.#level) / this.#perSecond) * 1000);
  }

  /** Counts one that went. */
  spend(): void {
    this.#level--;
  }
}
