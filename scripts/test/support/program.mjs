// @ts-check
// Programs under test.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { root } from "../../project.mjs";
import { environment } from "../../shell.mjs";

/**
 * A program whose lines can be awaited; it is ended with the test.
 * @param {import("node:test").TestContext} t @param {string} name @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, bare?: boolean}} [options] `bare`: in this environment and no other
 */
export function program(t, name, args, { cwd = root, env, bare = false } = {}) {
  const child = spawn(name, args, { cwd, env: bare ? env : environment(env), stdio: ["pipe", "pipe", "pipe"] });
  t.after(() => child.kill("SIGTERM"));
  /** @type {string[]} */
  const lines = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on("line", (line) => {
      lines.push(line);
      child.emit("heard");
    });
  }
  const ended = once(child, "exit").then(([code]) => code);
  /** @param {RegExp} pattern @param {number} [from] so many lines are passed over @returns {Promise<string>} the first line that fits */
  const line = async (pattern, from = 0) => {
    for (;;) {
      const found = lines.slice(from).find((text) => pattern.test(text));
      if (found !== undefined) return found;
      const more = await Promise.race([once(child, "heard").then(() => true), ended.then(() => false), wait(60_000, false, { ref: false })]);
      if (!more && !lines.slice(from).some((text) => pattern.test(text))) assert.fail(`no line fits ${pattern} in:\n${lines.join("\n")}`);
    }
  };
  return { child, lines, ended, line };
}
