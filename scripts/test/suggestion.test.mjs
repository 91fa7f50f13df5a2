// @ts-check
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { suggested, suggestionOf } from "../../template/scripts/lib/suggestion.mjs";
import { greeting as greetingOfTemplate } from "../../template/scripts/greeting.mjs";
import { greeting } from "../greeting.mjs";
import { host, root } from "../project.mjs";
import { whyUnfit } from "../token.mjs";

/** @param {string} pattern @param {object} more */
const channel = (pattern, more = {}) => ({ pattern, join: "token", history: {}, presence: {}, events: { say: { ability: "publish", schema: {} } }, ...more });

/** A service that has these channels. @param {import("node:test").TestContext} t @param {object[]} channels */
async function serving(t, channels) {
  const server = createServer(({ url }, answer) => void answer.end(JSON.stringify(url === "/dev/token" ? { token: "t.o.k" } : { channels }))).listen(0, host);
  t.after(() => server.close());
  await once(server, "listening");
  return `http://${host}:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
}

test("the first channel to try is the first that has most to show, by a name that fits it", () => {
  const untyped = channel("app:**", { events: { message: { ability: "publish", schema: true } } });
  const channels = [untyped, channel("chat:*"), channel("cursor:*", { history: null }), channel("door:*", { join: "later" })];
  const { frame: _, ...suggestion } = suggestionOf({ channels }) ?? {};
  assert.deepEqual(suggestion, { pattern: "chat:*", channel: "chat:lobby", can: ["join", "publish", "presence", "history"] });
  const open = channel("open:**", { join: "anyone" });
  assert.equal(suggestionOf({ channels: [open, channel("board:*:cell:*")] })?.channel, "board:lobby:cell:lobby");
  assert.equal(suggestionOf({ channels: [open] })?.channel, "open:lobby");
  assert.equal(suggestionOf({ channels: [] }), undefined);
  const asked = channel("dice:*", { events: {}, calls: { roll: { ability: "call", input: {} } } });
  assert.equal(suggestionOf({ channels: [untyped, asked] })?.channel, "dice:lobby", "what may be asked is typed too");
});

test("what to send there first is something that the contract takes, where that can be made up", () => {
  const of = (/** @type {object} */ more) => suggestionOf({ channels: [channel("a:*", more)] })?.frame;
  const says = (/** @type {unknown} */ schema) => of({ events: { rolled: { ability: "publish:rolled", from_service: true, schema: true }, say: { ability: "publish", schema } } });
  const said = (/** @type {unknown} */ data) => ({ type: "publish", id: "1", event: "say", data });
  const object = (/** @type {Record<string, object>} */ properties, required = Object.keys(properties)) => ({ type: "object", properties, required, additionalProperties: false });
  assert.deepEqual(says(true), said({ text: "hello" }));
  assert.deepEqual(says(object({ text: { type: "string", minLength: 7 }, code: { type: "string", maxLength: 2 } })), said({ text: "hello!!", code: "he" }));
  assert.deepEqual(says(object({ sides: { type: "integer", minimum: 2, maximum: 9 }, low: { type: "number", maximum: -1 }, on: { type: "boolean" } })), said({ sides: 2, low: -1, on: true }));
  assert.deepEqual(says(object({ kind: { type: "string", enum: ["red"] }, tags: { type: "array" }, left: { $ref: "#/$defs/Left" } }, ["kind", "tags"])), said({ kind: "red", tags: [] }));
  for (const schema of [{ $ref: "#/$defs/Say" }, { type: "object", oneOf: [] }, { type: "string", pattern: "^a" }, { type: "string", format: "uuid" }, { type: ["string", "null"] }]) {
    assert.equal(says(object({ hard: schema })), undefined, JSON.stringify(schema));
  }
  const calls = { roll: { ability: "call", input: object({ sides: { type: "integer", minimum: 2 } }) } };
  assert.deepEqual(of({ events: {}, calls }), { type: "call", id: "1", name: "roll", data: { sides: 2 } });
});

test("npm start of an application suggests what the contract that it serves has", async (t) => {
  const roll = { ability: "call", input: { type: "object", properties: { sides: { type: "integer", minimum: 2 } }, required: ["sides"] } };
  const url = await serving(t, [channel("dice:*", { events: {}, calls: { roll } })]);
  const [join = "", frame] = (await greetingOfTemplate(url)).split("\n").slice(4, 6);
  assert.equal(join, `npx wscat -c '${url.replace("http", "ws")}/v1/channels/dice:lobby' -s dormouse.v1 -s bearer.t.o.k`);
  assert.equal(frame, '{"type":"call","id":"1","name":"roll","data":{"sides":2}}');
  const silent = await greetingOfTemplate(await serving(t, [channel("dice:*", { events: {} })]));
  assert.match(silent, /^Join the channel dice:lobby in another terminal:\nnpx wscat [^\n]*\n\nWhat may be said is/m);
  assert.doesNotMatch(await greetingOfTemplate(await serving(t, [])), /Join|wscat/);
});

test("a token for it allows what can be done there, and no more", () => {
  const events = { move: { ability: "publish:move", schema: {} }, "say.all": { ability: "publish:host", schema: true } };
  assert.deepEqual(suggestionOf({ channels: [channel("cursor:*", { history: null, presence: null, events })] })?.can, ["join", "publish:move", "publish:host"]);
  const code = { events: { say: { ability: "publish", schema: {} }, rolled: { ability: "publish:rolled", schema: {}, from_service: true } }, calls: { roll: { ability: "call", input: true } } };
  assert.deepEqual(suggestionOf({ channels: [channel("demo:*", code)] })?.can, ["join", "publish", "call", "presence", "history"]);
});

test("npm start suggests a channel of the contract that it serves", async (t) => {
  const events = { move: { ability: "publish:move", schema: {} } };
  const text = await greeting(await serving(t, [channel("board:*", { events })]));
  assert.match(text, /Join the channel board:lobby with it:\nnpx wscat -c 'ws:\/\/[\d.:]+\/v1\/channels\/board:lobby'/);
  const [, can = ""] = /--can '([^']*)'/.exec(text) ?? [];
  assert.equal(can, "board:*=join,publish:move,presence,history");
  assert.equal(whyUnfit("board:*"), undefined);
  const [, claims = ""] = /\n(eyJ[^\n]*)\n/.exec(text)?.[1]?.split(".") ?? [];
  assert.deepEqual(JSON.parse(Buffer.from(claims, "base64url").toString()).can, { "**": ["join", "publish", "call", "presence", "history", "publish:move"] });
});

test("where no service answers nothing is suggested, and the help of npm run token has an example all the same", async () => {
  assert.equal(await suggested("http://127.0.0.1:1", 1_000), undefined);
  const { stdout } = spawnSync(process.execPath, ["scripts/token.mjs", "--help"], { cwd: root, encoding: "utf8" });
  assert.match(stdout, /npm run token -- --user ann --can '[^' ]+=join[^' ]*'/);
});
