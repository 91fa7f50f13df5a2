// The TypeScript client on the real runtime: what it promises holds however the way behaves.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { type Message, connect } from "../../client/src/index.ts";
import { sorted } from "../../client/command.mjs";
import { Proxy, troubles } from "./support/proxy.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

const ROUNDS = 200;
/** Chosen anew for each run, and told, so that a run can be repeated. */
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

let service: Service;
let proxy: Proxy;
/** Closes every client, also those of a test that failed. */
const over = new AbortController();

before(async () => {
  service = await Service.start();
  proxy = await Proxy.start(service.url);
});

after(async () => {
  over.abort();
  await proxy.stop();
  await service.stop();
});

/** Numbers between 0 and 1 that the seed alone decides (mulberry32). */
function dice(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A client that remembers all it hears and wakes whoever waits for more; it waits a hundredth of what it would. */
function member(url: string, user: string, random: () => number, name = "chaos") {
  const channel = connect(url, `app:${name}`, { token: () => token(user), signal: over.signal, runtime: { random: () => random() / 100 } });
  const heard: Message[] = [];
  const events = new EventTarget();
  const lost: unknown[] = [];
  channel.on("message", (message) => {
    heard.push(message);
    events.dispatchEvent(new Event("heard"));
  });
  channel.connection.on("lost", (event) => lost.push(event));
  const until = async (count: number) => {
    while (heard.length < count) await once(events, "heard", { signal: AbortSignal.timeout(30_000) });
  };
  return { user, channel, heard, lost, until };
}

test("the types of the client are those of the contract that is served", async () => {
  const served = sorted(await (await service.fetch("/v1/contract")).json());
  const known = JSON.parse(await readFile(new URL("../support/contract.json", import.meta.url), "utf8"));
  assert.deepEqual(served, known, "run `npm start`, and beside it `npm run types -- --out tests/support/dormouse.ts --json tests/support/contract.json`");
});

test("r4_the_service_takes_the_deepest_data_that_the_client_lets_pass_alone_and_in_an_array", async () => {
  const nested = (levels: number): unknown => (levels ? [nested(levels - 1)] : 0);
  const { channel, heard, until } = member(service.url.href, "deep", Math.random, "deep");
  await channel.publish("message", nested(62));
  await Promise.all([channel.publish("message", nested(62)), channel.publish("message", nested(62))]);
  await until(3);
  assert.deepEqual(heard.map(({ data }) => data), [nested(62), nested(62), nested(62)]);
  await assert.rejects(channel.publish("message", nested(63)), { code: "bad_frame" });
  await channel.close();
});

test("a5_a_sign_in_that_the_service_refuses_changes_nothing_and_one_that_it_takes_holds_over_a_break", async () => {
  const { channel } = member(service.url.href, "ann", Math.random, "sign-in");
  await channel.opened();
  await assert.rejects(channel.signIn(await token("mallory")), { code: "forbidden" });
  const back = async () => {
    channel.connection.pause();
    channel.connection.start();
    await channel.opened();
    return channel.connection.user;
  };
  assert.equal(await back(), "ann");
  await channel.signIn(await token("ann"));
  assert.equal(await back(), "ann");
  channel.connection.pause();
  channel.connection.start();
  // Before there is a connection, the join is what judges it.
  await channel.signIn(await token("bob"));
  assert.equal(channel.connection.user, "bob");
  channel.connection.pause();
  channel.connection.start();
  await assert.rejects(channel.signIn("no.such.token"), { code: "unauthenticated" });
  await channel.opened();
  assert.equal(channel.connection.user, "bob");
  await channel.close();
});

test("d4_what_was_missed_waits_for_who_listens_once_the_channel_is_open", async () => {
  const speaker = member(service.url.href, "ann", Math.random, "late-ear");
  const { seq = 0 } = await speaker.channel.publish("message", 1);
  const { position } = speaker.channel;
  assert.equal(position?.seq, seq);
  await speaker.channel.publish("message", 2);
  await speaker.channel.publish("message", 3);
  const listener = connect(service.url.href, "app:late-ear", { token: () => token("bob"), signal: over.signal, position });
  await listener.opened();
  const heard: unknown[] = [];
  const recovered = new Promise((told) => listener.connection.on("recovered", told));
  listener.on("message", ({ data }) => heard.push(data));
  assert.deepEqual(await recovered, { after: seq, seq: seq + 2 });
  assert.deepEqual(heard, [2, 3]);
  await Promise.all([speaker.channel.close(), listener.close()]);
});

test("d4_d7_200_rounds_of_cuts_stalls_throttles_and_half_closes_lose_double_and_reorder_nothing", { timeout: 600_000 }, async (context) => {
  console.log(`SEED=${seed}`);
  const random = dice(seed);
  const clients = ["ann", "bob", "cleo"].map((user) => member(proxy.url, user, random));
  const onlooker = member(service.url.href, "dan", random);
  const all = [...clients, onlooker];
  await Promise.all(all.map(({ channel }) => channel.opened()));

  let said = 0;
  const made = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const trouble = troubles[Math.floor(random() * troubles.length)] ?? "cut";
    made.set(trouble, (made.get(trouble) ?? 0) + 1);
    const early = clients.map(({ channel, user }) => channel.publish("message", { user, number: ++said }));
    const troubled = proxy.make(trouble);
    const late = clients.map(({ channel, user }) => channel.publish("message", { user, number: ++said }));
    await Promise.all([...early, ...late, troubled]);
    await Promise.all(all.map(({ until }) => until(said)));
  }

  const expected = Array.from({ length: said }, (_, at) => at + 1);
  for (const { user, heard, lost } of all) {
    assert.deepEqual(
      heard.map(({ seq }) => seq),
      expected,
      `${user} heard every seq once and in order`,
    );
    assert.deepEqual(heard, onlooker.heard, `${user} heard what the onlooker heard`);
    assert.deepEqual(lost, []);
  }
  const numbers = onlooker.heard.map(({ data }) => (data as { number: number }).number);
  assert.deepEqual(
    [...numbers].sort((a, b) => a - b),
    expected,
    "all that was published is there once",
  );
  for (const { user } of clients) {
    const own = onlooker.heard.filter(({ from }) => from.user === user).map(({ data }) => (data as { number: number }).number);
    assert.deepEqual(
      own,
      [...own].sort((a, b) => a - b),
      `${user}'s messages stand in the order in which they were published`,
    );
  }
  context.diagnostic(`${said} messages, ${ROUNDS} troubles: ${[...made].map(([name, count]) => `${count} ${name}`).join(", ")}`);
  await Promise.all(all.map(({ channel }) => channel.close()));
});
