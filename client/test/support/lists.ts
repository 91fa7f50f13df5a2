import assert from "node:assert/strict";
import { parentPort, workerData } from "node:worker_threads";
import type { Position } from "../../src/index.ts";
import { dice, tell, weather } from "./dice.ts";
import type { Wanted } from "./dice.ts";
import { FakeService } from "./service.ts";
import { World, jwt } from "./world.ts";
import type { Chat, Frame } from "./world.ts";

const ALL = ["join", "publish", "presence", "history"];

/** Who reads a timeline, reloads the page now and then, and says something by it. */
class Reader {
  readonly user: string;
  readonly #world: World;
  readonly #random: () => number;
  readonly #can: readonly string[];
  readonly #counts: Record<string, number>;
  readonly #limit: number;
  #channel: Chat;
  #pages = 0;
  #said = 0;
  /** Questions for a page that the list asked, how many there were reasons for, and what did not hold together. */
  readonly #asked = new Set<unknown>();
  #reasons = 1;
  #broken: unknown;
  /** How many messages it shows at least. */
  #least = 0;

  constructor(world: World, user: string, random: () => number, can: readonly string[], counts: Record<string, number>) {
    this.user = user;
    this.#world = world;
    this.#random = random;
    this.#can = can;
    this.#counts = counts;
    this.#limit = 1 + Math.floor(random() * 30);
    this.#channel = this.#open(null);
  }

