// @ts-check
// The cargo tools of the wasm build, at exact versions, under .tools/bin.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { cargoTools, root, tools } from "./project.mjs";
import { ask, run, say, Stop } from "./shell.mjs";

const programs = join(tools, "bin");

/** A tool's program: .tools/bin first, then what the machine has. @param {string} name @param {string} version */
function find(name, version) {
  return [join(programs, name), name].find((program) => ask(program, ["--version"])?.split(" ").at(-1) === version);
}

/** Installs the tools that are missing or of another version; the first time this takes minutes. */
export async function needTools() {
  for (const tool of cargoTools()) {
    if (!find(tool.name, tool.version)) await install(tool);
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
async function install({ name, version, source }) {
  say(`installing ${name} ${version} into .tools (cargo install, a few minutes) …`);
  // Without a directory of its own cargo would build outside of the repository.
  const scratch = join(root, "target", "tools");
  const env = process.env.CARGO_TARGET_DIR ? {} : { CARGO_TARGET_DIR: scratch };
  const args = ["install", ...source, "--locked", "--root", tools, "--force"];
  await run("cargo", args, { env, why: `cargo install ${name} failed; see the lines above. Versions are those of its lock: none is taken in place of one that is missing.` });
  rmSync(scratch, { recursive: true, force: true });
}
