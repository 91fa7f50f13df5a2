// @ts-check
// A Rust toolchain of the project's own under .tools/rust, for machines that cannot reach rustup's server: Debian's
// compiler (the packages made for its browsers) with a wasm std built from Debian's sources. Nothing of the system is
// written over: the directory is a sysroot of links into /usr plus our own std.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needPackages, onDebian } from "./apt.mjs";
import { tools, wasmTarget } from "./project.mjs";
import { ask, run, say, Stop } from "./shell.mjs";

const sysroot = join(tools, "rust");
const programs = join(sysroot, "bin");
const stamp = join(sysroot, "ready");
const system = { rustc: "/usr/bin/rustc", cargo: "/usr/bin/cargo", rustlib: "/usr/lib/rustlib" };
// Debian's programs that are taken as they are, and those that are told of our sysroot.
const linked = ["cargo", "cargo-clippy", "clippy-driver"];
const wrapped = ["rustc", "rustdoc"];
const purpose = "Rust's wasm target (rustup's cannot be had here)";

/** What tells one sysroot from another: the compiler it was built by, and where it lies. */
const identity = () => `${ask(system.rustc, ["-vV"])}\n${sysroot}\n`;

/** Debian's linker for wasm is named by the LLVM its compiler was built with. */
const llvm = () => ask(system.rustc, ["-vV"])?.match(/LLVM version: (\d+)/)?.[1];
const linker = () => `/usr/bin/wasm-ld-${llvm()}`;

/** True where the toolchain is built, by the compiler that is installed, and the packages it links to are there. */
export function debianReady() {
  const needed = [...linked, ...wrapped].map((name) => join(programs, name));
  return existsSync(stamp) && readFileSync(stamp, "utf8") === identity() && [...needed, linker()].every((file) => existsSync(file));
}

export const debianPossible = onDebian;

/** The environment in which `cargo` and `rustc` are this toolchain's. @returns {Record<string, string>} */
export function debianEnvironment() {
  return {
    PATH_FIRST: programs,
    RUSTC: join(programs, "rustc"),
    RUSTDOC: join(programs, "rustdoc"),
    // cargo-clippy calls its driver past the wrapper of rustc.
    SYSROOT: sysroot,
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker(),
  };
}

/** Makes the toolchain where it is not there yet. */
export async function needDebianToolchain() {
  await needPackages(["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"], purpose);
  await needPackages([`lld-${llvm()}`], purpose);
  if (debianReady()) return;

  rmSync(sysroot, { recursive: true, force: true });
  linkSystem();
  say("building Rust's std for wasm from Debian's sources into .tools/rust (about a minute) …");
  await buildStd();
  writeFileSync(stamp, identity());
}

/** A sysroot of links: Debian's programs and host libraries, and a compiler that looks for its libraries here. */
function linkSystem() {
  mkdirSync(programs, { recursive: true });
  mkdirSync(join(sysroot, "lib", "rustlib", wasmTarget, "lib"), { recursive: true });
  for (const name of readdirSync(system.rustlib)) {
    if (name !== wasmTarget) symlinkSync(join(system.rustlib, name), join(sysroot, "lib", "rustlib", name));
  }
  for (const name of linked) symlinkSync(join("/usr/bin", name), join(programs, name));
  for (const name of wrapped) {
    writeFileSync(join(programs, name), `#!/bin/sh\nexec /usr/bin/${name} --sysroot '${sysroot}' "$@"\n`);
    chmodSync(join(programs, name), 0o755);
  }
}

/** Builds std by cargo's build-std out of an empty crate, and copies its libraries into the sysroot. */
async function buildStd() {
  const crate = join(sysroot, "std");
  mkdirSync(crate);
  writeFileSync(join(crate, "Cargo.toml"), '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[lib]\npath = "lib.rs"\n[workspace]\n');
  writeFileSync(join(crate, "lib.rs"), "");
  const target = join(crate, "target");
  await run(
    system.cargo,
    ["build", "--release", "--target", wasmTarget, "-Zbuild-std=std,panic_abort", "--manifest-path", join(crate, "Cargo.toml")],
    {
      env: {
        RUSTC: system.rustc,
        RUSTC_BOOTSTRAP: "1", // build-std is unstable
        RUSTFLAGS: "-Cembed-bitcode=yes", // link-time optimisation needs the bitcode
        CARGO_TARGET_DIR: target,
      },
      why: "Rust's std for wasm cannot be built from Debian's sources; see the lines above.",
    },
  );
  const built = join(target, wasmTarget, "release", "deps");
  const libraries = readdirSync(built).filter((name) => name.endsWith(".rlib") && !name.startsWith("libempty-"));
  if (!libraries.some((name) => name.startsWith("libstd-"))) throw new Stop(`No std was built into ${built}.`);
  for (const name of libraries) cpSync(join(built, name), join(sysroot, "lib", "rustlib", wasmTarget, "lib", name));
  rmSync(crate, { recursive: true });
}
