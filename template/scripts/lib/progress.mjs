// @ts-check
// Long work, told as a person wants it told: which step of how many, how long it takes, how far it is.
import { duration, say } from "./shell.mjs";

/** How often a step that takes long says so, in milliseconds. */
const beat = 15_000;

/** Steps of a known number, of which only those are told that have something to do. */
export class Progress {
  #number = 0;

  /** @param {number} total */
  constructor(total) {
    this.total = total;
  }

  /** The next step, where it has nothing to do. */
  pass() {
    this.#number += 1;
  }

  /**
   * The next step: what it is, how long it takes, and then how long it took.
   * @template T @param {string} what @param {() => Promise<T>} act @returns {Promise<T>}
   */
  async step(what, act) {
    this.#number += 1;
    const place = `[${this.#number}/${this.total}]`;
    const begun = performance.now();
    say(`${place} ${what} …`);
    const pulse = setInterval(() => say(`${place} … ${duration(performance.now() - begun)}`), beat);
    try {
      return await act();
    } finally {
      clearInterval(pulse);
      say(`${place} ${duration(performance.now() - begun)}.`);
    }
  }
}
