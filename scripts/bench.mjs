// @ts-check
// `npm run bench [-- --quick]`: the service with its benchmark contract, measured beside what one would pick instead.
import { build } from "./build.mjs";
import { setup } from "./setup.mjs";
import { run, script } from "./shell.mjs";

const out = "out/bench";

await script(async () => {
  await setup();
  await build({ out, crate: "bench/service" });
  await run("node", ["bench/run.mjs", "--bundle", out, ...process.argv.slice(2)], { why: "The benchmark failed; see its lines above." });
});
