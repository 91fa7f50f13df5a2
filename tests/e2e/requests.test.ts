// Requests as no good client makes them, on the bare runtime: slow, broken off, badly framed, half an upgrade.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Raw, head } from "./support/raw.ts";
import { Runtime } from "./support/runtime.ts";
import { token } from "./support/tokens.ts";

const BODY_MS = 1_000;
let runtime: Runtime;
let bearer: string;
before(async () => {
  runtime = await Runtime.start({ probed: true, vars: { BODY_MS: `${BODY_MS}` } });
  bearer = `Bearer ${await token("ann")}`;
});
after(() => runtime.stop());

const messages = (channel: string) => `/v1/channels/${channel}/messages`;
const constructed = async () => (await (await fetch(runtime.at("/test/probe"))).json() as { constructed: number }).constructed;
const post = (channel: string, headers: Record<string, string>, body = "") =>
  Raw.send(runtime.url, head("POST", messages(channel), { Authorization: bearer, ...headers }) + body);

/** Publishes as one should. */
async function publish(channel: string, id: string): Promise<{ seq: number }> {
  const answer = await fetch(runtime.at(messages(channel)), {
    method: "POST",
    headers: { Authorization: bearer },
    body: JSON.stringify({ id, event: "say", data: { text: "hello" } }),
  });
  assert.equal(answer.status, 200);
  return await answer.json() as { seq: number };
}

test("e2 a body that does not come in time is refused as such, and no channel wakes for it", async () => {
  const before = await constructed();
  const begun = performance.now();
  const slow = await Promise.all([
    ...Array.from({ length: 20 }, (_, at) => post(`chat:slow-${at}`, { "Content-Length": "1000" }, '{"event":')),
    ...Array.from({ length: 20 }, (_, at) => post(`chat:slow-${at}`, { "Transfer-Encoding": "chunked" }, '9\r\n{"event":\r\n')),
  ]);
  // What drips in is no body that comes: the time is for the whole.
  const dripping = setInterval(() => slow[0].socket.write("x"), 50);
  try {
    for (const raw of slow) assert.match(await raw.heard(/"code":"\w+"/), /^HTTP\/1\.1 408 .*"code":"body_timeout"/s);
  } finally {
    clearInterval(dripping);
  }
  assert.ok(performance.now() - begun >= BODY_MS - 50, "and not before");
  assert.equal(await constructed(), before);
  for (const raw of slow) raw.socket.destroy();
});

test("e2 a body that comes in pieces and in time is taken whole", async () => {
  const body = JSON.stringify({ id: "pieces", event: "say", data: { text: "grüße" } });
  const raw = await post("chat:pieces", { "Content-Length": `${Buffer.byteLength(body)}`, Connection: "close" });
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += 7) {
    raw.socket.write(bytes.subarray(at, at + 7));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(await raw.heard(/"id":"pieces"/), /^HTTP\/1\.1 200 .*"type":"ack"/s);
});

test("e2 a body that is badly framed is refused as what it is, and wakes nobody", async () => {
  const before = await constructed();
  for (const body of ["zz\r\n{}\r\n0\r\n\r\n", '2\r\n{}garbage', "-1\r\n{}\r\n"]) {
    const raw = await post("chat:chunks", { "Transfer-Encoding": "chunked" }, body);
    assert.match(await raw.heard(/^HTTP[^]*\}/), /^HTTP\/1\.1 400 [^]*"code":"bad_frame"/, body);
    raw.socket.destroy();
  }
  assert.equal(await constructed(), before);
});

test("e2 a client that goes away before its body is whole is no fault of ours, and the next is served", async () => {
  const before = await constructed();
  for (const headers of [{ "Content-Length": "1000" }, { "Transfer-Encoding": "chunked" }] as Record<string, string>[]) {
    for (const end of ["destroy", "resetAndDestroy", "end"] as const) {
      const raw = await post("chat:gone", headers, '9\r\n{"event":\r\n');
      // Another request is served behind it, so it has been begun.
      await constructed();
      raw.socket[end]();
    }
  }
  assert.equal(await constructed(), before);
  assert.equal((await publish("chat:gone", "after")).seq, 1);
});

test("e1 an upgrade to anything but a websocket is told to upgrade, and leaves nobody behind", async () => {
  const upgrade = (to: string, more: Record<string, string> = { "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==" }) =>
    Raw.send(runtime.url, head("GET", "/v1/channels/chat:upgrade", { Authorization: bearer, Connection: "Upgrade", Upgrade: to, "Sec-WebSocket-Version": "13", ...more }));
  for (const to of ["websocket, h2c", "h2c, websocket", "websocket,websocket", "h2c", "websocket/13"]) {
    const raw = await upgrade(to);
    assert.match(await raw.heard(/^HTTP[^]*\r\n\r\n/), /^HTTP\/1\.1 426 /, to);
    raw.socket.destroy();
  }
  const members = async () => await (await fetch(runtime.at("/v1/channels/chat:upgrade/members"), { headers: { Authorization: bearer } })).json() as { members: unknown[] };
  assert.deepEqual((await members()).members, []);
  const raw = await upgrade("WebSocket");
  assert.match(await raw.heard(/"welcome"/), /^HTTP\/1\.1 101 /);
  assert.equal((await members()).members.length, 1);
  raw.socket.destroy();
});
