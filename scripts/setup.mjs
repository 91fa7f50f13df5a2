// @ts-check
// All the set-up, each step a no-op where it was done: `npm run setup`, and the beginning of `npm start` and `npm test`.
import { needDevVars } from "./devvars.mjs";
import { needPackages } from "./packages.mjs";
import { isCalled } from "./project.mjs";
import { say, script } from "./shell.mjs";
import { needRust, needWasmTarget } from "./toolchain.mjs";
import { needTools } from "./tools.mjs";

export async function setup() {
  await needPackages();
  await needRust();
  await needWasmTarget();
  await needTools();
  needDevVars();
}

if (isCalled(import.meta.url)) {
  await script(async () => {
    await setup();
    say(`everything is set up: "npm start" runs the service, "npm test" checks it.`);
  });
}
