// @ts-check
// What is deployed: a build of the release profile, optimised by wasm-opt.
import { join, relative } from "node:path";
import { program, toolEnvironment } from "./tools.mjs";
import { duration, say } from "./shell.mjs";

/**
 * Builds index.js and index_bg.wasm, link-time optimised, and returns their folder.
 * @param {import("./project.mjs").Project} project
 * @param {{out?: string, crate?: string}} [options] `out` is the folder, `crate` the application's, both below the root
 */
export async function release(project, { out = "build", crate = "." } = {}) {
  const { root, shell } = project;
  const env = { ...project.rust(), ...toolEnvironment(project) };
  const folder = join(root, out);

  say(`building the service's wasm into ${out}/ (release) …`);
  const begun = performance.now();
  const args = ["--release", "--out-dir", relative(join(root, crate), folder), join(root, crate)];
  await shell.run(program(project, "worker-build"), args, { env, why: "The wasm build failed; see the lines above." });
  // worker-build has optimised it, as Cargo.toml says. The names of functions are a tenth of the wasm; cargo's own strip
  // takes what wasm-bindgen needs to see.
  const wasm = join(folder, "index_bg.wasm");
  const opt = join(root, "node_modules", "binaryen", "bin", "wasm-opt");
  await shell.run("node", [opt, "--all-features", "--strip-debug", "--strip-producers", wasm, "-o", wasm], { env, why: "wasm-opt failed; see the lines above." });
  say(`built in ${duration(performance.now() - begun)}.`);
  return folder;
}
