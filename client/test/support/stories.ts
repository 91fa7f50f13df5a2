import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { ChannelError } from "../../src/index.ts";
import type { Lost, Recovered } from "../../src/index.ts";
import { dice, tell, weather } from "./dice.ts";
import type { Wanted } from "./dice.ts";
import { FakeService } from "./service.ts";
import { World } from "./world.ts";
import type { Chat } from "./world.ts";

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

const EPOCHS = { "chat:lobby": "e", "chat:hall": "epoch of chat:hall", "chat:attic": "epoch of chat:attic" };

/** A client, and all it was told. */
class Member {
  readonly user: string;
  readonly room: string;
  readonly channel: Chat;
  readonly heard: number[] = [];
  readonly lost: Lost[] = [];
  readonly recovered: Recovered[] = [];
  /** What it said, in order, and what became of each. */
  readonly said = new Map<string, string[]>();

  constructor(world: World, user: string, room: "chat:lobby" | "chat:hall" | "chat:attic", random: () => number) {
    this.user = user;
    this.room = room;
    let instances = 0;
    const runtime = { ...world.runtime, random, instance: () => `${user}${instances++}` };
    const maxAttempts = random() < 0.5 ? 3 : undefined;
    this.channel = world.connect(room, { token: user, runtime, position: { epoch: EPOCHS[room], seq: 0 }, maxAttempts });
    this.channel.on("say", ({ seq }) => this.heard.push(seq ?? 0));
    this.channel.connection.on("lost", (event) => this.lost.push(event));
    this.channel.connection.on("recovered", (event) => this.recovered.push(event));
  }

  say(): void {
    const text = `${this.user} ${this.said.size}`;
    const came: string[] = [];
    this.said.set(text, came);
    this.channel.publish("say", { text }).then(
      ({ seq }) => came.push(`kept as ${seq}`),
      (error: unknown) => came.push(error instanceof ChannelError ? error.code : String(error)),
    );
  }

  /** Takes up again what was over. */
  comeBack(service: FakeService): void {
    const { state, error } = this.channel.connection;
    if (state !== "closed") return;
    const kind = `back_after_${error?.code}`;
    service.counts[kind] = (service.counts[kind] ?? 0) + 1;
    void this.channel.reconnect();
  }

  /** What was told holds together, and with what the service has. */
  check(service: FakeService): void {
    const { user, heard, lost, recovered } = this;
    const room = service.room(this.room);
    const seqs = Array.from({ length: room.head }, (_, at) => at + 1);
    const gone = new Set(lost.flatMap(({ after, seq }) => seqs.slice(after ?? 0, seq)));
    assert.deepEqual(heard, seqs.filter((seq) => !gone.has(seq)), `${user} hears once and in order all that it is not told to be lost`);
    assert.ok(lost.length <= (service.losses[user] ?? 0), `${user} is told of a loss only where there is one: ${JSON.stringify(lost)}`);
    for (const { after, seq } of recovered)
      assert.deepEqual(heard.filter((one) => one > after && one <= seq), seqs.slice(after, seq), `${user} has recovered ${after} to ${seq}`);
    const own = room.kept.filter(({ from }) => from.user === user).map(({ data }) => (data as { text: string }).text);
    assert.deepEqual(own, [...this.said.keys()].filter((text) => own.includes(text)), `what ${user} said is kept once and in its order`);
    for (const [text, came] of this.said) {
      assert.equal(came.length, 1, `${text} settles once: ${came}`);
      const kept = room.kept.find(({ data }) => (data as { text: string }).text === text);
      const [code = ""] = came;
      // What was unanswered at the end was rejected by it, and may have been kept.
      if (code === "gave_up" || code === "removed") continue;
      if (code === "internal" || code === "invalid_data") assert.equal(kept, undefined, `${text} was refused with ${code}`);
      // What may have been said and cannot be looked for is neither said twice nor dropped without a word.
      else if (code === "timeout") assert.ok(lost.length > 0, `${text} is given up though nothing was lost`);
      else assert.equal(code, `kept as ${kept?.seq}`, text);
    }
  }
}

/** One step of a story: what may happen while three clients talk. */
async function step(world: World, service: FakeService, members: readonly Member[], random: () => number, wild: boolean): Promise<void> {
  for (const member of members) for (let left = Math.floor(random() * 4); left > 0; left--) member.say();
  await world.advance(random() * 300);
  for (const member of members) if (random() < 0.2) member.comeBack(service);
  if (!wild) return;
  const fate = random();
  if (fate < 0.02) {
    service.counts["outages"] = (service.counts["outages"] ?? 0) + 1;
    service.cut("away");
    await world.advance(random() * 15 * MINUTE);
    service.cut("there");
  } else if (fate < 0.04) {
    const { connection } = (members[Math.floor(random() * members.length)] as Member).channel;
    connection.pause();
    await world.advance(random() * 12 * MINUTE);
    connection.start();
  } else if (fate < 0.05) {
    const { user, room } = members[Math.floor(random() * members.length)] as Member;
    service.remove(user, room);
  } else if (fate < 0.07) {
    service.counts["blocks"] = (service.counts["blocks"] ?? 0) + 1;
    await world.block(random() * MINUTE);
  } else if (fate < 0.13) {
    service.counts["clock_steps"] = (service.counts["clock_steps"] ?? 0) + 1;
    const far = [5 * MINUTE, 2 * HOUR, 40 * DAY][Math.floor(random() * 3)] ?? 0;
    world.deviceAhead += random() < 0.5 ? far : -far;
  }
}

/** Three clients talk through weather that the seed chooses, until all is calm; returns what the weather was like. */
async function story(seed: number): Promise<FakeService["counts"]> {
  const random = dice(seed);
  const world = new World();
  const given = weather(random);
  // Of a connection that carries many, no channel is silent while the others talk.
  const service = new FakeService(world, World.way === "one session" ? { ...given, mute: 0, stall: 0 } : given);
  const rooms = World.way === "one session" ? (["chat:lobby", "chat:hall", "chat:attic"] as const) : (["chat:lobby"] as const);
  const members = rooms.flatMap((room) => ["ann", "bob", "cleo"].map((user) => new Member(world, user, room, random)));
  const wild = random() < 0.5;
  for (let steps = 0; steps < 40; steps++) await step(world, service, members, random, wild);
  service.calm();
  await world.advance(300_000);
  for (const member of members) member.comeBack(service);
  await world.advance(60_000);
  // Only what comes after it shows that a message is missing.
  for (const member of members) member.say();
  await world.advance(10_000);
  for (const member of members) member.check(service);
  return service.counts;
}

parentPort?.postMessage(await tell(workerData as Wanted, story));
