// @ts-check
// Rust and its wasm target: the machine's own compiler where it has or can get the target, else Debian's.
import * as machine from "../template/scripts/lib/toolchain.mjs";
import { needPackages } from "./apt.mjs";
import { debianEnvironment, debianPossible, debianReady, needDebianToolchain } from "./debian.mjs";
import { root, wasmTarget } from "./project.mjs";
import { ask, say, shell, Stop } from "./shell.mjs";

// "debian" or "rustup" forces a choice; for trying the other way out.
const forced = process.env.DORMOUSE_WASM;
const here = { root, shell };

/** Sees to it that there are a C compiler and a Rust new enough for the crate. */
export async function needRust() {
  machine.needRust(here);
  if (ask("cc", ["--version"]) === undefined && debianPossible()) await needPackages(["gcc", "libc6-dev"], "Building Rust programs");
  else machine.needCompiler(here);
}

/**
 * Sees to it that the wasm target is there, by trying, and says in one line what was chosen where that was not plain.
 * @param {import("../template/scripts/lib/progress.mjs").Progress} progress
 */
export async function needWasmTarget(progress) {
  const there = (forced !== "debian" && machine.hasTarget(here)) || (forced !== "rustup" && debianReady());
  if (there) return progress.pass();
  await progress.step(`adding Rust's target ${wasmTarget}, about half a minute`, addTarget);
}

async function addTarget() {
  const refusal = forced === "debian" ? "DORMOUSE_WASM=debian asks for it" : await machine.addTarget(here);
  if (!refusal) return;
  if (forced === "rustup" || !debianPossible()) throw machine.withoutTarget(refusal);
  say(`wasm target: Debian's toolchain in .tools/rust, because ${refusal}.`);
  await needDebianToolchain();
}

/** The environment in which cargo builds wasm, where the set-up was done before. */
export function wasmEnvironment() {
  if (forced !== "debian" && machine.hasTarget(here)) return {};
  if (forced !== "rustup" && debianReady()) return debianEnvironment();
  throw new Stop(`Rust's target ${wasmTarget} is missing: run "npm run setup".`);
}
