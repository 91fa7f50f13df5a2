// @ts-check
// Where things stand in the project, and the exact tool versions: package.json, package-lock.json and Cargo.lock are
// the only places that hold them. Node builtins only, so that it runs before anything is installed.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const tools = join(root, ".tools");
export const bin = join(root, "node_modules", ".bin");
export const host = "127.0.0.1";
export const port = 8787;
export const wasmTarget = "wasm32-unknown-unknown";

/** The text of a file of the project. @param {string[]} path */
export const read = (...path) => readFileSync(join(root, ...path), "utf8");

const manifest = JSON.parse(read("package.json"));

/** The wrangler environments; "" is the default one. */
export const environments = ["", "staging", "production"];
/** Most bytes the gzipped wasm may have. */
export const wasmAlarm = manifest.config["wasm-gzip-alarm-kib"] * 1024;
/** Oldest Node that wrangler and the TypeScript tests run on (types are stripped without a flag since 22.18). */
export const oldestNode = "22.18.0";

/**
 * The cargo tools, their exact versions, and what cargo installs for each: never anything but what a lock says.
 * @returns {{name: string, version: string, source: string[], takes: string}[]} `takes`: about how long to build
 */
export function cargoTools() {
  const builder = manifest.config["worker-build"];
  return [
    { name: "worker-build", version: builder, source: [`worker-build@${builder}`], takes: "about 3 min" },
    // The command line tool refuses wasm made by any other version of the library. Its lock is ours: see there.
    { name: "wasm-bindgen", version: locked("wasm-bindgen"), source: ["--path", "scripts/wasm-bindgen"], takes: "about 1 min" },
  ];
}

/** The version of a crate in Cargo.lock. @param {string} crate @returns {string} */
export function locked(crate) {
  const found = read("Cargo.lock").match(new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`));
  if (!found) throw new Error(`Cargo.lock names no crate ${crate}: run "cargo generate-lockfile".`);
  return found[1];
}

/** True where version `a` is older than `b`, both dotted numbers. @param {string} a @param {string} b */
export function older(a, b) {
  const [left, right] = [a, b].map((version) => version.split(".").map((part) => Number.parseInt(part, 10)));
  const at = left.findIndex((part, index) => part !== right[index]);
  return at >= 0 && left[at] < (right[at] ?? 0);
}

/** True where the module is the script that was called. @param {string} url its import.meta.url */
export const isCalled = (url) => process.argv[1] !== undefined && url === pathToFileURL(process.argv[1]).href;
