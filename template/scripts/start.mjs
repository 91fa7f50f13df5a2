// @ts-check
// `npm start`: serves this application by wrangler dev, and each edit a few seconds after it is saved. Ctrl-C ends it.
import { greeting } from "./greeting.mjs";
import { renew } from "./lib/development.mjs";
import { needDevVars } from "./lib/devvars.mjs";
import { readyBuild } from "./lib/ready.mjs";
import { serve } from "./lib/serve.mjs";
import { say, script, Stop } from "./lib/shell.mjs";
import { needPackages, project } from "./project.mjs";

/** What is served first. @param {Record<string, string>} vars */
async function first(vars) {
  const ready = readyBuild(project.root);
  if (ready?.isCurrent) say("served is ready/, which was built of the sources as they are. The first edit needs Rust, and is built for some minutes; later ones take seconds.");
  try {
    return await renew(project, vars);
  } catch (error) {
    if (!(error instanceof Stop) || !ready) throw error;
    say(error.message);
    say("until then ready/ is served, which was built of the sources AS THEY WERE when this application was made: your edits are not in it.");
    return renew({ ...project, build: async () => ready.folder }, vars);
  }
}

await script(() => {
  needPackages();
  needDevVars(project.root);
  return serve(project, { folders: { service: ["src"] }, first, greet: greeting });
});
