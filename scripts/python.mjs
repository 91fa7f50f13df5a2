// @ts-check
// Python for the example client: the machine's own, with the packages that the example names, told by their hashes.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needPackages, onDebian } from "./apt.mjs";
import { read, root } from "./project.mjs";
import { ask, run, say, Stop } from "./shell.mjs";

const home = join(root, "target", "python");
const stamp = join(home, ".dormouse");
const requirements = join("examples", "python", "requirements.txt");

/** Python with the packages of the example. */
export const python = join(home, "bin", "python");

/** The version of the machine's Python, where it can make an environment and is new enough. */
const usable = () => ask("python3", ["-c", "import sys, ensurepip, venv; print(sys.version) if sys.version_info >= (3, 11) else sys.exit(1)"]);

/** Sees to it that it is there; stops with what to install. */
export async function needPython() {
  if (usable() === undefined && onDebian()) await needPackages(["python3", "python3-venv"], "The test of the example in Python");
  const version = usable();
  if (version === undefined) throw new Stop("The test of the example in Python needs python3, 3.11 or newer, with its module venv: install them.");
  const wanted = `${version}\n${read(requirements)}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say("installing websockets for the example in Python (pip, 200 KB to fetch) …");
  rmSync(home, { recursive: true, force: true });
  await run("python3", ["-m", "venv", home], { why: "python3 cannot make an environment; see the lines above." });
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement", requirements];
  await run(python, install, { why: "websockets cannot be installed; see the lines above." });
  writeFileSync(stamp, wanted);
}
