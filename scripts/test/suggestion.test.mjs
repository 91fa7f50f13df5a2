// @ts-check
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { greeting } from "../greeting.mjs";
import { host, root } from "../project.mjs";
import { suggested, suggestionOf } from "../suggestion.mjs";
import { whyUnfit } from "../token.mjs";

/** @param {string} pattern @param {object} more */
const channel = (pattern, more = {}) => ({ pattern, join: "token", history: {}, presence: {}, events: { say: { ability: "publish", schema: {} } }, ...more });

/** A service that has these channels. @param {import("node:test").TestContext} t @param {object[]} channels */
async function serving(t, channels) {
  const server = createServer((_, answer) => void answer.end(JSON.stringify({ channels }))).listen(0, host);
  t.after(() => server.close());
  await once(server, "listening");
  return `http://${host}:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
}

test("the first channel to try is the first that has most to show, by a name that fits it", () => {
  const untyped = channel("app:**", { events: { message: { ability: "publish", schema: true } } });
  const channels = [untyped, channel("chat:*"), channel("cursor:*", { history: null }), channel("door:*", { join: "later" })];
  assert.deepEqual(suggestionOf({ channels }), { pattern: "chat:*", channel: "chat:lobby", can: ["join", "publish", "presence", "history"] });
  const open = channel("open:**", { join: "anyone" });
  assert.equal(suggestionOf({ channels: [open, channel("board:*:cell:*")] })?.channel, "board:lobby:cell:lobby");
  assert.equal(suggestionOf({ channels: [open] })?.channel, "open:lobby");
  assert.equal(suggestionOf({ channels: [] }), undefined);
});

test("a token for it allows what can be done there, and no more", () => {
  const events = { move: { ability: "publish:move", schema: {} }, "say.all": { ability: "publish:host", schema: true } };
  assert.deepEqual(suggestionOf({ channels: [channel("cursor:*", { history: null, presence: null, events })] })?.can, ["join", "publish:move", "publish:host"]);
});

test("npm start suggests a channel of the contract that it serves", async (t) => {
  const events = { move: { ability: "publish:move", schema: {} } };
  const text = await greeting(await serving(t, [channel("board:*", { events })]));
  assert.match(text, /Join the channel board:lobby with it:\nnpx wscat -c 'ws:\/\/[\d.:]+\/v1\/channels\/board:lobby'/);
  const [, can = ""] = /--can '([^']*)'/.exec(text) ?? [];
  assert.equal(can, "board:*=join,publish:move,presence,history");
  assert.equal(whyUnfit("board:*"), undefined);
  const [, claims = ""] = /\n(eyJ[^\n]*)\n/.exec(text)?.[1]?.split(".") ?? [];
  assert.deepEqual(JSON.parse(Buffer.from(claims, "base64url").toString()).can, { "**": ["join", "publish", "presence", "history", "publish:move"] });
});

test("where no service answers nothing is suggested, and the help of npm run token has an example all the same", async () => {
  assert.equal(await suggested("http://127.0.0.1:1", 1_000), undefined);
  const { stdout } = spawnSync(process.execPath, ["scripts/token.mjs", "--help"], { cwd: root, encoding: "utf8" });
  assert.match(stdout, /npm run token -- --user ann --can '[^' ]+=join[^' ]*'/);
});
