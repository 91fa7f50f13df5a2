// @ts-check
// What `npm start` serves: a build of the development profile, looked at by the real runtime before it is served.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { program, toolEnvironment } from "./tools.mjs";

/** @typedef {import("./project.mjs").Project} Project */

const profile = "development";
export const wasmTarget = "wasm32-unknown-unknown";
const wrangler = "wrangler.json";

/** The configuration by which wrangler serves it. @param {string} root */
export const servedConfig = (root) => join(root, "target", "served", wrangler);

/**
 * Has what the sources say served from now on, unless something is wrong with it: that is told, and what was served
 * before stays.
 * @param {Project} project @param {Record<string, string>} vars what the service is started with beside wrangler.toml and
 *   .dev.vars
 * @returns {Promise<"served" | "wrong source" | "wrong configuration">}
 */
export async function renew(project, vars) {
  const built = await project.build();
  if (built === undefined) return "wrong source";
  const found = await look(project, built, vars);
  if (found !== "right") return found;
  await stage(project, built, join(project.root, "target", "served"));
  return "served";
}

/**
 * Tells what the runtime finds wrong with a build's contract or configuration, if anything is.
 * @param {Project} project @param {string} built its folder @param {Record<string, string>} vars
 * @returns {Promise<"right" | "wrong source" | "wrong configuration">}
 */
export async function look({ root }, built, vars) {
  const { mistakes } = await import("./mistakes.mjs");
  const found = await mistakes(root, built, vars);
  for (const mistake of found) console.error(mistake);
  if (found.length === 0) return "right";
  return found.some((mistake) => /^\S+\.rs:\d+: /.test(mistake)) ? "wrong source" : "wrong configuration";
}

/** Builds by the development profile; the folder, or nothing where the compiler has told what is wrong. @param {Project} project */
export async function build(project) {
  const { root, shell } = project;
  const env = { ...project.rust(), ...toolEnvironment(project) };
  // Cargo by itself first: its lines are the compiler's own, with nothing around them.
  const color = process.stderr.isTTY ? ["--color", "always"] : [];
  const cargo = ["build", "--quiet", "--profile", profile, "--lib", "--target", wasmTarget, ...color];
  if ((await shell.tryRun("cargo", cargo, { env })).code !== 0) return undefined;

  const bundled = await shell.hear(program(project, "worker-build"), ["--profile", profile, "--no-opt", "--out-dir", "target/next", root], { env });
  if (bundled.code === 0) return join(root, "target", "next");
  process.stderr.write(bundled.output);
  return undefined;
}

/**
 * Puts a build in the place of another one, the wasm first: it is what the other file imports. Beside it wrangler.toml,
 * but for its [build], which was done here.
 * @param {Project} project @param {string} built @param {string} home
 */
export async function stage({ root }, built, home) {
  mkdirSync(home, { recursive: true });
  for (const file of ["index_bg.wasm", "index.js"]) put(join(home, file), readFileSync(join(built, file)));
  // Imported only now: it needs node_modules, which the set-up may have yet to install.
  const { experimental_readRawConfig: readConfig } = await import("wrangler");
  const { rawConfig } = readConfig({ config: join(root, "wrangler.toml") });
  const { build: _, env: _environments, ...kept } = rawConfig;
  const assets = kept.assets && { ...kept.assets, directory: join(root, kept.assets.directory ?? "") };
  put(join(home, wrangler), Buffer.from(JSON.stringify({ ...kept, main: "index.js", assets }, null, 2)));
}

/** Writes what has changed, in one step: wrangler starts the runtime anew for each change. @param {string} file @param {Buffer} content */
function put(file, content) {
  if (existsSync(file) && readFileSync(file).equals(content)) return;
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}
