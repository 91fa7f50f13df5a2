// @ts-check
// What `npm start` serves: a build of the development profile, looked at by the real runtime before it is served.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { root, wasmTarget } from "./project.mjs";
import { hear, tryRun } from "./shell.mjs";
import { wasmEnvironment } from "./toolchain.mjs";
import { program, toolEnvironment } from "./tools.mjs";

const home = join(root, "target", "served");
const next = join(root, "target", "next");
const profile = "development";
/** The configuration by which wrangler serves it. */
export const servedConfig = join(home, "wrangler.json");

/**
 * Builds what the sources say and has it served from now on, unless something is wrong with it: that is told, and what was
 * served before stays.
 * @param {Record<string, string>} vars what the service is started with beside wrangler.toml and .dev.vars
 * @returns {Promise<"served" | "wrong source" | "wrong configuration">}
 */
export async function renew(vars) {
  const found = await look(vars);
  if (found === "right") await serve();
  return found === "right" ? "served" : found;
}

/**
 * Builds what the sources say and tells what is wrong with it, if anything is.
 * @param {Record<string, string>} vars
 * @returns {Promise<"right" | "wrong source" | "wrong configuration">}
 */
export async function look(vars) {
  const env = { ...wasmEnvironment(), ...toolEnvironment() };
  // Cargo by itself first: its lines are the compiler's own, with nothing around them.
  const color = process.stderr.isTTY ? ["--color", "always"] : [];
  const cargo = ["build", "--quiet", "--profile", profile, "--lib", "--target", wasmTarget, ...color];
  if ((await tryRun("cargo", cargo, { env })).code !== 0) return "wrong source";

  const bundled = await hear(program("worker-build"), ["--profile", profile, "--no-opt", "--out-dir", "target/next", root], { env });
  if (bundled.code !== 0) {
    process.stderr.write(bundled.output);
    return "wrong source";
  }
  const { mistakes } = await import("./mistakes.mjs");
  const found = await mistakes(next, vars);
  for (const mistake of found) console.error(mistake);
  if (found.length === 0) return "right";
  return found.some((mistake) => /^\S+\.rs:\d+: /.test(mistake)) ? "wrong source" : "wrong configuration";
}

/** Puts the new build in the old one's place, the wasm first: it is what the other file imports. */
async function serve() {
  mkdirSync(home, { recursive: true });
  for (const file of ["index_bg.wasm", "index.js"]) put(file, readFileSync(join(next, file)));
  put(basename(servedConfig), Buffer.from(await configuration()));
}

/** Writes what has changed, in one step: wrangler starts the runtime anew for each change. @param {string} file @param {Buffer} content */
function put(file, content) {
  const place = join(home, file);
  if (existsSync(place) && readFileSync(place).equals(content)) return;
  writeFileSync(`${place}.new`, content);
  renameSync(`${place}.new`, place);
}

/** Wrangler.toml, but for the build: that is done here. */
async function configuration() {
  // Imported only now: it needs node_modules, which the set-up may have yet to install.
  const { experimental_readRawConfig: readConfig } = await import("wrangler");
  const { rawConfig } = readConfig({ config: join(root, "wrangler.toml") });
  const { build: _, env: _environments, ...kept } = rawConfig;
  const assets = kept.assets && { ...kept.assets, directory: join(root, kept.assets.directory ?? "") };
  return JSON.stringify({ ...kept, main: "index.js", assets }, null, 2);
}
