// @ts-check
// Where things stand in the project, and the exact tool versions: package.json, package-lock.json and Cargo.lock are
// the only places that hold them. Node builtins only, so that it runs before anything is installed.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const tools = join(root, ".tools");
export const bin = join(root, "node_modules", ".bin");
export { wasmTarget } from "../template/scripts/lib/development.mjs";
export { host, port } from "../template/scripts/lib/service.mjs";

/** The text of a file of the project. @param {string[]} path */
export const read = (...path) => readFileSync(join(root, ...path), "utf8");

const manifest = JSON.parse(read("package.json"));

/** The wrangler environments; "" is the default one. */
export const environments = ["", "staging", "production"];
/** Most bytes the gzipped wasm may have. */
export const wasmAlarm = manifest.config["wasm-gzip-alarm-kib"] * 1024;
/** Oldest Node that wrangler and the TypeScript tests run on (types are stripped without a flag since 22.18). */
export const oldestNode = "22.18.0";

/** True where the module is the script that was called. @param {string} url its import.meta.url */
export const isCalled = (url) => process.argv[1] !== undefined && url === pathToFileURL(process.argv[1]).href;
