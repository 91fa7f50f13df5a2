// The built client on every runtime that is to be had: it joins, talks, comes back, closes, and lets the process end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildPackage } from "../../client/package.mjs";
import { Member } from "./support/member.ts";
import { type Program, runtimes } from "./support/programs.ts";
import { Proxy } from "./support/proxy.ts";
import { freePort } from "./support/runtime.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

const visitor = fileURLToPath(new URL("support/visitor.mjs", import.meta.url));
/** How long a visit may take, in milliseconds: less than the client's shortest idle timer, which would keep it from ending. */
const PATIENCE = 20_000;

/** What a visitor tells, line by line, and how it ended. */
class Visit {
  readonly lines: Record<string, unknown>[] = [];
  readonly ended: Promise<unknown[]>;
  readonly #news = new EventTarget();
  #complaint = "";

  constructor({ path, args }: Program, visit: object, home: string) {
    const env = { ...process.env, DENO_DIR: home, DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };
    const child = spawn(path, [...args, visitor, JSON.stringify(visit)], { env, stdio: ["ignore", "pipe", "pipe"], timeout: PATIENCE });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#complaint += text));
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.lines.push(JSON.parse(line) as Record<string, unknown>);
      this.#news.dispatchEvent(new Event("line"));
    });
    this.ended = once(child, "close");
  }

  /** What it told under this name, once that is as much as wanted. */
  async told(name: string, count = 1): Promise<unknown[]> {
    const end = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const told = this.lines.filter((line) => name in line).map((line) => line[name]);
      if (told.length >= count) return told;
      const gone = this.ended.then(([code]) => {
        throw new Error(`it ended with ${code} before it told "${name}": ${this.#complaint}`);
      });
      await Promise.race([once(this.#news, "line", { signal: end }), gone]);
    }
  }

  /** That it ended by itself and without a complaint. */
  async home(): Promise<void> {
    const [code] = await this.ended;
    assert.deepEqual([code, this.#complaint], [0, ""]);
  }
}

let service: Service;
let proxy: Proxy;
let home: string;
before(async () => {
  await buildPackage();
  service = await Service.start();
  proxy = await Proxy.start(service.url);
  home = mkdtempSync(join(tmpdir(), "dormouse-runtimes-"));
});
after(async () => {
  await proxy.stop();
  await service.stop();
  rmSync(home, { recursive: true, force: true });
});

const here = runtimes();
for (const name of ["Node 22", "Deno", "Bun"]) {
  if (here.some((runtime) => runtime.name.startsWith(name))) continue;
  console.log(`${name} is not to be had here, and not tested: npm ci --prefix tests/e2e/runtimes`);
}

for (const [at, runtime] of here.entries()) {
  test(`the_built_client_joins_talks_comes_back_gives_up_and_closes_on ${runtime.name}`, { timeout: 120_000 }, async () => {
    const channel = `app:runtime-${at}`;
    const onlooker = await Member.join(service, channel, "onlooker");
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const visit = new Visit(runtime, { url: proxy.url, nowhere, channel, user: "visitor", token: await token("visitor") }, home);
    assert.deepEqual(await visit.told("receipt").then(([receipt]) => (receipt as { seq: number }).seq), 1);
    assert.deepEqual((await visit.told("members")).flat().sort(), ["onlooker", "visitor"]);
    assert.deepEqual((await onlooker.next("message", { seq: 1 })).data, { text: "hello" });

    const say = (text: string) => onlooker.ask({ type: "publish", id: text, event: "message", data: { text } });
    await say("before");
    await visit.told("heard", 2);
    const away = proxy.make("refuse");
    for (const text of ["one", "two", "three"]) await say(text);
    await away;
    assert.deepEqual(await visit.told("recovered"), [{ after: 2, seq: 5 }]);
    await say("go home");
    assert.deepEqual((await onlooker.next("message", { seq: 7 })).data, { text: "bye" });

    await visit.home();
    const texts = ["hello", "before", "one", "two", "three", "go home"];
    const heard = (await visit.told("heard")) as { seq: number; data: { text: string } }[];
    assert.deepEqual(heard.map(({ seq, data }) => [seq, data.text]), texts.map((text, index) => [index + 1, text]));
    assert.deepEqual(await visit.told("history"), [[4, 5]]);
    assert.deepEqual((await visit.told("state", 0)).slice(0, 2), ["joining", "open"]);
    assert.deepEqual((await visit.told("state", 0)).slice(-2), ["open", "closed"]);
    assert.deepEqual([await visit.told("lost", 0), await visit.told("closed")], [[], [null]]);
    // Where nobody listens Deno closes with 0.
    assert.match(String(await visit.told("nowhere")), /^2 attempts in a row failed: The connection is closed: .* \((1006|0)\)$/);
    await onlooker.leave();
  });
}
