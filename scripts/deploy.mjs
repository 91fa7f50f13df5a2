// @ts-check
// `npm run deploy [-- --env production]`: a release build, then `wrangler deploy` with what else is given.
import { buildAll } from "./build.mjs";
import { bin } from "./project.mjs";
import { setup } from "./setup.mjs";
import { run, script } from "./shell.mjs";

await script(async () => {
  const args = process.argv.slice(2);
  const named = args.some((arg) => /^(-e|--env)(=|$)/.test(arg));
  await setup();
  await buildAll();
  // Who is logged in to Cloudflare stands in the person's own configuration.
  const env = { XDG_CONFIG_HOME: process.env.XDG_CONFIG_HOME };
  const why = "wrangler deploy failed; see its lines above.";
  await run(`${bin}/wrangler`, ["deploy", ...(named ? [] : ["--env="]), ...args], { env, why });
});
