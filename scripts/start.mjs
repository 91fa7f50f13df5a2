// @ts-check
// `npm start`: does the set-up, runs the service by wrangler dev and tells how to talk with it. Ctrl-C ends all.
import { renew } from "../template/scripts/lib/development.mjs";
import { serve } from "../template/scripts/lib/serve.mjs";
import { deployment } from "./deployment.mjs";
import { greeting } from "./greeting.mjs";
import { setup } from "./setup.mjs";
import { say, script } from "./shell.mjs";

const folders = { service: ["src", "crates"], page: ["client/src", "client/demo"] };

async function buildPage() {
  // Imported only now: it needs node_modules, which the set-up may have yet to install.
  const page = await import("../client/build.mjs");
  await page.buildPage().catch((error) => say(`the page is not built: ${error.message}`));
}

await script(() =>
  serve(deployment, {
    folders,
    async first(vars) {
      const progress = await setup(1);
      await buildPage();
      return progress.step("building the service, about 2 min the first time and then seconds", () => renew(deployment, vars));
    },
    async edited(parts) {
      if (parts.has("page")) await buildPage();
    },
    greet: greeting,
  }),
);
