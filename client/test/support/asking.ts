import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import { ChannelError } from "../../src/index.ts";
import type { ChannelFor } from "../../src/index.ts";
import { dice, tell, weather } from "./dice.ts";
import type { Wanted } from "./dice.ts";
import { FakeService } from "./service.ts";
import { World } from "./world.ts";

const MINUTE = 60_000;
const ROOM = "demo:lobby";

/** What became of one call. */
interface Asked {
  readonly name: "roll" | "count";
  readonly at: number;
  readonly patience: number;
  readonly came: string[];
}

/** A client that asks, and all it was answered. */
class Asker {
  readonly user: string;
  readonly channel: ChannelFor<"demo:*">;
  /** By the id of its request. */
  readonly asked = new Map<string, Asked>();
  readonly misplaced: string[] = [];
  readonly #world: World;
  readonly #random: () => number;

  constructor(world: World, service: FakeService, user: string, random: () => number) {
    [this.user, this.#world, this.#random] = [user, world, random];
    const runtime = { ...world.runtime, random, instance: () => user };
    this.channel = world.connect(ROOM, { token: user, runtime });
    let lost = 0;
    this.channel.connection.on("lost", ({ seq }) => (lost = seq));
    this.channel.onSnapshot((snapshot) => {
      const { seq = 0 } = this.channel.position ?? {};
      assert.equal(this.channel.snapshot, snapshot);
      // Where more was lost than what it holds, it comes behind all that was lost.
      const known = service.shown.some((one) => (one.seq === seq || (one.seq < seq && lost === seq)) && one.text === JSON.stringify(snapshot));
      if (!known) this.misplaced.push(`${JSON.stringify(snapshot)} at ${seq}`);
    });
  }

  ask(): void {
    const id = `${this.user}/${this.asked.size}`;
    const leave = new AbortController();
    const patience = this.#random() < 0.5 ? 60_000 : Infinity;
    const options = { id, timeout: patience, signal: leave.signal };
    if (this.#random() < 0.05) this.#world.after(this.#random() * 1_000, () => leave.abort("I left"));
    const name = this.#random() < 0.5 ? "roll" : "count";
    const came: string[] = [];
    this.asked.set(id, { name, at: this.#world.now, patience, came });
    const settled = (what: string): unknown => came.push(what);
    const reply = name === "roll" ? this.channel.call(name, { sides: 6 }, options) : this.channel.call(name, {}, options);
    reply.then(
      () => settled("answered"),
      (error: unknown) => settled(error instanceof ChannelError ? `${error.code} ${this.#world.now}` : String(error)),
    );
    // What is said in between keeps its place, and is refused while it is muted.
    if (this.#random() < 0.2) this.channel.publish("say", { text: this.#random() < 0.2 ? "spam" : id }).catch(() => {});
  }

  check(service: FakeService): void {
    const { user } = this;
    assert.deepEqual(this.misplaced, [], `${user} is shown the state in its place`);
    const runs = (service.code(ROOM)?.runs ?? []).filter((id) => id.startsWith(`${user}/`));
    assert.deepEqual(runs, [...this.asked.keys()].filter((id) => runs.includes(id)), `what ${user} asked ran once, and in its order`);
    for (const [id, { name, at, patience, came }] of this.asked) {
      const told = `${id} (${name}) came to ${came}`;
      assert.equal(came.length, 1, told);
      const [code = "", when = ""] = came[0]?.split(" ") ?? [];
      service.counts[`asked_${code}`] = (service.counts[`asked_${code}`] ?? 0) + 1;
      if (code === "answered") assert.ok(runs.includes(id), told);
      else if (code === "internal") assert.ok(!runs.includes(id), told);
      else if (code === "offline") assert.equal(name, "roll", told);
      // Before its caller's patience is over, only what may have run and would not be known again is given up.
      else if (code === "timeout") assert.ok(Number(when) - at >= Math.min(patience, name === "count" ? 570_000 : Infinity), told);
      else assert.equal(came[0], "I left", told);
    }
  }
}

/** One step of a story: what may happen while three clients ask. */
async function step(world: World, service: FakeService, askers: readonly Asker[], random: () => number): Promise<void> {
  for (const asker of askers) for (let left = Math.floor(random() * 3); left > 0; left--) asker.ask();
  await world.advance(random() * 300);
  const fate = random();
  if (fate < 0.03) {
    service.cut("away");
    await world.advance(random() * 15 * MINUTE);
    service.cut("there");
  } else if (fate < 0.06) {
    const { connection } = (askers[Math.floor(random() * askers.length)] as Asker).channel;
    connection.pause();
    await world.advance(random() * 12 * MINUTE);
    connection.start();
  } else if (fate < 0.08) await world.block(random() * MINUTE);
}

/** Three clients ask through weather that the seed chooses, until all is calm; returns what the weather was like. */
async function story(seed: number): Promise<FakeService["counts"]> {
  const random = dice(seed);
  const world = new World();
  const service = new FakeService(world, weather(random));
  const askers = ["ann", "bob", "cleo"].map((user) => new Asker(world, service, user, random));
  for (let steps = 0; steps < 40; steps++) await step(world, service, askers, random);
  service.calm();
  await world.advance(300_000);
  for (const asker of askers) asker.check(service);
  return service.counts;
}

parentPort?.postMessage(await tell(workerData as Wanted, story));
