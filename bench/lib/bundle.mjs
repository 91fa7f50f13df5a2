// Builds the service as it is deployed, but with the contract of the benchmark (the cargo feature `bench`).
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { cargoTools, root } from "../../scripts/project.mjs";
import { run } from "../../scripts/shell.mjs";
import { wasmEnvironment } from "../../scripts/toolchain.mjs";
import { program, toolEnvironment } from "../../scripts/tools.mjs";

const INPUTS = ["Cargo.toml", "Cargo.lock", "src"];

/** Builds into a directory, unless what is there was built from the same sources; the directory. */
export async function buildBundle(out) {
  const env = { ...wasmEnvironment(), ...toolEnvironment() };
  const stamp = join(out, "inputs.txt");
  const wanted = fingerprint(env);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return out;
  const args = ["--release", "--out-dir", relative(root, out), ".", "--features", "bench"];
  await run(program("worker-build"), args, { env, why: "The wasm build of the service failed; see the lines above." });
  writeFileSync(stamp, wanted);
  return out;
}

function fingerprint(env) {
  const hash = createHash("sha256").update(JSON.stringify([cargoTools(), env.RUSTC ?? "", process.env.RUSTFLAGS ?? ""]));
  for (const file of INPUTS.flatMap((input) => files(join(root, input)))) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}

function files(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => files(join(path, name)));
}
