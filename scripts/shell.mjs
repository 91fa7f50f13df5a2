// @ts-check
// Programs as they run in this repository, and what scripts say.
import { createInterface } from "node:readline/promises";
import { Shell } from "../template/scripts/lib/shell.mjs";
import { root } from "./project.mjs";

export { duration, say, script, Stop } from "../template/scripts/lib/shell.mjs";

export const shell = new Shell(root);
export const { ask, environment, hear, quietly, run, tryRun } = shell;

/** Asks a person yes or no. @param {string} question */
export async function confirm(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`dormouse: ${question} [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
