// @ts-check
// `npm run deploy [-- --env production]`: what the sources say, without a mistake, and then `wrangler deploy` with what else is given.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { build } from "./build.mjs";
import { look } from "./lib/development.mjs";
import { needDevVars } from "./lib/devvars.mjs";
import { script, Stop } from "./lib/shell.mjs";
import { project } from "./project.mjs";

await script(async () => {
  const built = await build();
  needDevVars(project.root);
  if ((await look(project, built, {})) !== "right") throw new Stop("The contract or the configuration has the mistakes above: nothing was deployed.");
  const wrangler = join(project.root, "node_modules", "wrangler", "bin", "wrangler.js");
  const { status } = spawnSync("node", [wrangler, "deploy", ...process.argv.slice(2)], { stdio: "inherit", env: { ...process.env, DORMOUSE_BUILT: "1" } });
  if (status !== 0) throw new Stop("wrangler deploy failed; see its lines above.");
});
