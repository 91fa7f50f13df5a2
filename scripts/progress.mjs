// @ts-check
// Long work, told as a person wants it told: which step of how many, how long it takes, how far it is.
import { duration, hear, say, Stop } from "./shell.mjs";

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

/**
 * Runs a program that has much to say and nothing that concerns a person unless it fails: then all of it is shown.
 * @param {string} program @param {string[]} args
 * @param {{cwd?: string, env?: Record<string, string | undefined>, why: string}} options
 */
export async function quietly(program, args, { why, ...options }) {
  const { code, output } = await hear(program, args, options);
  if (code === 0) return;
  process.stderr.write(output);
  throw new Stop(why);
}
