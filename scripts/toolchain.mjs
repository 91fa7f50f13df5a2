// @ts-check
// Rust and its wasm target: the machine's own compiler where it has or can get the target, else Debian's.
import { existsSync } from "node:fs";
import { needPackages } from "./apt.mjs";
import { debianEnvironment, debianPossible, debianReady, needDebianToolchain } from "./debian.mjs";
import { older, read, wasmTarget } from "./project.mjs";
import { ask, say, Stop, tryRun } from "./shell.mjs";

// "debian" or "rustup" forces a choice; for trying the other way out.
const forced = process.env.DORMOUSE_WASM;

/** Sees to it that there are a C compiler and a Rust new enough for the crate. */
export async function needRust() {
  const version = ask("rustc", ["--version"])?.split(" ")[1];
  if (!version || ask("cargo", ["--version"]) === undefined) {
    throw new Stop("There is no Rust on this machine. Install it with rustup from https://rustup.rs and try again.");
  }
  const oldest = read("Cargo.toml").match(/^rust-version = "([^"]+)"/m)?.[1] ?? "1.0";
  if (older(version, oldest)) throw new Stop(`Rust ${version} is too old, ${oldest} is needed: run "rustup update stable".`);
  await needCompiler();
}

async function needCompiler() {
  if (ask("cc", ["--version"]) !== undefined) return;
  if (debianPossible()) return needPackages(["gcc", "libc6-dev"], "Building Rust programs");
  const hint = process.platform === "darwin" ? ' (run "xcode-select --install")' : "";
  throw new Stop(`There is no C compiler "cc" on this machine, and Rust links with it. Install one${hint} and try again.`);
}

/**
 * Sees to it that the wasm target is there, by trying, and says in one line what was chosen where that was not plain.
 * @param {import("./progress.mjs").Progress} progress
 */
export async function needWasmTarget(progress) {
  const there = (forced !== "debian" && machineHasTarget()) || (forced !== "rustup" && debianReady());
  if (there) return progress.pass();
  await progress.step(`adding Rust's target ${wasmTarget}, about half a minute`, addTarget);
}

async function addTarget() {
  const refusal = forced === "debian" ? "DORMOUSE_WASM=debian asks for it" : await addByRustup();
  if (!refusal) return;
  if (forced === "rustup" || !debianPossible()) {
    throw new Stop(`Rust's target ${wasmTarget} is missing: ${refusal}. Add it with "rustup target add ${wasmTarget}" and try again.`);
  }
  say(`wasm target: Debian's toolchain in .tools/rust, because ${refusal}.`);
  await needDebianToolchain();
}

/** The environment in which cargo builds wasm, where the set-up was done before. */
export function wasmEnvironment() {
  if (forced !== "debian" && machineHasTarget()) return {};
  if (forced !== "rustup" && debianReady()) return debianEnvironment();
  throw new Stop(`Rust's target ${wasmTarget} is missing: run "npm run setup".`);
}

/** True where the machine's compiler brings the target, by whatever means it came. */
function machineHasTarget() {
  const libraries = ask("rustc", ["--print", "target-libdir", "--target", wasmTarget]);
  return libraries !== undefined && existsSync(libraries);
}

/** Tries rustup; tells why the target is not there afterwards. @returns {Promise<string | undefined>} */
async function addByRustup() {
  if (ask("rustup", ["--version"]) === undefined) return "there is no rustup to add it";
  // What it says where it fails is handled below, and would only alarm.
  const { code } = await tryRun("rustup", ["target", "add", wasmTarget], { seconds: 180, quiet: true });
  if (code === 0 && machineHasTarget()) {
    say("wasm target: rustup's.");
    return undefined;
  }
  return "rustup could not fetch it";
}
