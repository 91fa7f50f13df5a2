// Beside the template's own test: a Worker with routes of its own answers them, and hands the rest on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createTestHarness } from "wrangler";

const server = createTestHarness({
  workers: [{ configPath: "dist/wrangler.json", secrets: { JWT_SECRET: "of the tests alone, 32 bytes at least" } }],
});

before(() => server.listen());
after(async () => {
  await server.close();
  assert.deepEqual(server.getLogs().filter(({ level }) => level === "error"), []);
});

test("a route of its own answers", async () => {
  const answer = await server.fetch("/hello");
  assert.deepEqual([answer.status, await answer.text()], [200, "hello"]);
});

test("what is the service's is answered by the service", async () => {
  const health = await server.fetch("/v1/health");
  assert.equal(health.status, 200);
  const { channels } = await (await server.fetch("/v1/contract")).json();
  assert.deepEqual(channels.map(({ pattern }) => pattern), ["chat:*"]);
  assert.equal((await server.fetch("/nothing")).status, 404);
});
