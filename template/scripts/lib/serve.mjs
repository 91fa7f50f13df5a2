// @ts-check
// The service on this machine, from the command line to its end: what is served first, and what each edit makes of it.
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { renew } from "./development.mjs";
import { host, port as usualPort, Service } from "./service.mjs";
import { duration, say, Stop } from "./shell.mjs";
import { afterEdits } from "./watch.mjs";

/** @typedef {import("./project.mjs").Project} Project */
/** @typedef {Awaited<ReturnType<typeof renew>>} Outcome */

const usage = `npm start takes, after "--":
  --port NUMBER        where to listen, ${usualPort} where not said
  --var NAME:VALUE     one of wrangler.toml's [vars] otherwise for this run; may be repeated
  --persist-to FOLDER  where the channels' storage lies, .wrangler/state where not said`;

/**
 * Serves a project until Ctrl-C, each edit once it is built and found right.
 * @template {string} Part
 * @param {Project} project
 * @param {object} ways
 * @param {Record<"service" | Part, string[]>} ways.folders what is watched
 * @param {(vars: Record<string, string>) => Promise<Outcome>} ways.first the set-up, and what is served first
 * @param {(parts: Set<"service" | Part>) => Promise<void>} [ways.edited] what else follows an edit
 * @param {(url: string) => Promise<string>} ways.greet what is said once it listens
 */
export async function serve(project, { folders, first, edited, greet }) {
  const { port, args, vars } = options(project.root);
  await needFree(port);
  const all = { ...vars, DEV_TOKENS: "1" };
  const outcome = await first(all);
  if (outcome === "wrong configuration") throw new Stop('correct what these lines name (wrangler.toml, .dev.vars or --var) and run "npm start" again.');
  let isServed = outcome === "served";
  await new Promise((served) => {
    const tell = () => (isServed ? served(undefined) : say("save a correction, and it is built again. Ctrl-C ends."));
    afterEdits(project.root, folders, async (parts) => {
      await edited?.(parts);
      if (!parts.has("service")) return;
      const isRight = await isRenewed(project, all);
      if (isServed && !isRight) say("what was served before still is, until this is corrected.");
      isServed ||= isRight;
      tell();
    });
    tell();
  });

  const service = new Service(project, port, args);
  await service.listening();
  await service.healthy();
  console.log(await greet(service.url));
  await service.ended;
  throw new Stop("wrangler dev ended by itself; see its lines above.");
}

/** Whether an edit is served; what is missing for that is said. @param {Project} project @param {Record<string, string>} vars */
async function isRenewed(project, vars) {
  const begun = performance.now();
  say("building …");
  const outcome = await renew(project, vars).catch((error) => {
    if (error instanceof Stop) return say(error.message);
    throw error;
  });
  if (outcome === "served") say(`built in ${duration(performance.now() - begun)}.`);
  return outcome === "served";
}

/** @param {string} root */
function options(root) {
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

/** The variables of the command line, as the service has them. @param {string[]} vars */
const parsed = (vars) => Object.fromEntries(vars.map((text) => [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)]));

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
