// @ts-check
// `npm test`: the contract has no mistake, its own tests hold, and the Worker keeps to it on Cloudflare's runtime.
// `npm test -- --release` tests what would be deployed, in place of the build that `npm start` serves.
import { join } from "node:path";
import { build } from "./build.mjs";
import { look, stage } from "./lib/development.mjs";
import { needDevVars } from "./lib/devvars.mjs";
import { readyBuild } from "./lib/ready.mjs";
import { say, script, Stop } from "./lib/shell.mjs";
import { testsOf } from "./lib/tests.mjs";
import { needPackages, project } from "./project.mjs";

const { root, shell } = project;

await script(async () => {
  needPackages();
  needDevVars(root);
  const untouched = readyBuild(root)?.isCurrent;
  const built = process.argv.includes("--release") ? await build() : await project.build();
  if (built === undefined) throw new Stop("The contract does not compile; see the lines above.");
  if ((await look(project, built, { DEV_TOKENS: "1" })) !== "right") throw new Stop("The contract or the configuration has the mistakes above.");

  if (untouched) say("cargo test is passed over: ready/ was built of the sources as they are, whose own tests had passed.");
  else await shell.run("cargo", ["test"], { why: "cargo test failed; see the lines above." });

  await stage(project, built, join(root, "dist"));
  const tests = testsOf(root);
  // Without a file Node would look for tests everywhere.
  if (tests.length === 0) say("the Worker has no tests: none is in test/.");
  else await shell.run("node", ["--test", ...tests], { why: "A test of the Worker failed; see the lines above." });
});
