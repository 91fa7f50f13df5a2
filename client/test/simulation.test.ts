import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../src/index.ts";
import { FakeService } from "./support/service.ts";
import { World } from "./support/world.ts";

/** Each seed is another story; a failing one is told, and can be kept as a test of its own. */
const SEEDS = 200;
const FIRST = Number(process.env["SEED"] ?? 1);

/** Numbers between 0 and 1 that the seed alone decides (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Three clients talk through weather that the seed chooses, until all is calm; returns what the weather was like. */
async function story(seed: number): Promise<FakeService["counts"]> {
  const random = dice(seed);
  const world = new World();
  const service = new FakeService(world, {
    random,
    delay: random() * 200,
    cut: random() * 0.08,
    forget: random() * 0.1,
    replay: 2 + Math.floor(random() * 30),
    rate: { perSecond: 2 + random() * 20, burst: 1 + Math.floor(random() * 20) },
  });
  const settled: string[] = [];
  let asked = 0;
  const members = ["ann", "bob", "cleo"].map((user) => {
    const channel = connect("http://service.test", "chat:lobby", {
      token: user,
      runtime: { ...world.runtime, random, instance: () => user },
      position: { epoch: "e", seq: 0 },
    });
    const heard: number[] = [];
    const lost: unknown[] = [];
    channel.on("say", ({ seq }) => heard.push(seq ?? 0));
    channel.connection.on("lost", (event) => lost.push(event));
    return { user, channel, heard, lost };
  });
  const said = new Map<string, string[]>(members.map(({ user }) => [user, []]));
  const say = ({ user, channel }: (typeof members)[number]): void => {
    const text = `${user} ${asked++}`;
    said.get(user)?.push(text);
    channel.publish("say", { text }).then(
      () => settled.push(text),
      (error: Error) => settled.push(`${text}: ${error.message}`),
    );
  };
  for (let step = 0; step < 60; step++) {
    for (const member of members) for (let left = Math.floor(random() * 4); left > 0; left--) say(member);
    await world.advance(random() * 300);
  }
  service.calm();
  await world.advance(300_000);
  // Only what comes after it shows that a message is missing.
  for (const member of members) say(member);
  await world.advance(10_000);

  const all = Array.from({ length: service.kept.length }, (_, at) => at + 1);
  assert.deepEqual([...settled].sort(), [...said.values()].flat().sort(), "every promise settles once, and well");
  for (const { user, heard, lost } of members) {
    assert.deepEqual(heard, all, `${user} hears each message once and in order`);
    assert.deepEqual(lost, []);
    const own = service.kept.filter(({ from }) => from.user === user).map(({ data }) => (data as { text: string }).text);
    assert.deepEqual(own, said.get(user), `what ${user} said is kept once and in the order in which it was said`);
  }
  return service.counts;
}

test(`d4_d6_d7_nothing_is_lost_doubled_or_reordered_in_${SEEDS}_seeded_stories`, async (context) => {
  const total: Record<string, number> = {};
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    try {
      for (const [name, count] of Object.entries(await story(seed))) total[name] = (total[name] ?? 0) + count;
    } catch (error) {
      throw new Error(`SEED=${seed} fails`, { cause: error });
    }
  }
  for (const [name, count] of Object.entries(total)) assert.ok(count > SEEDS, `the weather is worth its name: ${count} ${name}`);
  context.diagnostic(
    Object.entries(total)
      .map(([name, count]) => `${count} ${name}`)
      .join(", "),
  );
});
