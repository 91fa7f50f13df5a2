// @ts-check
// This application, for the scripts.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { needCrates } from "./lib/crates.mjs";
import { build } from "./lib/development.mjs";
import { Progress } from "./lib/progress.mjs";
import { readyBuild } from "./lib/ready.mjs";
import { Shell, Stop } from "./lib/shell.mjs";
import { needCompiler, needRust, needWasmTarget, older } from "./lib/toolchain.mjs";
import { needTools } from "./lib/tools.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** The crates, the wasm target, two tools, and the build. */
const STEPS = 5;
/** Wrangler's oldest, by which Node strips types too. */
const oldestNode = "22.18.0";
/** @type {Progress | undefined} */
let steps;

/** @type {import("./lib/project.mjs").Project} */
export const project = {
  root,
  shell: new Shell(root),
  rust: () => ({}),
  async build() {
    const ready = readyBuild(root);
    if (ready?.isCurrent) return ready.folder;
    if (steps) return build(project);
    const progress = await setup();
    return progress.step("building the service, some minutes the first time and then seconds", () => build(project));
  },
};

/** Sees to it that there is all that a build needs, or stops with what to install. @returns {Promise<Progress>} */
export async function setup() {
  const progress = new Progress(STEPS);
  needRust(project);
  needCompiler(project);
  // First what a person may have to mend: the rest takes minutes.
  await needCrates(project, progress);
  await needWasmTarget(project, progress);
  await needTools(project, progress);
  return (steps = progress);
}

/** Stops where wrangler is not installed, or Node is older than it needs. */
export function needPackages() {
  const version = process.versions.node;
  if (older(version, oldestNode)) throw new Stop(`Node ${version} is too old, ${oldestNode} is needed: install it from https://nodejs.org.`);
  if (!existsSync(join(root, "node_modules", "wrangler"))) throw new Stop('run "npm install" first.');
}
