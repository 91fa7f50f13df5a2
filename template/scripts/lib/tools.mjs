// @ts-check
// The cargo tools of the wasm build, at exact versions, under .tools/bin.
import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** @typedef {import("./project.mjs").Project} Project */
/** @typedef {{name: string, version: string, source: string[], takes: string}} Tool `takes`: about how long to build */

const slim = join(dirname(fileURLToPath(import.meta.url)), "wasm-bindgen");

/** The tools that a project's package.json and Cargo.lock ask for. @param {string} root @returns {Tool[]} */
export function cargoTools(root) {
  const builder = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).config["worker-build"];
  return [{ name: "worker-build", version: builder, source: [`worker-build@${builder}`], takes: "about 3 min" }, bindgen(locked(root, "wasm-bindgen"))];
}

/** The command line tool, which refuses wasm made by any other version of the library. @param {string} version @returns {Tool} */
function bindgen(version) {
  const ours = readFileSync(join(slim, "Cargo.toml"), "utf8").includes(`\nwasm-bindgen-cli-support = "=${version}"\n`);
  const source = ours ? ["--path", slim] : [`wasm-bindgen-cli@${version}`];
  return { name: "wasm-bindgen", version, source, takes: ours ? "about 1 min" : "about 3 min" };
}

/** The version of a crate in a project's Cargo.lock. @param {string} root @param {string} crate @returns {string} */
export function locked(root, crate) {
  const found = readFileSync(join(root, "Cargo.lock"), "utf8").match(new RegExp(`name = "${crate}"\\r?\\nversion = "([^"]+)"`));
  if (!found) throw new Error(`Cargo.lock names no crate ${crate}: run "cargo generate-lockfile".`);
  return /** @type {string} */ (found[1]);
}

/** A tool's program: .tools/bin first, then what the machine has. @param {Project} project @param {Tool} tool */
function find({ root, shell }, { name, version }) {
  return [join(root, ".tools", "bin", name), name].find((program) => shell.ask(program, ["--version"])?.split(" ").at(-1) === version);
}

/**
 * Installs the tools that are missing or of another version; the first time this takes minutes.
 * @param {Project} project @param {import("./progress.mjs").Progress} progress
 */
export async function needTools(project, progress) {
  for (const tool of cargoTools(project.root)) {
    if (find(project, tool)) progress.pass();
    else await progress.step(`building ${tool.name} ${tool.version}, ${tool.takes} on two cores`, () => install(project, tool));
  }
}

/** The paths by which worker-build finds what it would download else. @param {Project} project @returns {Record<string, string>} */
export function toolEnvironment(project) {
  const bin = join(project.root, "node_modules", ".bin");
  // On Windows those two are scripts that only a shell can run.
  /** @type {Record<string, string>} */
  const ofNpm = process.platform === "win32" ? {} : { WASM_OPT_BIN: join(bin, "wasm-opt"), ESBUILD_BIN: join(bin, "esbuild") };
  return { WASM_BINDGEN_BIN: program(project, "wasm-bindgen"), ...ofNpm };
}

/** The path of an installed tool. @param {Project} project @param {string} name @returns {string} */
export function program(project, name) {
  const tool = cargoTools(project.root).find((known) => known.name === name);
  const found = tool && find(project, tool);
  if (!found) throw new Error(`${name} is not installed at the version that package.json and Cargo.lock ask for.`);
  return found;
}

/** @param {Project} project @param {Tool} tool */
async function install({ root, shell }, { name, source }) {
  // Without a directory of its own cargo would build outside of the project.
  const scratch = join(root, "target", "tools");
  // They run for a second each and are built for minutes: the least optimised is the soonest used.
  const env = { CARGO_PROFILE_RELEASE_OPT_LEVEL: "1", ...(process.env.CARGO_TARGET_DIR ? {} : { CARGO_TARGET_DIR: scratch }) };
  const args = ["install", ...source, "--locked", "--root", join(root, ".tools"), "--force"];
  await shell.quietly("cargo", args, { env, why: `cargo install ${name} failed; see the lines above. Versions are those of its lock: none is taken in place of one that is missing.` });
  rmSync(scratch, { recursive: true, force: true });
}
