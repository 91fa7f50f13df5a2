// 2,000 clients lose their service in one instant: they come back spread over the backoff window, and miss nothing.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { connect } from "../../client/src/index.ts";
import { draw, histogram } from "./support/plot.ts";
import { Runtime } from "./support/runtime.ts";
import { token } from "./support/tokens.ts";

const CLIENTS = 2_000;
/** Those of them that talk, and how much each says: before the kill, in its face, and while away. */
const TALKERS = 10;
const SAID = 5;
/** Who joins at a time; the storm is to be the return, not the first join. */
const GROUP = 100;
/** The service stays away until each client has tried this often, so that it is met in a window of 4 s or more. */
const VAIN = 3;
/** How finely attempts are counted, in milliseconds. */
const BUCKET = 100;
/** A wait is a random part of a window that begins so wide and doubles up to so wide, in milliseconds. */
const WINDOW = { first: 500, longest: 30_000 };
/** How long anything may take before it counts as not happening, in milliseconds. */
const PATIENCE = 60_000;
const picture = new URL("../../out/storm.svg", import.meta.url);

let runtime: Runtime;
/** Closes every client, also those of a test that failed. */
const over = new AbortController();

before(async () => {
  runtime = await Runtime.start();
});

after(async () => {
  over.abort();
  await runtime.stop();
});

/** Times of what happens, in milliseconds since the service was killed, and a way to wait for so many. */
class Chronicle extends EventTarget {
  killed = Infinity;
  readonly times: number[] = [];

  note(): void {
    const at = performance.now() - this.killed;
    if (at < 0) return;
    this.times.push(at);
    this.dispatchEvent(new Event("noted"));
  }
}

/** Waits until something holds, looking whenever news comes. */
async function until(news: EventTarget, holds: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(PATIENCE);
  while (!holds()) await once(news, "noted", { signal });
}

/** What all clients share. */
interface Storm {
  readonly attempts: Chronicle;
  readonly returns: Chronicle;
  readonly heard: Chronicle;
}

/** A client as an app would have it, except that its attempts are counted. */
async function client(number: number, { attempts, returns, heard }: Storm) {
  const seqs: (number | undefined)[] = [];
  const told: string[] = [];
  /** Each wait in a row, as a share of its window. */
  const waits: number[] = [];
  const channel = connect(runtime.url, "app:storm", {
    token: await token(`user-${number}`, { can: { "app:*": ["join", "publish", "history"] } }),
    signal: over.signal,
    runtime: {
      socket: (url, protocols) => {
        attempts.note();
        return new WebSocket(url, protocols);
      },
    },
  });
  channel.on("message", ({ seq }) => {
    seqs.push(seq);
    heard.note();
  });
  channel.connection.on("lost", () => told.push("lost"));
  channel.connection.on("recovered", () => told.push("recovered"));
  channel.connection.on("state", ({ state, retryIn = 0 }) => {
    if (state === "open") returns.note();
    if (state === "waiting") waits.push(retryIn / Math.min(WINDOW.longest, WINDOW.first * 2 ** waits.length));
  });
  return { channel, seqs, told, waits };
}

type Client = Awaited<ReturnType<typeof client>>;

async function joined(storm: Storm): Promise<Client[]> {
  const clients: Client[] = [];
  while (clients.length < CLIENTS) {
    const group = await Promise.all(Array.from({ length: GROUP }, (_, at) => client(clients.length + at, storm)));
    await Promise.all(group.map(({ channel }) => channel.opened()));
    clients.push(...group);
  }
  return clients;
}

/** Each talker says its share in one turn. */
const talk = (clients: readonly Client[], when: string): Promise<unknown> =>
  Promise.all(clients.slice(0, TALKERS).flatMap(({ channel }) =>
    Array.from({ length: SAID }, (_, number) => channel.publish("message", { when, number }))));

/** The value below which this share of all lies. */
const quantile = (values: readonly number[], share: number): number => values.toSorted((a, b) => a - b)[Math.floor(values.length * share)];

test(`d4_d7_${CLIENTS}_clients_of_a_killed_service_spread_their_return_and_miss_nothing`, { timeout: 300_000 }, async (context) => {
  const storm: Storm = { attempts: new Chronicle(), returns: new Chronicle(), heard: new Chronicle() };
  const { attempts, returns, heard } = storm;
  const clients = await joined(storm);
  heard.killed = 0;
  await talk(clients, "before");
  await until(heard, () => heard.times.length >= CLIENTS * TALKERS * SAID);

  const inItsFace = talk(clients, "in its face");
  await runtime.cut();
  attempts.killed = returns.killed = performance.now();
  const away = talk(clients, "while away");
  // As many waits as attempts in vain, and the one after the kill.
  await until(attempts, () => clients.every(({ waits }) => waits.length > VAIN));
  await runtime.resume();
  const back = performance.now() - attempts.killed;
  await until(returns, () => returns.times.length >= CLIENTS && clients.every(({ channel }) => channel.connection.state === "open"));
  await Promise.all([inItsFace, away]);
  await until(heard, () => heard.times.length >= CLIENTS * TALKERS * SAID * 3);
  plot(attempts, returns, back);

  const all = Array.from({ length: TALKERS * SAID * 3 }, (_, at) => at + 1);
  for (const { seqs, told } of clients) {
    assert.deepEqual(seqs, all, "everyone hears everything once and in order");
    assert.deepEqual(new Set(told), new Set(["recovered"]));
  }

  // Full jitter: every tenth of the window is as likely as any other. Here no load of the machine has a say.
  const tenths = histogram(clients.flatMap(({ waits }) => waits.map((share) => share * 10)), 1);
  const waits = tenths.reduce((sum, count) => sum + count, 0);
  const even = tenths.length === 10 && tenths.every((count) => count > waits * 0.07 && count < waits * 0.13);
  assert.ok(even, `waits by tenths of their window: ${tenths}`);
  // Who waits without jitter comes in waves, with a silence between them that grows with the window.
  const window = WINDOW.first * 2 ** VAIN;
  const early = attempts.times.filter((at) => at < back + window);
  const quiet = Math.max(...early.map((at, index) => at - (early[index - 1] ?? 0)));
  assert.ok(quiet < window * 0.4, `nobody tried for ${Math.round(quiet)} ms`);
  const spread = quantile(returns.times, 0.9) - quantile(returns.times, 0.1);
  assert.ok(spread > window * 0.6, `the middle four fifths are back within ${Math.round(spread)} ms`);

  const most = Math.max(...histogram(attempts.times.filter((at) => at > back), BUCKET));
  const last = Math.max(...returns.times);
  context.diagnostic(`away for ${Math.round(back)} ms, ${attempts.times.length} attempts, waits by tenths of their window: ${tenths}`);
  context.diagnostic(`then at most ${most} attempts in ${BUCKET} ms; the longest silence up to then is ${Math.round(quiet)} ms`);
  context.diagnostic(`the middle four fifths back within ${Math.round(spread)} ms, the last at ${Math.round(last)} ms; see out/storm.svg`);
});

function plot(attempts: Chronicle, returns: Chronicle, back: number): void {
  mkdirSync(new URL(".", picture), { recursive: true });
  const series = [
    { name: "attempts", colour: "#b08a4f", counts: histogram(attempts.times, BUCKET) },
    { name: "returns", colour: "#8a4b14", counts: histogram(returns.times, BUCKET) },
  ];
  const title = `${CLIENTS} clients of a killed service: attempts and returns in each ${BUCKET} ms since the kill`;
  writeFileSync(picture, draw({ title, bucket: BUCKET, series, marks: [{ at: back, name: "the service is back" }] }));
}
