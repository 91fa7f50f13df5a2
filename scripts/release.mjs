// @ts-check
// The checks on what would be deployed: its size, and each environment.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { wasmFile } from "./build.mjs";
import { bin, environments, wasmAlarm } from "./project.mjs";
import { Stop, tryRun } from "./shell.mjs";

const kib = (/** @type {number} */ bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

/** Tells the size of the built wasm, and stops where it sets off the alarm. The budget is cold start, which the benchmark measures. */
export function needSize() {
  const wasm = readFileSync(wasmFile);
  const gzipped = gzipSync(wasm, { level: 9 }).length;
  const told = `the wasm has ${kib(wasm.length)}, ${kib(gzipped)} gzipped; the alarm is at ${kib(wasmAlarm)}, and the budget is cold start (npm run bench -- --only cold-start)`;
  if (gzipped > wasmAlarm) throw new Stop(`${told}. See "cargo tree" for what grew, or raise the alarm in package.json and say why.`);
  return [told];
}

/** Stops where an environment would not deploy, or would open POST /dev/token to the world. */
export async function dryRun() {
  const closing = [];
  for (const name of environments) {
    const { code, output } = await tryRun(`${bin}/wrangler`, ["deploy", "--dry-run", `--env=${name}`]);
    const told = name === "" ? "the default environment" : `the environment ${name}`;
    if (code !== 0) throw new Stop(`wrangler would not deploy ${told}; see its lines above.`);
    if (output.includes("DEV_TOKENS")) throw new Stop(`DEV_TOKENS would be deployed with ${told}: npm start alone sets it.`);
    closing.push(`${told}: ${output.match(/Total Upload: .*/)?.[0] ?? "no size told"}`);
  }
  return closing;
}
