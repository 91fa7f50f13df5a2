// @ts-check
// The checks that Node and the TypeScript compiler run.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { bin, root } from "./project.mjs";
import { run, Stop, tryRun } from "./shell.mjs";

export async function typeCheck() {
  // What `npm run types` has written is a program of its own: all else here is typed by the default application.
  const own = existsSync(join(root, "client/dormouse.ts")) ? ["client/tsconfig.dormouse.json"] : [];
  for (const project of ["tsconfig.json", "client/tsconfig.json", ...own].filter((path) => existsSync(join(root, path)))) {
    await run(`${bin}/tsc`, ["--noEmit", "--project", project], { why: "TypeScript found a mistake; see its lines above." });
  }
  return [];
}

/** Runs the tests below a directory by Node's runner, and returns its closing lines. @param {string} directory */
export async function nodeTests(directory) {
  const files = testsBelow(directory);
  if (files.length === 0) throw new Stop(`There is no test in ${directory}/.`);
  const { code, output } = await tryRun("node", ["--test", "--test-reporter=spec", "--test-timeout=600000", ...files]);
  if (code !== 0) throw new Stop(`A test of ${directory}/ failed.`);
  const summary = stripVTControlCharacters(output).split("\n").filter((line) => /^. (tests|pass|fail|cancelled|skipped|todo|duration_ms) /.test(line)).slice(-7);
  const count = (/** @type {string} */ name) => Number(summary.find((line) => line.includes(` ${name} `))?.split(" ").at(-1));
  if (!(count("pass") > 0)) throw new Stop(`Node ran no test of ${directory}/.`);
  if (count("skipped") + count("todo") !== 0) throw new Stop(`A test of ${directory}/ is skipped or left to do: mend it or remove it.`);
  return summary;
}

/** @param {string} directory */
function testsBelow(directory) {
  if (!existsSync(join(root, directory))) return [];
  const names = readdirSync(join(root, directory), { recursive: true, encoding: "utf8" });
  return names.filter((name) => /\.test\.(ts|mjs)$/.test(name) && !name.includes("node_modules")).sort().map((name) => `${directory}/${name}`);
}
