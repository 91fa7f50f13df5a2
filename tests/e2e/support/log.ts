// What a service logged, held against what its test expects: a fault that nobody foresaw fails the suite.
import assert from "node:assert/strict";

/** A line of the log; the level is empty where only the text is known. */
export interface Logged {
  level: string;
  message: string;
}

/** What tells of a fault of ours: an error nobody caught, a wasm that broke or was made anew, an error line. */
const FAULT = /Critical|panick|RuntimeError|Reinitializing|[Uu]ncaught|"level":"error"/;

/** Throws where the log has a fault that was not declared, or lacks one that was. */
export function check(lines: Logged[], expected: readonly RegExp[]): void {
  const faults = lines.filter(({ level, message }) => level === "error" || FAULT.test(message)).map(({ message }) => message);
  const unforeseen = faults.filter((fault) => !expected.some((line) => line.test(fault)));
  const some = unforeseen.slice(0, 5).map((fault) => fault.slice(0, 1_000)).join("\n");
  assert.equal(unforeseen.length, 0, `the service logged faults that no test expects, ${unforeseen.length} lines:\n${some}`);
  const missing = expected.filter((line) => !faults.some((fault) => line.test(fault)));
  assert.deepEqual(missing, [], "the service did not log what a test expects");
}
