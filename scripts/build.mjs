// @ts-check
// The wasm build, by worker-build into build/. Wrangler's [build] command, so it is quick where nothing changed.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { release } from "../template/scripts/lib/release.mjs";
import { cargoTools } from "../template/scripts/lib/tools.mjs";
import { deployment } from "./deployment.mjs";
import { isCalled, root } from "./project.mjs";
import { script } from "./shell.mjs";

const inputs = ["Cargo.toml", "Cargo.lock", "src", "crates"];
export const wasmFile = join(root, "build", "index_bg.wasm");

/**
 * Builds the service (release, link-time optimised), unless it is what the sources say already.
 * @param {{out?: string, crate?: string}} [options] `out` is the folder, `crate` the application's; what is deployed is
 *   the root's
 */
export async function build({ out = "build", crate = "." } = {}) {
  const outputs = [join(root, out, "index.js"), join(root, out, "index_bg.wasm")];
  const stamp = join(root, out, "inputs.json");
  const wanted = fingerprint(crate);
  if (existsSync(stamp) && outputs.every((file) => existsSync(file)) && readFileSync(stamp, "utf8") === state(wanted, outputs)) return;
  await release(deployment, { out, crate });
  writeFileSync(stamp, state(wanted, outputs));
}

/** What the build depends on, in one hash. @param {string} crate */
function fingerprint(crate) {
  const settings = [cargoTools(root), crate, deployment.rust().RUSTC ?? "", process.env.RUSTFLAGS ?? ""];
  const hash = createHash("sha256").update(JSON.stringify(settings));
  for (const file of [...inputs, ...(crate === "." ? [] : [crate])].flatMap((input) => files(join(root, input)))) hash.update(file).update("\0").update(readFileSync(file));
  return hash.digest("hex");
}

/** The outputs' sizes and times too: another build may have written them. @param {string} wanted @param {string[]} outputs */
function state(wanted, outputs) {
  const written = outputs.map((file) => statSync(file)).map(({ size, mtimeMs }) => [size, mtimeMs]);
  return JSON.stringify({ inputs: wanted, written });
}

/** The files below a path, in a steady order. @param {string} path @returns {string[]} */
function files(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => files(join(path, name)));
}

/** Builds all that is deployed: the service, and the page it serves. */
export async function buildAll() {
  await build();
  // Imported only now: it needs node_modules, which the set-up that imports this file may have yet to install.
  const { buildPage } = await import("../client/build.mjs");
  await buildPage();
}

if (isCalled(import.meta.url)) await script(buildAll);