  #open(position: Position | null): Chat {
    const page = `${this.user}.${this.#pages++}`;
    const runtime = { ...this.#world.runtime, random: this.#random, instance: () => page };
    const token = jwt({ sub: this.user, exp: 1e12, can: { "**": this.#can } });
    this.#asked.clear();
    this.#reasons = 1;
    this.#least = this.#limit;
    const trace = (direction: "in" | "out", text: string): void => {
      if (direction === "in" || !text.includes('"history"')) return;
      for (const { type, id, before } of [JSON.parse(text) as Frame | Frame[]].flat()) if (type === "history" && before) this.#asked.add(id);
    };
    const channel = this.#world.connect("chat:lobby", { token, runtime, position, history: this.#limit, trace, maxAttempts: 3 });
    channel.connection.on("lost", () => void (this.#reasons++, this.#count("begun_anew")));
    channel.connection.on("error", () => void this.#reasons++);
    channel.timeline.subscribe(() => {
      try {
        this.#holdsTogether();
      } catch (error) {
        this.#broken ??= error;
      }
    });
    return channel;
  }

  /** Reloads the page: the list is gone, and with it what was not sent; the position is sometimes stored. */
  reload(): void {
    const { position } = this.#channel;
    const stored = this.#random() < 0.5;
    this.#count(stored ? "reloads_with_position" : "reloads");
    void this.#channel.close();
    this.#channel = this.#open(stored ? position : null);
  }

  say(): void {
    void this.#channel.timeline.send("say", { text: `${this.user} ${this.#said++}` });
  }

  older(): void {
    this.#count("looks_back");
    this.#reasons++;
    void this.#channel.timeline.older(1 + Math.floor(this.#random() * 20));
  }

  /** What was refused is sent again, or taken out; sometimes what is on its way is taken out too. */
  mend(): void {
    for (const entry of this.#channel.timeline.getSnapshot().messages) {
      if (entry.status === "failed") {
        this.#count("failed");
        // Of a `timeout` nobody can tell whether it was said, and after ten minutes it would be said twice.
        if (this.#random() < 0.5 && entry.error.code !== "timeout") this.#channel.timeline.retry(entry);
        else this.#channel.timeline.remove(entry);
      } else if (entry.status === "sending" && this.#random() < 0.02) this.#channel.timeline.remove(entry);
    }
  }

  /** Takes up again what was over: the service gave up on it, or it on the service. */
  comeBack(): void {
    if (this.#channel.connection.state !== "closed") return;
    this.#count("back");
    // What could not be had may be had now, and is asked for once more.
    this.#reasons++;
    void this.#channel.reconnect();
  }

  trim(): void {
    this.#least = 0;
    this.#channel.timeline.trim(5);
  }

  away(ms: number): Promise<void> {
    this.#channel.connection.pause();
    return this.#world.advance(ms).then(() => this.#channel.connection.start());
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  /** At every moment: no gap, nothing twice, one order, and what is not kept yet behind it. */
  #holdsTogether(): void {
    const { messages } = this.#channel.timeline.getSnapshot();
    const kept = messages.flatMap(({ seq }) => seq ?? []);
    assert.deepEqual(kept, kept.map((_, at) => (kept[0] ?? 0) + at), `${this.user} sees no gap`);
    assert.equal(new Set(messages.map(({ key }) => key)).size, messages.length, `${this.user} sees no key twice`);
    assert.equal(new Set(messages.map(({ id }) => id)).size, messages.length, `${this.user} sees nothing twice`);
    const behind = messages.slice(kept.length).filter(({ status }) => status === "kept");
    assert.deepEqual(behind, [], "what is not kept stands behind");
  }

  /** In the calm that follows, the list is what the service has kept. */
  async check(service: FakeService): Promise<void> {
    if (this.#broken) throw this.#broken;
    const { timeline } = this.#channel;
    const room = service.room();
    const plain = ({ seq, id, data }: { seq?: number; id?: string | undefined; data: unknown }): unknown => [seq, id, data];
    const compare = (least: number): void => {
      this.#holdsTogether();
      const { messages } = timeline.getSnapshot();
      const kept = messages.filter(({ status }) => status === "kept");
      assert.deepEqual(kept.map(plain), room.kept.slice(room.head - kept.length).map(plain), `${this.user} sees what is kept`);
      assert.ok(kept.length >= Math.min(least, room.head - room.first + 1), `${this.user} sees at least ${least}, not ${kept.length}`);
      assert.deepEqual(messages.filter(({ status }) => status === "sending"), [], "all is answered");
    };
    const refused = timeline.getSnapshot().past === "refused";
    compare(refused ? 0 : this.#least);
    if (!this.#can.includes("history")) {
      assert.notEqual(timeline.getSnapshot().past, "loading");
      assert.ok(this.#asked.size <= this.#reasons, `${this.user} asks ${this.#reasons} times at most, not ${this.#asked.size}`);
      return;
    }
    for (let pages = 0; timeline.getSnapshot().past !== "complete"; pages++) {
      assert.ok(pages < 100, `${this.user} comes to the beginning, not to ${timeline.getSnapshot().past}`);
      void timeline.older(100);
      await this.#world.advance(5_000);
    }
    compare(Infinity);
  }
}

/** One step of a story. */
async function step(world: World, service: FakeService, readers: readonly Reader[], random: () => number): Promise<void> {
  for (const reader of readers) for (let left = Math.floor(random() * 4); left > 0; left--) reader.say();
  await world.advance(random() * 300);
  for (const reader of readers) if (random() < 0.2) reader.comeBack();
  const reader = readers[Math.floor(random() * readers.length)] as Reader;
  const fate = random();
  if (fate < 0.08) reader.reload();
  else if (fate < 0.16) reader.older();
  else if (fate < 0.22) reader.mend();
  else if (fate < 0.24) reader.trim();
  else if (fate < 0.26) service.forget();
  else if (fate < 0.28) await reader.away(random() * 720_000);
  else if (fate < 0.3) service.remove(reader.user);
  else if (fate < 0.31) {
    service.cut("away");
    await world.advance(random() * 900_000);
    service.cut("there");
  }
}

/** Three read and talk, one of them without the right to look back, in weather that the seed chooses, until all is calm. */
async function story(seed: number): Promise<Record<string, number>> {
  const random = dice(seed);
  const world = new World();
  const service = new FakeService(world, weather(random));
  const { counts } = service;
  const rights: [string, readonly string[]][] = [
    ["ann", ALL],
    ["bob", ALL],
    ["cleo", ALL.filter((ability) => ability !== "history")],
  ];
  const readers = rights.map(([user, can]) => new Reader(world, user, random, can, counts));
  for (let steps = 0; steps < 40; steps++) await step(world, service, readers, random);
  service.calm();
  await world.advance(300_000);
  for (const reader of readers) reader.comeBack();
  await world.advance(60_000);
  // Only what comes after it shows that a message is missing.
  for (const reader of readers) reader.say();
  await world.advance(60_000);
  for (const reader of readers) await reader.check(service);
  return counts;
}

parentPort?.postMessage(await tell(workerData as Wanted, story));
