// In place of the template's own test: the guide's dice game answers a roll, and shows the score.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createTestHarness } from "wrangler";

const server = createTestHarness({
  workers: [{ configPath: "dist/wrangler.json", secrets: { JWT_SECRET: "of the tests alone, 32 bytes at least" }, vars: { DEV_TOKENS: "1" } }],
});

before(() => server.listen());
after(async () => {
  await server.close();
  assert.deepEqual(server.getLogs().filter(({ level }) => level === "error"), []);
});

test("a roll is answered, and no die has a side", async () => {
  const { token } = await (await server.fetch("/dev/token", { method: "POST", body: '{"user":"ann"}' })).json();
  const roll = async (sides) => {
    const answer = await server.fetch("/v1/channels/dice:1/calls/roll", { method: "POST", headers: { Authorization: `Bearer ${token}` }, body: JSON.stringify({ sides }) });
    return [answer.status, await answer.json()];
  };
  const [status, { by, n }] = await roll(6);
  assert.deepEqual([status, by, n >= 1 && n <= 6], [200, "ann", true]);
  const [refused, { error }] = await roll(1);
  assert.deepEqual([refused, error.code], [422, "invalid_data"]);
});
