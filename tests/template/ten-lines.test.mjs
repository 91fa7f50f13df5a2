// In place of the template's own test: the README's crate of ten lines serves a channel.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createTestHarness } from "wrangler";

const server = createTestHarness({
  workers: [{ configPath: "dist/wrangler.json", secrets: { JWT_SECRET: "of the tests alone, 32 bytes at least" }, vars: { DEV_TOKENS: "1" } }],
});
let url;

before(async () => ({ url } = await server.listen()));
after(async () => {
  await server.close();
  assert.deepEqual(server.getLogs().filter(({ level }) => level === "error"), []);
});

test("anyone hears in a channel what is said there by token", async () => {
  const listener = new WebSocket(new URL("/v1/channels/chat:lobby", url), ["dormouse.v1"]);
  const heard = (type) => new Promise((resolve, reject) => {
    listener.addEventListener("message", ({ data }) => [JSON.parse(data)].flat().forEach((frame) => frame.type === type && resolve(frame)));
    listener.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code}`)));
  });
  const message = heard("message");
  await heard("welcome");
  const { token } = await (await server.fetch("/dev/token", { method: "POST", body: '{"user":"ann"}' })).json();
  const said = { id: "1", event: "say", data: { any: ["json"] } };
  const answer = await server.fetch("/v1/channels/chat:lobby/messages", { method: "POST", headers: { Authorization: `Bearer ${token}` }, body: JSON.stringify(said) });
  assert.deepEqual(await answer.json(), { type: "ack", id: "1", seq: 1 });
  const { seq, from, data } = await message;
  assert.deepEqual([seq, from.user, data], [1, "ann", { any: ["json"] }]);
  message.catch(() => {});
  listener.close();
});
