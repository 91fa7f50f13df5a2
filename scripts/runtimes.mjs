// @ts-check
// The runtimes the built client is tested on beside this one: pinned, and installed only for those tests.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { read, root } from "./project.mjs";
import { say, tryRun } from "./shell.mjs";

const folder = join("tests", "e2e", "runtimes");
export const runtimesLock = join(folder, "package-lock.json");
// Lies inside node_modules, so that it goes when they go.
const stamp = join(root, folder, "node_modules", ".dormouse");

/** Installs them where that is possible; where it is not, the tests use what is on the PATH and say what is missing. */
export async function needRuntimes() {
  const lock = createHash("sha256").update(read(runtimesLock)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  say("installing Node 22, Deno and Bun for the tests of the client (npm ci, about 120 MB to fetch) …");
  // Their install scripts only move the programs about; the tests find them where they are.
  const { code } = await tryRun("npm", ["ci", "--prefix", folder, "--ignore-scripts", "--loglevel=error"]);
  if (code === 0) writeFileSync(stamp, lock);
  else say("they cannot be had here: the client is tested on the runtimes of this machine alone.");
}
