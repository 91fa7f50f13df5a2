// @ts-check
// All the set-up, each step a no-op where it was done: `npm run setup`, and the beginning of `npm start` and `npm test`.
import { needDevVars } from "../template/scripts/lib/devvars.mjs";
import { Progress } from "../template/scripts/lib/progress.mjs";
import { needTools } from "../template/scripts/lib/tools.mjs";
import { deployment } from "./deployment.mjs";
import { needPackages } from "./packages.mjs";
import { isCalled, root } from "./project.mjs";
import { say, script } from "./shell.mjs";
import { needRust, needWasmTarget } from "./toolchain.mjs";

/** The packages, the wasm target, and two tools. */
const STEPS = 4;

/** @param {number} [more] how many steps follow that are told in the same count */
export async function setup(more = 0) {
  const progress = new Progress(STEPS + more);
  await needPackages(progress);
  await needRust();
  await needWasmTarget(progress);
  await needTools(deployment, progress);
  needDevVars(root);
  return progress;
}

if (isCalled(import.meta.url)) {
  await script(async () => {
    await setup();
    say(`everything is set up: "npm start" runs the service, "npm test" checks it.`);
  });
}
