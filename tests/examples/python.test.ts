// The example client in Python on the real runtime: what PROTOCOL.md tells a writer of clients is enough for one.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { python } from "../../scripts/python.mjs";
import type { Frame } from "../e2e/support/member.ts";
import { Proxy, troubles } from "../e2e/support/proxy.ts";
import { Runtime } from "../e2e/support/runtime.ts";
import { token } from "../e2e/support/tokens.ts";

const CUTS = 20;
const PARTS = 20;
const here = fileURLToPath(new URL("./", import.meta.url));

let service: Runtime;
let proxy: Proxy;
before(async () => {
  service = await Runtime.start();
  proxy = await Proxy.start(service.url);
});
after(async () => {
  await proxy.stop();
  await service.stop();
});

/** One run of the client, and all that it has heard. */
class Listener {
  static readonly all = new Set<Listener>();
  readonly heard: Frame[] = [];
  readonly #child: ChildProcess;
  readonly #news = new EventTarget();
  #complaint = "";

  constructor(channel: string, bearer: string, position: object = {}) {
    Listener.all.add(this);
    const args = [`${here}support/hear.py`, proxy.url, channel, bearer, JSON.stringify(position)];
    this.#child = spawn(python, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#complaint += text));
    if (this.#child.stdout === null) throw new Error("it has no output");
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.heard.push(JSON.parse(line) as Frame);
      this.#news.dispatchEvent(new Event("heard"));
    });
  }

  told = (type: string): Frame[] => this.heard.filter((frame) => frame.type === type);

  /** Waits until it has heard so many frames of a type. */
  async until(type: string, count: number): Promise<Frame[]> {
    const end = AbortSignal.timeout(30_000);
    while (this.told(type).length < count) {
      const tell = () => new Error(`no ${type} ${count} came after ${JSON.stringify(this.heard.at(-1))}: ${this.#complaint}`);
      await once(this.#news, "heard", { signal: end }).catch(() => Promise.reject(tell()));
    }
    return this.told(type);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.kill()) await once(this.#child, "close");
    Listener.all.delete(this);
    // That it was ended from here is no complaint.
    assert.equal(this.#complaint, "");
  }
}
afterEach(() => Promise.all([...Listener.all].map((listener) => listener.end())));

/** Says so much as a backend would; tells the last seq. */
async function say(channel: string, ...texts: string[]): Promise<number> {
  const bearer = await token("backend", { can: { "**": ["publish", "unmetered"] } });
  const answers = texts.map(async (text) => {
    const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
    const answer = await fetch(service.at(`/v1/channels/${channel}/messages`), { method: "POST", headers, body: JSON.stringify({ event: "message", data: text }) });
    if (!answer.ok) throw new Error(`publishing was answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json() as { seq: number }).seq;
  });
  return Math.max(...(await Promise.all(answers)));
}

test("d4 d5 over 20 cuts it hears every kept message once and in order", { timeout: 120_000 }, async () => {
  const channel = "app:python-cuts";
  const listener = new Listener(channel, await token("listener"));
  await listener.until("welcome", 1);
  let last = 0;
  for (let cut = 0; cut < CUTS; cut++) {
    const joined = listener.told("welcome").length;
    await say(channel, "before", "it breaks");
    const broken = proxy.make(["cut", "refuse", "end towards the client", "stall and cut"][cut % 4] as (typeof troubles)[number]);
    last = await say(channel, "while", "it breaks", "and it is", "away");
    await broken;
    // A cut that met no connection is none.
    await listener.until("welcome", joined + 1);
  }
  const heard = await listener.until("message", last);
  assert.deepEqual(heard.map(({ seq }) => seq), Array.from({ length: CUTS * 6 }, (_, at) => at + 1));
  assert.deepEqual(listener.told("lost"), []);
  assert.ok(listener.told("welcome").length > CUTS);
});

test("d4 what is too much to be replayed is pulled before what is live", async () => {
  const channel = "app:python-behind";
  const first = new Listener(channel, await token("listener"));
  await first.until("welcome", 1);
  await say(channel, "one");
  const [{ position }] = (await first.until("message", 1)) as [Frame];
  await first.end();
  // More than two pages of at most 256 KiB.
  for (let part = 0; part < PARTS; part++) await say(channel, "x".repeat(30_000));
  const second = new Listener(channel, await token("listener"), position);
  const [welcome] = await second.until("welcome", 1);
  assert.equal(welcome?.resume, "behind");
  await say(channel, "live");
  const heard = await second.until("message", PARTS + 1);
  assert.deepEqual(heard.map(({ seq }) => seq), Array.from({ length: PARTS + 1 }, (_, at) => at + 2));
  assert.deepEqual(second.told("lost"), []);
});

test("d4 what cannot be told is told as lost, and it goes on from the head", async () => {
  const channel = "app:python-lost";
  await say(channel, "one", "two");
  const listener = new Listener(channel, await token("listener"), { epoch: "another", seq: 1 });
  const [{ position, ...lost }] = (await listener.until("lost", 1)) as [Frame];
  assert.deepEqual(lost, { type: "lost", after: 1, seq: 2 });
  assert.equal(position.seq, 2);
  await say(channel, "three");
  assert.deepEqual((await listener.until("message", 1)).map(({ seq }) => seq), [3]);
});

test("r3 where the service says stop it stops", async () => {
  const listener = new Listener("app:python-stop", "no.such.token");
  await listener.until("over", 1);
  assert.deepEqual(listener.heard.map(({ type }) => type), ["over"]);
});

test("it has at most 60 lines", async () => {
  const lines = (await readFile(`${here}../../examples/python/dormouse.py`, "utf8")).split("\n").filter((line) => line.trim() !== "");
  assert.ok(lines.length <= 60, `${lines.length}`);
});
