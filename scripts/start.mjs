// @ts-check
// `npm start`: does the set-up, runs the service by wrangler dev and tells how to talk with it. Ctrl-C ends all.
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renew } from "./development.mjs";
import { greeting } from "./greeting.mjs";
import { host, port as usualPort, root } from "./project.mjs";
import { Service } from "./service.mjs";
import { setup } from "./setup.mjs";
import { duration, say, script, Stop } from "./shell.mjs";
import { afterEdits } from "./watch.mjs";

const usage = `npm start takes, after "--":
  --port NUMBER        where to listen, ${usualPort} where not said
  --var NAME:VALUE     one of wrangler.toml's [vars] otherwise for this run; may be repeated
  --persist-to FOLDER  where the channels' storage lies, .wrangler/state where not said`;

function options() {
  const known = /** @type {const} */ ({
    port: { type: "string", default: String(usualPort) },
    var: { type: "string", multiple: true },
    "persist-to": { type: "string" },
  });
  let given;
  try {
    given = parseArgs({ options: known }).values;
  } catch {
    throw new Stop(`"${process.argv.slice(2).join(" ")}" is not understood. ${usage}`, 2);
  }
  const port = Number(given.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Stop(`--port '${given.port}' is no port (1 to 65535). ${usage}`, 2);
  const vars = given.var ?? [];
  const bad = vars.find((text) => !/^\w+:/.test(text));
  if (bad !== undefined) throw new Stop(`--var '${bad}' is not NAME:VALUE. ${usage}`, 2);
  const folder = given["persist-to"];
  return { port, vars: parsed(vars), args: [...vars.flatMap((text) => ["--var", text]), "--persist-to", folder ?? join(root, ".wrangler", "state")] };
}

/** @param {number} port */
async function needFree(port) {
  const probe = createServer().listen(port, host);
  try {
    await once(probe, "listening");
  } catch (error) {
    const reason = /** @type {NodeJS.ErrnoException} */ (error).code === "EADDRINUSE" ? "is in use: end what listens there" : `cannot be opened (${error})`;
    throw new Stop(`Port ${port} of ${host} ${reason}, or choose another with "npm start -- --port 8788".`);
  }
  probe.close();
  await once(probe, "close");
}

/** The variables of the command line, as the service has them. @param {string[]} vars */
const parsed = (vars) => Object.fromEntries(vars.map((text) => [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)]));

/**
 * Builds, now and after each edit; done once there is something to serve. A mistake in the sources waits for its
 * correction.
 * @param {Record<string, string>} vars @param {import("./progress.mjs").Progress} progress
 */
async function keepBuilt(vars, progress) {
  await buildPage();
  const first = await progress.step("building the service, about 2 min the first time and then seconds", () => renew(vars));
  if (first === "wrong configuration") throw new Stop('correct what these lines name (wrangler.toml, .dev.vars or --var) and run "npm start" again.');
  await new Promise((served) => {
    afterEdits(async (parts) => {
      if (parts.has("page")) await buildPage();
      if (!parts.has("service")) return;
      if ((await build(vars)) === "served") served(undefined);
      else say("what was served before still is, until this is corrected.");
    });
    if (first === "served") return served(undefined);
    say("save a correction, and it is built again. Ctrl-C ends.");
  });
}

async function buildPage() {
  // Imported only now: it needs node_modules, which the set-up may have yet to install.
  const page = await import("../client/build.mjs");
  await page.buildPage().catch((error) => say(`the page is not built: ${error.message}`));
}

/** @param {Record<string, string>} vars */
async function build(vars) {
  const begun = performance.now();
  say("building …");
  const outcome = await renew(vars);
  if (outcome === "served") say(`built in ${duration(performance.now() - begun)}.`);
  return outcome;
}

await script(async () => {
  const { port, args, vars } = options();
  await needFree(port);
  const progress = await setup(1);
  await keepBuilt({ ...vars, DEV_TOKENS: "1" }, progress);
  const service = new Service(port, args);
  await service.listening();
  await service.healthy();
  console.log(await greeting(service.url));
  await service.ended;
  throw new Stop("wrangler dev ended by itself; see its lines above.");
});
