// @ts-check
// `npm start`: does the set-up, runs the service by wrangler dev and tells how to talk with it. Ctrl-C ends all.
import { once } from "node:events";
import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { buildAll } from "./build.mjs";
import { greeting } from "./greeting.mjs";
import { host, port as usualPort } from "./project.mjs";
import { Service } from "./service.mjs";
import { setup } from "./setup.mjs";
import { script, Stop } from "./shell.mjs";

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
  return { port, args: [...vars.flatMap((text) => ["--var", text]), ...(folder ? ["--persist-to", folder] : [])] };
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

await script(async () => {
  const { port, args } = options();
  await needFree(port);
  await setup();
  await buildAll();
  const service = new Service(port, args);
  await service.listening();
  await service.healthy();
  console.log(await greeting(service.url));
  await service.ended;
  throw new Stop("wrangler dev ended by itself; see its lines above.");
});
