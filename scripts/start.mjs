// @ts-check
// `npm start`: does the set-up, runs the service by wrangler dev and tells how to talk with it. Ctrl-C ends all.
import { once } from "node:events";
import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { mint } from "./jwt.mjs";
import { host, port as usualPort } from "./project.mjs";
import { Service } from "./service.mjs";
import { setup } from "./setup.mjs";
import { script, Stop } from "./shell.mjs";

await script(async () => {
  const port = wantedPort();
  await needFree(port);
  await setup();
  await build();
  const service = new Service(port);
  await service.listening();
  await service.healthy();
  await greet(service.url);
  await service.ended;
});

function wantedPort() {
  const { port } = options();
  const number = Number(port);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new Stop(`--port '${port}' is no port: a number from 1 to 65535.`, 2);
}

function options() {
  try {
    return parseArgs({ options: { port: { type: "string", default: String(usualPort) } } }).values;
  } catch (error) {
    throw new Stop(`${error instanceof Error ? error.message : error}. npm start takes only -- --port NUMBER.`, 2);
  }
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

/** @param {string} url */
async function greet(url) {
  const token = await mint({ user: "you", can: { "**": ["join", "publish", "presence", "history"] }, expires: 24 * 3600 });
  const channel = `${url.replace("http", "ws")}/v1/channels/chat:lobby`;
  console.log(`
Dormouse listens at ${url}  (Ctrl-C ends it)

A token for the user "you", good for a day on every channel:
${token}

Join the channel chat:lobby with it:
npx wscat -c '${channel}' -s dormouse.v1 -s bearer.${token}

More tokens: npm run token -- --user ann --can 'chat:*=join,publish,presence,history'
`);
}
