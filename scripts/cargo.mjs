// @ts-check
// The checks that cargo runs.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { debianEnvironment, debianPossible, needDebianToolchain } from "./debian.mjs";
import { root, wasmTarget } from "./project.mjs";
import { ask, say, Stop, tryRun } from "./shell.mjs";
import { wasmEnvironment } from "./toolchain.mjs";

// The service and what measures it, which has lock files of its own.
export const crates = ["Cargo.toml", "bench/load/Cargo.toml", "bench/micro/Cargo.toml"].filter((manifest) => existsSync(join(root, manifest)));

// What only the service may use, in its shell.
const platform = /^(worker|worker-.*|wasm-bindgen.*|js-sys|web-sys)$/;

/**
 * Runs cargo and returns what it printed.
 * @param {string[]} args @param {{env?: Record<string, string>, why?: string}} [options]
 */
export async function cargo(args, { env, why } = {}) {
  const { code, output } = await tryRun("cargo", args, { env });
  if (code !== 0) throw new Stop(why ?? `cargo ${args[0]} failed; see the lines above.`);
  return output;
}

/**
 * Runs a cargo command for every crate and returns what was printed.
 * @param {string} command @param {string[]} args @param {{env?: Record<string, string>, why?: string}} [options]
 * @param {string[]} [selection] what is chosen of the service's workspace
 */
export async function everyCrate(command, args, options, selection = []) {
  let output = "";
  for (const manifest of crates) {
    // Each has a target directory of its own: in a shared one, the service as built for one lies where another's is
    // looked for, and is taken for it.
    const target = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), ...dirname(manifest).split("/").filter((part) => part !== "."));
    const env = { ...options?.env, CARGO_TARGET_DIR: target };
    const whole = manifest !== "Cargo.toml" ? [] : command === "fmt" ? ["--all"] : ["--workspace", ...selection];
    output += await cargo([command, "--manifest-path", manifest, ...whole, ...args], { ...options, env });
  }
  return output;
}

/** The result lines of `cargo test`; a test that was skipped is a failure. @param {string} output */
export function cargoClosing(output) {
  const results = output.split("\n").filter((line) => line.startsWith("test result:"));
  if (!results.some((line) => !line.includes(" 0 passed"))) throw new Stop("cargo test ran no test at all.");
  if (results.some((line) => !line.includes(" 0 ignored"))) throw new Stop("A Rust test is ignored: mend it or remove it.");
  return results.filter((line) => !line.includes(" 0 passed"));
}

/** Clippy for this machine and for wasm, warnings denied but in src/, which is its owner's. */
export async function lint() {
  const why = "Clippy found something; see its lines above.";
  const deny = ["--", "-D", "warnings"];
  const env = await clippyEnvironment();
  const ours = ["--exclude", "deployment"];
  await everyCrate("clippy", ["--locked", "--all-targets", "--all-features", ...deny], { env, why }, ours);
  const wasm = ["clippy", "--locked", "--workspace", ...ours, "--lib", "--target", wasmTarget, ...deny];
  await cargo(wasm, { env: wasmEnvironment(), why });
  const owners = await cargo(["clippy", "--locked", "--package", "deployment", "--all-targets"], { env, why });
  if (/^ *--> tests\//m.test(stripVTControlCharacters(owners))) throw new Stop(why);
  return [];
}

/** The machine's clippy, else Debian's. @returns {Promise<Record<string, string>>} */
export async function clippyEnvironment() {
  if (ask("cargo", ["clippy", "--version"]) !== undefined) return {};
  if (!debianPossible()) throw new Stop('Clippy is missing: run "rustup component add clippy".');
  say("clippy: Debian's, because the Rust on this machine has none.");
  await needDebianToolchain();
  return debianEnvironment();
}

/** The documentation of every crate with what is private, and as docs.rs shows it; warnings denied. */
export async function document() {
  const why = "rustdoc found something; see its lines above.";
  const deny = { RUSTDOCFLAGS: "-D warnings" };
  await cargo(["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"], { env: deny, why });
  await cargo(["doc", "--locked", "--package", "dormouse-core", "--package", "dormouse-protocol", "--all-features", "--no-deps"], { env: deny, why });
  await cargo(["doc", "--locked", "--package", "dormouse", "--all-features", "--no-deps", "--target", wasmTarget], { env: { ...wasmEnvironment(), ...deny }, why });
  return [];
}

/** Stops where the machines' crate could name the platform: what none of its dependencies has, it cannot. @returns {string[]} */
export function needPure() {
  const tree = ask("cargo", ["tree", "--locked", "--package", "dormouse-core", "--target", "all", "--all-features", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
  if (tree === undefined) throw new Stop('cargo tree failed: is Cargo.lock in step with Cargo.toml? Run "cargo check".');
  const names = [...new Set(tree.split("\n").map((line) => line.split(" ")[0]))];
  const bad = names.filter((crate) => platform.test(crate));
  if (bad.length === 0) return [`${names.length} crates, none of the platform`];
  throw new Stop(`dormouse-core depends on ${bad.join(", ")}: see "cargo tree -p dormouse-core -i ${bad[0]}".`);
}
