// @ts-check
// Whether what is served is the application that this repository begins as, of which some tests speak.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { read, root } from "./project.mjs";

const [own, first] = ["src/app.rs", "tests/support/app.rs"];
const pairs = [[own, first], ["src/demo.rs", "tests/support/demo.rs"]];

/** What an application's file declares: its tests, its first comment and its spaces aside. @param {string} source */
const declared = (source) => source.replace(/#\[cfg\(test\)\][\s\S]*$/, "").replaceAll(/^\/\/!.*$/gm, "").replaceAll(/\s+/g, " ").trim();

/** Whether two files declare the same application. @param {string} one @param {string} other */
export const isSame = (one, other) => declared(one) === declared(other);

/**
 * Runs what speaks of the default application; where src/app.rs has become another, it is passed over in one line.
 * @param {() => Promise<string[]>} run
 */
export async function ofTheDefault(run) {
  // Who has taken the demo out has another application too.
  const same = pairs.every((files) => files.every((file) => existsSync(join(root, file))) && isSame(read(files[0]), read(files[1])));
  if (same) return run();
  return [`passed over: it speaks of the default application (${first}), and ${own} has become another; test yours there`];
}
