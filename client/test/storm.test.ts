// With fake time, so that an absence as long as the widest window is affordable; tests/e2e/storm.test.ts is the real one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../src/index.ts";
import { World, welcomeOf } from "./support/world.ts";

const CLIENTS = 2_000;
/** How long the service is gone, in milliseconds. */
const DOWN = 20_000;
/** How finely the return is counted, in milliseconds. */
const BUCKET = 250;

/** Kills the service under 2,000 clients, brings it back after a while, and tells when each was back, in milliseconds since the kill. */
async function storm(): Promise<number[]> {
  const world = new World();
  const runtime = { ...world.runtime, random: Math.random };
  const channels = Array.from({ length: CLIENTS }, (_, at) =>
    connect("http://service.test", "chat:lobby", { token: `t${at}`, runtime, position: { epoch: "e1", seq: 0 } }),
  );
  world.onSocket = (socket) => void socket.say(welcomeOf({ resume: "recovered" }));
  await world.advance(11_000);
  assert.ok(channels.every(({ connection }) => connection.state === "open"));

  const killed = world.now;
  const back: number[] = [];
  for (const { connection } of channels) connection.on("state", ({ state }) => void (state === "open" && back.push(world.now - killed)));
  const first = world.sockets.splice(0);
  world.onSocket = (socket) => void (world.now - killed < DOWN ? socket.end(1006) : socket.say(welcomeOf({ resume: "recovered" })));
  await Promise.all(first.map((socket) => socket.end(1006)));
  for (let waited = 0; back.length < CLIENTS && waited < 120_000; waited += 1_000) await world.advance(1_000);
  for (const channel of channels) void channel.close();
  return back;
}

test("2000_clients_of_a_killed_service_spread_their_return_over_the_backoff_window", async (context) => {
  const back = await storm();
  assert.equal(back.length, CLIENTS, "all come back");
  assert.ok(Math.max(...back) < DOWN + 30_000, "the last within the longest wait");
  // By the time it returns the window is 16 to 30 s wide: no instant sees more than a small share of all.
  const returns = Array.from({ length: Math.ceil((Math.max(...back) + 1) / BUCKET) }, () => 0);
  for (const at of back) returns[Math.floor(at / BUCKET)] = (returns[Math.floor(at / BUCKET)] ?? 0) + 1;
  const busiest = Math.max(...returns);
  assert.ok(busiest <= CLIENTS * 0.04, `${busiest} of ${CLIENTS} return within ${BUCKET} ms`);
  const sorted = [...back].sort((a, b) => a - b);
  const spread = (sorted[Math.floor(CLIENTS * 0.9)] ?? 0) - (sorted[Math.floor(CLIENTS * 0.1)] ?? 0);
  assert.ok(spread > 8_000, `the middle four fifths take ${spread} ms`);
  context.diagnostic(
    `at most ${busiest} of ${CLIENTS} return within ${BUCKET} ms; the middle four fifths take ${Math.round(spread)} ms`,
  );
  const second = Array.from({ length: Math.ceil(returns.length / 4) }, (_, at) =>
    returns.slice(at * 4, at * 4 + 4).reduce((sum, one) => sum + one, 0),
  );
  for (const [at, count] of second.entries())
    if (at * 1_000 >= DOWN) context.diagnostic(`${String(at).padStart(2)} s ${"#".repeat(Math.ceil(count / 8))} ${count}`);
});
