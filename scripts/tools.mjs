// @ts-check
// The cargo tools of the wasm build, at exact versions, under .tools/bin.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { cargoTools, root, tools } from "./project.mjs";
import { ask, run, say, Stop, tryRun } from "./shell.mjs";

const programs = join(tools, "bin");

/** A tool's program: .tools/bin first, then what the machine has. @param {string} name @param {string} version */
function find(name, version) {
  return [join(programs, name), name].find((program) => ask(program, ["--version"])?.split(" ").at(-1) === version);
}

/** Installs the tools that are missing or of another version; the first time this takes minutes. */
export async function needTools() {
  for (const { name, crate, version, features } of cargoTools()) {
    if (!find(name, version)) await install(crate, version, features);
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

/** @param {string} crate @param {string} version @param {string[]} features */
async function install(crate, version, features) {
  say(`installing ${crate} ${version} into .tools (cargo install, a few minutes) …`);
  // Without a directory of its own cargo would build outside of the repository.
  const scratch = join(root, "target", "tools");
  const env = process.env.CARGO_TARGET_DIR ? {} : { CARGO_TARGET_DIR: scratch };
  const args = ["install", `${crate}@${version}`, "--root", tools, "--force", ...features];
  const { code, output } = await tryRun("cargo", [...args, "--locked"], { env });
  if (code !== 0) {
    if (!output.includes("failed to select a version")) throw failure(crate);
    say(`the registry lacks a version that ${crate} was locked with; installing it with the newest fitting ones …`);
    await run("cargo", args, { env, why: failure(crate).message });
  }
  rmSync(scratch, { recursive: true, force: true });
}

/** @param {string} crate */
const failure = (crate) => new Stop(`cargo install ${crate} failed; see the lines above.`);
