// @ts-check
// The cargo tools of the wasm build, at exact versions, under .tools/bin.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { cargoTools, root, tools } from "./project.mjs";
import { quietly } from "./progress.mjs";
import { ask, Stop } from "./shell.mjs";

/** @typedef {import("./progress.mjs").Progress} Progress */

const programs = join(tools, "bin");

/** A tool's program: .tools/bin first, then what the machine has. @param {string} name @param {string} version */
function find(name, version) {
  return [join(programs, name), name].find((program) => ask(program, ["--version"])?.split(" ").at(-1) === version);
}

/** Installs the tools that are missing or of another version; the first time this takes minutes. @param {Progress} progress */
export async function needTools(progress) {
  for (const tool of cargoTools()) {
    const { name, version } = tool;
    if (find(name, version)) progress.pass();
    else await progress.step(`building ${name} ${version}, ${tool.takes} on two cores`, () => install(tool));
  }
}

/** The paths by which worker-build finds what it would download else. @returns {Record<string, string>} */
export function toolEnvironment() {
  const bin = join(root, "node_modules", ".bin");
  return {
    WASM_BINDGEN_BIN: program("wasm-bindgen"),
    WASM_OPT_BIN: join(bin, "wasm-opt"),
    ESBUILD_BIN: join(bin, "esbuild"),
  };
}

/** The path of an installed tool. @param {string} name @returns {string} */
export function program(name) {
  const tool = cargoTools().find((known) => known.name === name);
  const found = tool && find(tool.name, tool.version);
  if (!found) throw new Stop(`${name} is not installed: run "npm run setup".`);
  return found;
}

/** @param {ReturnType<typeof cargoTools>[number]} tool */
async function install({ name, source }) {
  // Without a directory of its own cargo would build outside of the repository.
  const scratch = join(root, "target", "tools");
  // They run for a second each and are built for minutes: the least optimised is the soonest used.
  const env = { CARGO_PROFILE_RELEASE_OPT_LEVEL: "1", ...(process.env.CARGO_TARGET_DIR ? {} : { CARGO_TARGET_DIR: scratch }) };
  const args = ["install", ...source, "--locked", "--root", tools, "--force"];
  await quietly("cargo", args, { env, why: `cargo install ${name} failed; see the lines above. Versions are those of its lock: none is taken in place of one that is missing.` });
  rmSync(scratch, { recursive: true, force: true });
}
