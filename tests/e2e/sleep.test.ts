// Rules H1 to H3 on the real runtime: a channel sleeps between messages, and nobody notices.
import assert from "node:assert/strict";
import { setTimeout as passing } from "node:timers/promises";
import { after, before, test } from "node:test";
import { type Frame, Member } from "./support/member.ts";
import { Raw, head } from "./support/raw.ts";
import { Runtime } from "./support/runtime.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

let service: Service;
before(async () => {
  service = await Service.start({ vars: { GRACE_MS: "3000" } });
});
after(() => service.stop());

const say = (id: string, text: string) => ({ type: "publish", id, event: "say", data: { text } });

test("h1 a conversation goes on through sleep as if there were none", async () => {
  const talk = async (channel: string, between: () => Promise<void>) => {
    const ann = await Member.join(service, channel, "ann");
    const bob = await Member.join(service, channel, "bob");
    const heard: Frame[] = [];
    for (const [speaker, id] of [[ann, "1"], [bob, "2"], [ann, "3"], [ann, "1"], [bob, "2"]] as const) {
      await between();
      const answer = await speaker.ask(say(id, `message ${id}`));
      heard.push(answer);
      if (answer.type === "message") heard.push(await (speaker === ann ? bob : ann).next("message"));
    }
    await between();
    const cat = await Member.join(service, channel, "cat", { query: `?epoch=${ann.welcome.epoch}&after=1` });
    heard.push(await cat.next("message"), await cat.next("message"));
    await between();
    await cat.leave();
    await bob.find(({ leave = [] }) => leave.some(({ user }: Frame) => user === "cat"), "leave of cat");
    heard.push({ ...cat.welcome, members: cat.welcome.members.map(({ user }: Frame) => user).sort() });
    const named = new Map([[ann.connection, "ANN"], [bob.connection, "BOB"], [cat.connection, "CAT"], [ann.welcome.epoch, "EPOCH"], [channel, "CHANNEL"]]);
    const text = JSON.stringify(heard, (key, value) => ["at", "now", "expires"].includes(key) ? 0 : named.get(value) ?? value);
    return JSON.parse(text) as Frame[];
  };
  const awake = await talk("chat:awake", async () => {});
  const asleep = await talk("chat:asleep", () => service.evict("chat:asleep"));
  assert.deepEqual(asleep, awake);
  assert.deepEqual(awake.filter(({ duplicate }) => duplicate).map(({ seq }) => seq), [1, 2]);
});

test("h1 a quiet channel falls asleep by itself, heartbeats do not wake it, and the next message does", async () => {
  const ann = await Member.join(service, "chat:quiet", "ann");
  const bob = await Member.join(service, "chat:quiet", "bob");
  await ann.ask(say("1", "before"));
  const { constructed } = await service.probe();
  let pongs = 0;
  bob.socket.on("pong", () => pongs++);
  const heartbeats = setInterval(() => {
    ann.say("ping");
    bob.say("ping");
    // That of the WebSocket protocol itself.
    bob.socket.ping();
  }, 1000);
  // The platform puts an object to sleep after ten seconds without an event; nothing tells when it did.
  await passing(13_000);
  clearInterval(heartbeats);
  assert.ok(ann.taken("pong").length >= 12, "the platform answers heartbeats");
  assert.ok(pongs >= 12, "and those of the protocol itself");
  assert.equal((await service.probe()).constructed, constructed, "and the object sleeps through them");
  assert.equal((await ann.ask(say("2", "after"))).seq, 2);
  assert.equal((await bob.next("message", { id: "2" })).seq, 2);
  assert.equal((await service.probe()).constructed, constructed + 1, "it was asleep");
});

