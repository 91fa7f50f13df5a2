// @ts-check
// Whether what is served is the application that this repository begins as, of which some tests speak.
import { read } from "./project.mjs";

const [own, first] = ["src/app.rs", "tests/support/app.rs"];

/** What an application's file declares: its tests, its first comment and its spaces aside. @param {string} source */
const declared = (source) => source.replace(/#\[cfg\(test\)\][\s\S]*$/, "").replaceAll(/^\/\/!.*$/gm, "").replaceAll(/\s+/g, " ").trim();

/** Whether two files declare the same application. @param {string} one @param {string} other */
export const isSame = (one, other) => declared(one) === declared(other);

/**
 * Runs what speaks of the default application; where src/app.rs has become another, it is passed over in one line.
 * @param {() => Promise<string[]>} run
 */
export async function ofTheDefault(run) {
  if (isSame(read(own), read(first))) return run();
  return [`passed over: it speaks of the default application (${first}), and ${own} has become another; test yours there`];
}
