// Rule R7: who comes to the door, and who only pretends to speak, wakes nothing and holds nothing beyond a share.
import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as passing } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { Member } from "./support/member.ts";
import { dial } from "./support/intruder.ts";
import { Runtime } from "./support/runtime.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";
import { attacked } from "./support/witness.ts";

describe("bodies", () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await Runtime.start({ vars: { BODY_MS: "3000" }, probed: true });
  });
  after(() => runtime.stop());

  const head = async (channel: string, ...lines: string[]) =>
    [`POST /v1/channels/${channel}/messages HTTP/1.1`, `Host: ${runtime.url.host}`, `Authorization: Bearer ${await token("eve")}`, ...lines, "", ""].join("\r\n");

  /** Sends a head and then pieces of a body, and resolves with the answer's status, or with none where there is no answer. */
  async function slow(head: string, pieces: Iterable<string>, every: number): Promise<number | undefined> {
    const socket = await dial(runtime);
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => answer += text);
    socket.write(head);
    const over = new AbortController();
    const ended = Promise.race([once(socket, "data"), once(socket, "close")]).finally(() => over.abort());
    for (const piece of pieces) {
      if (over.signal.aborted) break;
      socket.write(piece);
      await passing(every, undefined, { signal: over.signal }).catch(() => {});
    }
    await ended;
    socket.destroy();
    return answer === "" ? undefined : Number(answer.slice(9, 12));
  }

  test("r7 bodies: a hundred of one byte a second are ended in their time, and no channel wakes for them", async (context) => {
    const slowly = await head("app:slow", "Content-Length: 60");
    const { attacked: statuses, told, seconds, lines } = await attacked(runtime, "app:awake", async () => {
      const { constructed } = await runtime.probe();
      const statuses = await Promise.all(Array.from({ length: 100 }, () => slow(slowly, " ".repeat(60), 1_000)));
      assert.equal((await runtime.probe()).constructed, constructed, "the channel slept");
      return statuses;
    });
    context.diagnostic(`${told}; the last was ended after ${seconds.toFixed(1)} s`);
    assert.ok(seconds < 8, `the last was ended after ${seconds.toFixed(1)} s`);
    assert.deepEqual([...new Set(statuses)], [408]);
    assert.ok(lines.length <= 100, JSON.stringify(lines));
  });

  test("r7 bodies: one that breaks off or is broken is no fault of ours", async () => {
    const { lines } = await attacked(runtime, "app:whole", async () => {
      const chunked = await head("app:whole", "Transfer-Encoding: chunked");
      assert.equal(await slow(chunked, ["zz\r\n[]\r\n0\r\n\r\n", ""], 1_000), 400);
      assert.equal(await slow(chunked, ["2\r\n[]\r\nno\r\n", ""], 1_000), 400);
      for (let at = 0; at < 20; at++) {
        const socket = await dial(runtime);
        socket.write(`${chunked}5\r\n[`);
        await passing(20);
        socket.resetAndDestroy();
      }
      await passing(500);
    });
    assert.deepEqual(lines.filter(({ level }) => level === "error"), []);
    assert.ok(lines.length <= 22, JSON.stringify(lines));
  });
});

describe("before a channel is woken", () => {
  /** What passes in ten seconds. */
  const PASS = 20;
  let service: Service;
  before(async () => {
    service = await Service.start({ joins: { perAddress: PASS, perUser: PASS }, asks: { perAddress: PASS, perUser: PASS } });
  });
  after(() => service.stop());

  const bearer = (text: string) => ({ Authorization: `Bearer ${text}` });
  const address = (text: string) => ({ "CF-Connecting-IP": text });
  const statuses = async (count: number, ask: (at: number) => Promise<{ status: number }>) =>
    (await Promise.all(Array.from({ length: count }, (_, at) => ask(at)))).map(({ status }) => status);
  const passed = (statuses: number[], status: number) => statuses.filter((one) => one === status).length;
  /** The ten seconds of a counter may end once while it is tried. */
  const MOST = 2 * PASS;

  test("r7 waking: one token wakes no channels without end", async () => {
    const headers = { ...bearer(await token("eve")), ...address("198.51.100.1") };
    const { constructed } = await service.probe();
    const told = await statuses(100, (at) => service.ask(`/v1/channels/chat:wake-${at}/members`, { headers }));
    const woken = (await service.probe()).constructed - constructed;
    assert.ok(woken >= 1 && woken <= MOST, `${woken} channels were woken`);
    assert.equal(passed(told, 200), woken);
    assert.equal(passed(told, 429), 100 - woken);
    const posts = await statuses(100, (at) => service.ask(`/v1/channels/chat:wake-${at}/messages`, { method: "POST", headers, body: "[]" }));
    assert.ok(passed(posts, 200) <= MOST);
    const other = await service.ask("/v1/channels/chat:wake-0/members", { headers: { ...bearer(await token("ann")), ...address("203.0.113.1") } });
    assert.equal(other.status, 200, "another user is not refused with it");
  });

  test("r7 waking: garbage in a token's place is looked at as often as an address may ask, and the log told as often", async () => {
    const before = service.log().length;
    const begun = performance.now();
    const ask = (text: string, from: string) => service.ask("/v1/channels/chat:garbage/members", { headers: { ...bearer(text), ...address(from) } });
    const told: number[] = [];
    for (let at = 0; at < 200; at++) told.push((await ask(`${at}.garbage.x`, "198.51.100.2")).status);
    // Twenty and two a second are nobody's fault yet: a backend with an old token is no attacker.
    const patience = 20 + (2 * (performance.now() - begun)) / 1000;
    assert.ok(passed(told, 401) >= 1 && passed(told, 401) <= MOST + patience, `${passed(told, 401)} were looked at`);
    assert.equal(passed(told, 401) + passed(told, 429), 200);
    assert.equal((await ask(await token("ann"), "203.0.113.2")).status, 200);
    assert.ok(service.log().length - before <= 200);
  });

  test("r7 waking: an office behind one address gets in, as it is told to", async (context) => {
    const OFFICE = 2 * PASS;
    const from = address("203.0.113.3");
    const begun = performance.now();
    let refusals = 0;
    const come = async (user: string): Promise<void> => {
      const bearer = await token(user);
      for (;;) {
        const member = await Member.connect(service, "door:office", { headers: from });
        const first = await member.find(({ type }) => type === "welcome" || type === "bye", "welcome or bye");
        if (first.type === "welcome") {
          assert.equal((await member.ask({ type: "auth", id: "in", token: bearer })).type, "ack");
          return;
        }
        refusals += 1;
        assert.equal(typeof first.retry_after, "number", JSON.stringify(first));
        // As the client does: no sooner than told, and not all at once.
        await passing(first.retry_after * (1 + Math.random() / 2));
      }
    };
    await Promise.all(Array.from({ length: OFFICE }, (_, at) => come(`clerk-${at}`)));
    const seconds = (performance.now() - begun) / 1000;
    context.diagnostic(`${OFFICE} came in within ${seconds.toFixed(1)} s, after ${refusals} refusals`);
    assert.ok(seconds < 60, `${seconds} s`);
  });
});
