import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { connect } from "../src/index.ts";
import { World, welcomeOf } from "./support/world.ts";

const CLIENTS = 2_000;
/** How long the service is gone, in milliseconds. */
const DOWN = 20_000;
/** How finely the return is counted, in milliseconds. */
const BUCKET = 250;
const plot = new URL("../../out/storm.svg", import.meta.url);

interface Storm {
  /** Attempts in each bucket since the service was killed, whether or not it was there. */
  readonly attempts: readonly number[];
  /** When each client was back, in milliseconds since the service was killed. */
  readonly back: readonly number[];
}

/** Kills the service under 2,000 clients and brings it back after a while. */
async function storm(): Promise<Storm> {
  const world = new World();
  const runtime = { ...world.runtime, random: Math.random };
  const channels = Array.from({ length: CLIENTS }, (_, at) =>
    connect("http://service.test", "chat:lobby", { token: `t${at}`, runtime, position: { epoch: "e1", seq: 0 } }),
  );
  world.onSocket = (socket) => void socket.say(welcomeOf({ resume: "recovered" }));
  await world.advance(11_000);
  assert.ok(channels.every(({ connection }) => connection.state === "open"));

  const killed = world.now;
  const attempts: number[] = [];
  const back: number[] = [];
  for (const { connection } of channels) connection.on("state", ({ state }) => void (state === "open" && back.push(world.now - killed)));
  const first = world.sockets.splice(0);
  world.onSocket = (socket) => {
    const bucket = Math.floor((world.now - killed) / BUCKET);
    attempts[bucket] = (attempts[bucket] ?? 0) + 1;
    void (world.now - killed < DOWN ? socket.end(1006) : socket.say(welcomeOf({ resume: "recovered" })));
  };
  await Promise.all(first.map((socket) => socket.end(1006)));
  for (let waited = 0; back.length < CLIENTS && waited < 120_000; waited += 1_000) await world.advance(1_000);
  for (const channel of channels) void channel.close();
  return { attempts: Array.from(attempts, (count) => count ?? 0), back };
}

test("2000_clients_of_a_killed_service_spread_their_return_over_the_backoff_window", async (context) => {
  const { attempts, back } = await storm();
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
  await mkdir(new URL(".", plot), { recursive: true });
  await writeFile(plot, drawing(attempts, returns));
  context.diagnostic(
    `at most ${busiest} of ${CLIENTS} return within ${BUCKET} ms; the middle four fifths take ${Math.round(spread)} ms; see out/storm.svg`,
  );
  const second = Array.from({ length: Math.ceil(returns.length / 4) }, (_, at) =>
    returns.slice(at * 4, at * 4 + 4).reduce((sum, one) => sum + one, 0),
  );
  for (const [at, count] of second.entries())
    if (at * 1_000 >= DOWN) context.diagnostic(`${String(at).padStart(2)} s ${"#".repeat(Math.ceil(count / 8))} ${count}`);
});

/** Attempts and returns over time, as a picture. */
function drawing(attempts: readonly number[], returns: readonly number[]): string {
  const width = 6;
  const most = Math.max(...attempts, ...returns);
  const bars = (counts: readonly number[], colour: string): string =>
    counts
      .map(
        (count, at) =>
          `<rect x="${40 + at * width}" y="${220 - (200 * count) / most}" width="${width - 1}" height="${(200 * count) / most}" fill="${colour}"/>`,
      )
      .join("");
  const wide = 60 + Math.max(attempts.length, returns.length) * width;
  const down = 40 + (DOWN / BUCKET) * width;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="270" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>${bars(attempts, "#d9c6a9")}${bars(returns, "#8a4b14")}
<line x1="${down}" x2="${down}" y1="10" y2="220" stroke="#3f6b34" stroke-dasharray="4 3"/><text x="${down + 4}" y="20">the service is back</text>
<text x="40" y="240">attempts (light) and returns (dark) of ${CLIENTS} clients each ${BUCKET} ms since the service was killed; at most ${most}</text>
<text x="40" y="258">0 s</text><text x="${wide - 60}" y="258">${Math.round((Math.max(attempts.length, returns.length) * BUCKET) / 1000)} s</text></svg>
`;
}
