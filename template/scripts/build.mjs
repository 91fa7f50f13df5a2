// @ts-check
// `npm run build`, and wrangler's [build]: what is deployed, in build/. Out of ready/ where that is what the sources say,
// else built of them by the release profile.
import { cpSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readyBuild } from "./lib/ready.mjs";
import { release } from "./lib/release.mjs";
import { say, script } from "./lib/shell.mjs";
import { needPackages, project, setup } from "./project.mjs";

/** Sees to it that build/ is what the sources say, and returns its folder. */
export async function build() {
  needPackages();
  const ready = readyBuild(project.root);
  if (!ready?.isCurrent) {
    await setup();
    return release(project);
  }
  const folder = join(project.root, "build");
  for (const file of ["index_bg.wasm", "index.js"]) cpSync(join(ready.folder, file), join(folder, file));
  say("build/ is ready/, which was built of the sources as they are.");
  return folder;
}

// `npm run deploy` has built, and looked at what it built, before wrangler asks for it.
const isBuilt = Boolean(process.env.DORMOUSE_BUILT);
if (!isBuilt && process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await script(build);
