// @ts-check
// Rust and its wasm target.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { wasmTarget } from "./development.mjs";
import { say, Stop } from "./shell.mjs";

/** @typedef {import("./project.mjs").Place} Place */

/** Stops with what to install where there is no Rust that is new enough for a project. @param {Place} place */
export function needRust({ root, shell }) {
  const version = shell.ask("rustc", ["--version"])?.split(" ")[1];
  if (!version || shell.ask("cargo", ["--version"]) === undefined) {
    throw new Stop("There is no Rust on this machine. Install it with rustup from https://rustup.rs and try again.");
  }
  const oldest = readFileSync(join(root, "Cargo.toml"), "utf8").match(/^rust-version = "([^"]+)"/m)?.[1] ?? "1.0";
  if (older(version, oldest)) throw new Stop(`Rust ${version} is too old, ${oldest} is needed: run "rustup update stable".`);
}

/** Stops where there is no C compiler. @param {Place} place */
export function needCompiler({ shell }) {
  if (process.platform === "win32" || shell.ask("cc", ["--version"]) !== undefined) return;
  const hint = process.platform === "darwin" ? ' (run "xcode-select --install")' : "";
  throw new Stop(`There is no C compiler "cc" on this machine, and Rust links with it. Install one${hint} and try again.`);
}

/** Sees to it that the wasm target is there. @param {Place} place @param {import("./progress.mjs").Progress} progress */
export async function needWasmTarget(place, progress) {
  if (hasTarget(place)) return progress.pass();
  await progress.step(`adding Rust's target ${wasmTarget}, about half a minute`, async () => {
    const refusal = await addTarget(place);
    if (refusal) throw withoutTarget(refusal);
  });
}

/** @param {string} refusal */
export const withoutTarget = (refusal) => new Stop(`Rust's target ${wasmTarget} is missing: ${refusal}. Add it with "rustup target add ${wasmTarget}" and try again.`);

/** True where the machine's compiler brings the target, by whatever means it came. @param {Place} place */
export function hasTarget({ shell }) {
  const libraries = shell.ask("rustc", ["--print", "target-libdir", "--target", wasmTarget]);
  return libraries !== undefined && existsSync(libraries);
}

/** Tries rustup; tells why the target is not there afterwards. @param {Place} place @returns {Promise<string | undefined>} */
export async function addTarget(place) {
  const { shell } = place;
  if (shell.ask("rustup", ["--version"]) === undefined) return "there is no rustup to add it";
  // What it says where it fails is handled below, and would only alarm.
  const { code } = await shell.tryRun("rustup", ["target", "add", wasmTarget], { seconds: 180, quiet: true });
  if (code !== 0 || !hasTarget(place)) return "rustup could not fetch it";
  say("wasm target: rustup's.");
  return undefined;
}

/** True where version `a` is older than `b`, both dotted numbers. @param {string} a @param {string} b */
export function older(a, b) {
  const [left, right] = [a, b].map((version) => version.split(".").map((part) => Number.parseInt(part, 10)));
  const at = (left ?? []).findIndex((part, index) => part !== right?.[index]);
  return at >= 0 && (left?.[at] ?? 0) < (right?.[at] ?? 0);
}
