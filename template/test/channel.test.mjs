// The Worker as it would be deployed, on Cloudflare's runtime (Miniflare): people join a room and speak.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createTestHarness } from "wrangler";
import { join } from "./support/member.mjs";

// What `npm test` has built.
const worker = { configPath: "dist/wrangler.json" };
const secrets = { JWT_SECRET: "of the tests alone, 32 bytes at least" };
const server = createTestHarness({ workers: [{ ...worker, secrets, vars: { DEV_TOKENS: "1" } }] });
let url;

before(async () => ({ url } = await server.listen()));

after(async () => {
  await server.close();
  const faults = server.getLogs().filter(({ level, message }) => level === "error" || /panicked|RuntimeError|[Uu]ncaught/.test(message));
  assert.deepEqual(faults, [], "the log tells of a fault");
});

test("what one says, everybody hears in the same place", async () => {
  const ann = await join(url, "chat:lobby", "ann");
  const bob = await join(url, "chat:lobby", "bob");
  ann.send({ type: "publish", id: "1", event: "say", data: { text: "hello" } });
  const heard = await bob.next("message");
  assert.deepEqual([heard.seq, heard.from.user, heard.data], [1, "ann", { text: "hello" }]);
  assert.equal((await ann.next("message")).seq, 1);
  await Promise.all([ann.close(), bob.close()]);
});

test("what breaks the contract is refused, and the reason is told", async () => {
  const ann = await join(url, "chat:quiet", "ann");
  ann.send({ type: "publish", id: "1", event: "say", data: { text: "" } });
  const refused = await ann.next("error");
  assert.deepEqual([refused.id, refused.code], ["1", "invalid_data"]);
  await ann.close();
});

test("what the application's own code refuses is refused with its reason", async () => {
  const ann = await join(url, "chat:quiet", "ann");
  ann.send({ type: "publish", id: "1", event: "say", data: { text: "spam" } });
  const refused = await ann.next("error");
  assert.deepEqual([refused.code, refused.reason], ["refused", "spam"]);
  await ann.close();
});
