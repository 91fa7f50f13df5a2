// @ts-check
// `npm run build`, and wrangler's [build]: what is deployed, in build/. Out of ready/ where that is what the sources say,
// else built of them by the release profile.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { readyBuild } from "./lib/ready.mjs";
import { release } from "./lib/release.mjs";
import { say, script } from "./lib/shell.mjs";
import { needPackages, project, setup } from "./project.mjs";

await script(async () => {
  needPackages();
  const ready = readyBuild(project.root);
  if (!ready?.isCurrent) {
    await setup();
    return release(project);
  }
  for (const file of ["index_bg.wasm", "index.js"]) cpSync(join(ready.folder, file), join(project.root, "build", file));
  say("build/ is ready/, which was built of the sources as they are.");
});