test("h2 who is refused, or asks with a body that never ends, and closes nothing keeps no channel awake", async () => {
  const strict = await Runtime.start({ probed: true, vars: { CONNECTIONS_PER_USER: "1" } });
  const constructed = async () => (await (await fetch(strict.at("/test/probe"))).json() as { constructed: number }).constructed;
  try {
    const ann = await Member.join(strict, "chat:pinned", "ann");
    const headers = { Authorization: `Bearer ${await token("ann")}` };
    const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==" };
    const refused = await Raw.send(strict.url, head("GET", "/v1/channels/chat:pinned", { ...headers, ...upgrade }));
    assert.match(await refused.heard(/retry_after/), /"code":4100,"reason":"over_capacity","retry_after":10000/);
    const endless = await Raw.send(strict.url, head("GET", "/v1/channels/chat:pinned/members", { ...headers, "Transfer-Encoding": "chunked" }) + "1\r\nx\r\n");
    assert.match(await endless.heard(/"members"/), /^HTTP\/1\.1 200 /);
    const before = await constructed();
    await passing(13_000);
    assert.equal((await ann.ask(say("1", "after"))).seq, 1);
    assert.equal(await constructed(), before + 1, "it was asleep");
    assert.ok(!refused.socket.closed, "the refused one is still there");
    for (const raw of [refused, endless]) raw.socket.destroy();
  } finally {
    await strict.stop();
  }
});

test("h3 what a session must remember outlives sleep: grant, presence data, connection", async () => {
  const ann = await Member.join(service, "chat:remember", "ann", { token: await token("ann", { can: { "chat:*": ["join", "presence"] }, info: { name: "Ann" } }) });
  assert.equal((await ann.ask({ type: "presence", id: "1", data: { mood: "sleepy" } })).type, "ack");
  await service.evict("chat:remember");
  assert.equal((await ann.ask(say("2", "not allowed"))).code, "forbidden");
  const bob = await Member.join(service, "chat:remember", "bob");
  const seen = bob.welcome.members.find(({ user }: Frame) => user === "ann");
  assert.deepEqual(seen, { user: "ann", connection: ann.connection, info: { name: "Ann" }, data: { mood: "sleepy" } });
});

test("a6 a grant that expires in sleep says nothing and hears nothing after", async () => {
  const ann = await Member.join(service, "chat:expiring", "ann", { token: await token("ann", { expires: Math.floor(Date.now() / 1000) + 4 }) });
  const bob = await Member.join(service, "chat:expiring", "bob");
  await service.evict("chat:expiring");
  await passing(Math.max(0, ann.welcome.expires - Date.now() + 50));
  await bob.ask(say("1", "after hours"));
  assert.equal((await ann.next("bye")).code, 4300);
  assert.deepEqual(ann.taken("message"), []);
});

test("p3 a leave is not lost in sleep: the alarm tells it", async () => {
  const watcher = await Member.join(service, "chat:alarm", "watcher");
  const broken = await Member.join(service, "chat:alarm", "broken");
  broken.socket.terminate();
  const still = await Member.join(service, "chat:alarm", "other");
  assert.ok(still.welcome.members.some(({ connection }: Frame) => connection === broken.connection), "its grace runs");
  await service.evict("chat:alarm");
  await watcher.find(({ leave = [] }) => leave.some(({ connection }: Frame) => connection === broken.connection), "leave by alarm");
});

test("d2 what was kept outlives a crash, and its followers resume", async () => {
  const ann = await Member.join(service, "chat:crash", "ann");
  for (const id of ["1", "2", "3"]) await ann.ask(say(id, id));
  await service.evict("chat:crash", "close");
  assert.equal((await ann.end()).code, 1006);
  const back = await Member.join(service, "chat:crash", "ann", { query: `?epoch=${ann.welcome.epoch}&after=1` });
  assert.deepEqual([back.welcome.resume, back.welcome.seq], ["recovered", 3]);
  assert.deepEqual([(await back.next("message")).seq, (await back.next("message")).seq], [2, 3]);
  assert.deepEqual(await back.ask(say("3", "3")), { type: "ack", id: "3", seq: 3, duplicate: true });
});

test("h2 a join writes nothing, and an empty channel leaves nothing behind", async () => {
  const ann = await Member.join(service, "chat:trace", "ann", { token: await token("ann", { can: { "**": ["join", "meter"] } }) });
  await ann.leave();
  const headers = { Authorization: `Bearer ${await token("ann", { can: { "**": ["meter"] } })}` };
  const meter = await (await service.fetch("/v1/channels/chat:trace/meter", { headers })).json() as { rows_written: number };
  assert.equal(meter.rows_written, 0);
});
