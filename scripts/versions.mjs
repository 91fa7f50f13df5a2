// @ts-check
// The check "versions": what the crates say they work with holds at both ends, with the newest versions within their
// ranges and with the oldest. Cargo.lock, by which everything else is tried, stays as it is.
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, wasmTarget } from "./project.mjs";
import { run } from "./shell.mjs";
import { wasmEnvironment } from "./toolchain.mjs";

const home = join(root, "target", "versions");
const parts = ["Cargo.toml", "Cargo.lock", "src", "crates", join("bench", "service")];

/** @type {{name: string, resolve: string[], env: Record<string, string>, why: string}[]} */
const ends = [
  { name: "newest", resolve: ["update"], env: {}, why: "cargo update failed: without a network nothing newer can be looked for." },
  {
    name: "oldest",
    resolve: ["-Z", "direct-minimal-versions", "update"],
    env: { RUSTC_BOOTSTRAP: "1" }, // it is unstable
    why: "A dependency needs a newer version of another than a Cargo.toml says: raise that one.",
  },
];

/** Stops where a crate does not build with versions that it says it works with. @returns {Promise<string[]>} */
export async function needVersions() {
  const wasm = wasmEnvironment();
  // One for both ends: most versions are the same, and are built once.
  const shared = { CARGO_TARGET_DIR: join(home, "target") };
  const closing = [];
  for (const { name, resolve, env, why } of ends) {
    const cwd = join(home, name);
    copy(cwd);
    await run("cargo", resolve, { cwd, env: { ...wasm, ...env }, why });
    for (const target of [[], ["--target", wasmTarget]]) {
      const failed = `The crates do not build with the ${name} versions that their Cargo.toml files allow; see the lines above.`;
      // By the release's profile, since for tests macros are built optimised, which costs more than they do.
      await run("cargo", ["check", "--release", "--workspace", "--lib", "--locked", ...target], { cwd, env: { ...wasm, ...shared }, why: failed });
    }
    closing.push(`${name}: ${differing(cwd)} versions are others than Cargo.lock's`);
  }
  return closing;
}

/** A copy of the workspace, to be resolved anew. @param {string} folder */
function copy(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true, preserveTimestamps: true });
}

/** How many packages of a copy have another version than here. @param {string} folder */
function differing(folder) {
  const here = new Set(packages(root));
  return packages(folder).filter((one) => !here.has(one)).length;
}

/** @param {string} folder */
const packages = (folder) => [...readFileSync(join(folder, "Cargo.lock"), "utf8").matchAll(/name = "([^"]+)"\nversion = "([^"]+)"/g)].map(([, name, version]) => `${name} ${version}`);
