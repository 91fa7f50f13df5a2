// The process is killed while several publish: nothing acknowledged is lost, nothing is there twice (D2, D7).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Runtime } from "./support/runtime.ts";
import { token } from "./support/tokens.ts";

const ROUNDS = 25;
const PUBLISHERS = 4;
const CHANNEL = "app:kill";

let runtime: Runtime;
before(async () => {
  runtime = await Runtime.start();
});
after(() => runtime.stop());

interface Message {
  seq: number;
  id: string;
  data: { from: number; number: number };
}

/** Publishes one after the other, sends what was not answered again with its id, and remembers what was acknowledged. */
class Publisher {
  readonly acknowledged = new Map<string, number>();
  readonly #name: number;
  readonly #bearer: string;
  /** Publishes sent again, and those of them that had been kept before the kill. */
  resent = 0;
  duplicates = 0;
  #tried = 0;
  #unanswered = new Map<string, string>();
  #socket: WebSocket | null = null;

  constructor(name: number, bearer: string) {
    this.#name = name;
    this.#bearer = bearer;
  }

  get tried(): number {
    return this.#tried;
  }

  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** Connects, sends again what is unanswered, and goes on until the connection breaks. Resolves at the welcome. */
  async run(): Promise<void> {
    const url = runtime.at(`/v1/channels/${CHANNEL}`);
    url.protocol = "ws:";
    const socket = new WebSocket(url, ["dormouse.v1", `bearer.${this.#bearer}`], { perMessageDeflate: false });
    this.#socket = socket;
    socket.on("error", () => {});
    await new Promise<void>((resolve, reject) => {
      socket.once("close", () => reject(new Error("closed before the welcome")));
      socket.on("message", (text) => {
        const frames = JSON.parse(String(text)) as { type: string; id?: string; seq?: number; duplicate?: boolean }[];
        for (const frame of [frames].flat()) {
          if (frame.type === "welcome") {
            for (const again of this.#unanswered.values()) socket.send(again);
            this.resent += this.#unanswered.size;
            this.#next();
            resolve();
          } else if (frame.type === "error") {
            reject(new Error(JSON.stringify(frame)));
          } else if (frame.id !== undefined && frame.seq !== undefined) {
            if (frame.duplicate === true) this.duplicates += 1;
            this.#answered(frame.id, frame.seq);
          }
        }
      });
    });
  }

  /** Publishes no more, and waits until everything is answered. */
  async finish(): Promise<void> {
    this.#next = () => {};
    while (this.#unanswered.size > 0) await new Promise((resolve) => this.#socket?.once("message", resolve));
    this.#socket?.terminate();
  }

  #answered(id: string, seq: number): void {
    if (!this.#unanswered.delete(id)) return;
    this.acknowledged.set(id, seq);
    this.#next();
  }

  #next = (): void => {
    this.#tried += 1;
    const id = `${this.#name}-${this.#tried}`;
    const frame = JSON.stringify({ type: "publish", id, event: "message", data: { from: this.#name, number: this.#tried } });
    this.#unanswered.set(id, frame);
    this.#socket?.send(frame);
  };
}

/** Reads on in the history: a round keeps less than it holds. */
async function read(messages: Message[]): Promise<void> {
  const bearer = await token("reader");
  for (let more = true; more;) {
    const url = runtime.at(`/v1/channels/${CHANNEL}/messages?limit=100&after=${messages.at(-1)?.seq ?? 0}`);
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${bearer}` } });
    const page = await answer.json() as { messages: Message[]; more: boolean };
    messages.push(...page.messages);
    ({ more } = page);
  }
}

/** Resolves once so many more have been acknowledged, however long that takes. */
async function acknowledge(publishers: Publisher[], more: number): Promise<void> {
  const count = () => publishers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  const enough = count() + more;
  while (count() < enough) await new Promise((resolve) => setImmediate(resolve));
}

test(`d2_d7_nothing_acknowledged_is_lost_or_doubled_through_${ROUNDS}_kills`, async (context) => {
  const can = { [CHANNEL]: ["join", "publish", "unmetered"] };
  const publishers = await Promise.all(Array.from({ length: PUBLISHERS }, async (_, name) => new Publisher(name, await token(`publisher-${name}`, { can }))));
  const kept: Message[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await Promise.all(publishers.map((publisher) => publisher.run()));
    await acknowledge(publishers, 1 + Math.floor(Math.random() * 40));
    await runtime.kill();
    await read(kept);
  }
  await Promise.all(publishers.map((publisher) => publisher.run()));
  await Promise.all(publishers.map((publisher) => publisher.finish()));

  await read(kept);
  assert.deepEqual(kept.map(({ seq }) => seq), kept.map((_, index) => index + 1), "consecutive seq from 1");
  assert.equal(new Set(kept.map(({ id }) => id)).size, kept.length, "no id twice");
  const stored = new Map(kept.map(({ id, seq }) => [id, seq]));
  for (const { acknowledged } of publishers) {
    for (const [id, seq] of acknowledged) assert.equal(stored.get(id), seq, `${id} was acknowledged as ${seq}`);
  }
  const total = (count: (publisher: Publisher) => number) => publishers.reduce((sum, publisher) => sum + count(publisher), 0);
  const [tried, acknowledged] = [total(({ tried }) => tried), total(({ acknowledged }) => acknowledged.size)];
  const [resent, duplicates] = [total(({ resent }) => resent), total(({ duplicates }) => duplicates)];
  assert.equal(acknowledged, kept.length, "what is kept was acknowledged in the end");
  context.diagnostic(`${ROUNDS} kills: ${tried} tried, ${resent} sent again (${duplicates} of them kept already), ${acknowledged} acknowledged, ${kept.length} kept`);
});
