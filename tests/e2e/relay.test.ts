// Many channels on one connection (rules E8 and M1 to M6) on the real runtime, by plain sockets.
import assert from "node:assert/strict";
import { setTimeout as passing } from "node:timers/promises";
import { after, before, test } from "node:test";
import { type Frame, Member } from "./support/member.ts";
import { Inside, connect, join } from "./support/multiplexed.ts";
import { Raw, head } from "./support/raw.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

let service: Service;
before(async () => {
  service = await Service.start();
});
after(() => service.stop());

const say = (id: string, text = id) => ({ type: "publish", id, event: "say", data: { text } });
const constructed = async () => (await service.probe()).constructed;

/** Runs with a service of its own. */
async function served(setting: Parameters<typeof Service.start>[0], run: (service: Service) => Promise<void>): Promise<void> {
  const other = await Service.start(setting);
  try {
    await run(other);
  } finally {
    await other.stop();
  }
}

test("m1 a connection for many channels is greeted, with the user where there is a token, and its pings are answered", async () => {
  const ann = await connect(service, "ann");
  const hello = await ann.next("hello");
  assert.match(hello.connection, /^[\w-]{22}$/);
  assert.equal(hello.user, "ann");
  assert.ok(hello.expires > hello.now);
  assert.deepEqual(hello.limits, { channels: 200, frame_bytes: 65_536, batch: 100 });
  assert.equal(ann.socket.protocol, "dormouse.v1");
  ann.say("ping");
  await ann.next("pong");
  const nobody = await connect(service, "", { token: null });
  const { user, expires } = await nobody.next("hello");
  assert.deepEqual([user, expires], [undefined, undefined]);
  await Promise.all([ann.leave(), nobody.leave()]);
});

test("m1 channels are joined in one array before hello, and heard apart", async () => {
  const ann = await connect(service, "ann");
  const [a, b] = await join(ann, "chat:apart-a", "chat:apart-b");
  assert.equal((await a.ask(say("1"))).seq, 1);
  assert.equal((await a.ask(say("2"))).seq, 2);
  assert.equal((await b.ask(say("1"))).seq, 1);
  ann.say([{ ...say("3"), channel: a.name }, { ...say("4"), channel: b.name }, { ...say("5"), channel: a.name }]);
  assert.equal((await a.next("message", { id: "5" })).seq, 4);
  assert.equal((await b.next("message", { id: "4" })).seq, 2);
  assert.equal((await a.next("message", { id: "3" })).seq, 3);
  await ann.leave();
});

test("m3 a member behind a relay and a direct one hear the same in the same order", async () => {
  const direct = await Member.join(service, "chat:same", "ann");
  const relayed = await connect(service, "bob");
  const [inside] = await join(relayed, "chat:same");
  await direct.find(({ join = [] }) => join.some(({ user }: Frame) => user === "bob"), "bob among the members");
  const count = 20;
  for (let at = 0; at < count; at++) {
    direct.say(say(`ann-${at}`));
    relayed.say({ ...say(`bob-${at}`), channel: "chat:same" });
  }
  const told = async (next: () => Promise<Frame>) => {
    const frames: Frame[] = [];
    while (frames.length < 2 * count) frames.push(await next());
    return frames.map(({ seq, id, data, from: { user } }) => ({ seq, id, data, user }));
  };
  const [one, other] = await Promise.all([told(() => direct.next("message")), told(() => inside.next("message"))]);
  assert.deepEqual(other, one);
  assert.deepEqual(one.map(({ seq }) => seq), Array.from({ length: 2 * count }, (_, at) => at + 1));
  for (const user of ["ann", "bob"]) {
    assert.deepEqual(one.filter((message) => message.user === user).map(({ id }) => id), Array.from({ length: count }, (_, at) => `${user}-${at}`));
  }
  await direct.leave();
  await inside.find(({ leave = [] }) => leave.some(({ user }: Frame) => user === "ann"), "leave of ann");
  await relayed.leave();
});

test("m3 a bye inside one channel ends that channel alone", async () => {
  const ann = await connect(service, "ann", { token: await token("ann", { can: { "chat:mine": ["join", "publish"] } }) });
  ann.say([{ type: "join", channel: "chat:other" }, { type: "join", channel: "nothing:here" }, { type: "join", channel: "chat:mine" }]);
  const [other, nothing, mine] = ["chat:other", "nothing:here", "chat:mine"].map((name) => new Inside(ann, name));
  assert.equal((await other.next("bye")).reason, "forbidden");
  assert.equal((await nothing.next("bye")).reason, "no_such_channel");
  await mine.next("welcome");
  assert.equal((await mine.ask(say("1"))).seq, 1);
  const refused = await ann.ask({ ...say("2"), channel: "chat:other" });
  assert.deepEqual([refused.type, refused.code], ["error", "not_found"]);
  await ann.leave();
});

test("m4 who has left a channel hears nothing of it any more, and is gone from its members", async () => {
  const direct = await Member.join(service, "chat:left", "ann");
  const bob = await connect(service, "bob");
  await join(bob, "chat:left", "chat:kept");
  assert.equal((await bob.ask({ type: "leave", id: "l", channel: "chat:left" })).type, "ack");
  await direct.find(({ leave = [] }) => leave.some(({ user }: Frame) => user === "bob"), "leave of bob");
  bob.inbox.length = 0;
  await direct.ask(say("1"));
  await new Inside(bob, "chat:kept").ask(say("2"));
  assert.deepEqual(bob.inbox.filter(({ channel }) => channel === "chat:left"), []);
  await Promise.all([bob.leave(), direct.leave()]);
});

test("m3 who closes the connection leaves all its channels", async () => {
  const direct = await Promise.all(["chat:all-a", "chat:all-b"].map((name) => Member.join(service, name, "ann")));
  const bob = await connect(service, "bob");
  await join(bob, "chat:all-a", "chat:all-b");
  await bob.leave();
  for (const member of direct) {
    await member.find(({ leave = [] }) => leave.some(({ user }: Frame) => user === "bob"), "leave of bob");
    await member.leave();
  }
});

test("h1 a conversation goes on through sleep of the channel, of the relay, and of both", async () => {
  const direct = await Member.join(service, "chat:asleep", "ann");
  const bob = await connect(service, "bob", { token: await token("bob", { home: "asleep" }) });
  const [inside] = await join(bob, "chat:asleep");
  const channel = () => service.evict("chat:asleep");
  const relay = () => service.evictRelay("asleep/0");
  let seq = 0;
  for (const sleep of [[channel], [relay], [channel, relay], [relay, channel]]) {
    for (const speaks of [direct, inside]) {
      const before = await constructed();
      for (const evict of sleep) await evict();
      const { id } = say(`${++seq}`);
      assert.equal((await speaks.ask(say(id))).seq, seq);
      assert.equal((await (speaks === direct ? inside : direct).next("message", { id })).seq, seq);
      assert.equal(await constructed() - before, sleep.length, "they were asleep");
    }
  }
  assert.deepEqual(bob.inbox.filter(({ type }) => type === "bye"), []);
  await Promise.all([bob.leave(), direct.leave()]);
});

test("h1 a relay and its channel fall asleep by themselves, and the next message wakes both", async () => {
  const bob = await connect(service, "bob", { token: await token("bob", { home: "quiet" }) });
  const [inside] = await join(bob, "chat:quiet");
  const before = await constructed();
  // The channel looks after its relay eight seconds after it has told it something, and the platform puts an object to
  // sleep after ten seconds without an event; nothing tells when it did.
  await passing(21_000);
  assert.equal((await inside.ask(say("1"))).seq, 1);
  assert.equal(await constructed() - before, 2, "both were asleep");
  await bob.leave();
});

test("e8 connections meet on the relay of their home, and the next is begun where one is full", async () => {
  await served({ vars: { RELAY_CONNECTIONS: "2" } }, async (small) => {
    const before = (await small.probe()).constructed;
    const crowd = await Promise.all(Array.from({ length: 6 }, async (_, at) => {
      const member = await connect(small, `user-${at}`, { token: await token(`user-${at}`, { home: at % 2 ? "acme" : undefined }) });
      await member.next("hello");
      return member;
    }));
    const relays = (await small.probe()).constructed - before;
    assert.equal(relays, 4, "three connections of each home, two to a relay");
    const insides = [];
    for (const member of crowd) insides.push((await join(member, "chat:crowd"))[0]);
    await insides[0].ask(say("1"));
    for (const inside of insides.slice(1)) assert.equal((await inside.next("message", { id: "1" })).seq, 1);
    assert.equal((await small.probe()).constructed - before, relays + 1, "and one channel");
    await Promise.all(crowd.map((member) => member.leave()));
  });
});

test("e8 where there are no relays there is no such path, and channels are served", async () => {
  await served({ relays: false }, async (without) => {
    assert.equal((await without.fetch("/v1/connect")).status, 404);
    await assert.rejects(connect(without, "ann"), /404/);
    await (await Member.join(without, "chat:alone", "ann")).leave();
  });
});

test("a4 a token that does not hold is told by bye, and no relay wakes", async () => {
  const before = await constructed();
  for (const [bad, code] of [["abc", 4009], [await token("zoe", { expires: 1 }), 4300]] as const) {
    const member = await connect(service, "zoe", { token: bad });
    assert.equal((await member.next("bye")).code, code);
    assert.equal((await member.end()).code, code);
  }
  assert.equal(await constructed(), before);
  for (const part of (await token("zoe", { expires: 1 })).split(".")) assert.ok(!service.printed().includes(part));
});

test("e6 e7 a foreign sub-protocol and a foreign origin are refused by their status", async () => {
  await assert.rejects(connect(service, "", { token: null, protocols: ["graphql-ws"] }), /400/);
  await assert.rejects(connect(service, "ann", { headers: { Origin: "https://evil.example" } }), /403/);
  assert.equal((await service.fetch("/v1/connect")).status, 426);
  assert.equal((await service.fetch("/v1/connect", { method: "POST" })).status, 405);
});

test("r5 connections are counted as joins are", async () => {
  await served({ joins: { perUser: 2 } }, async (counted) => {
    const told = [];
    for (let at = 0; at < 3; at++) {
      const member = await connect(counted, "ann");
      told.push(await member.find(({ type }) => type === "hello" || type === "bye", "hello or bye"));
    }
    assert.deepEqual(told.map(({ type, reason }) => reason ?? type), ["hello", "hello", "rate_limited"]);
    assert.equal(told[2].retry_after, 10_000);
    await (await connect(counted, "bob")).next("hello");
  });
});

test("a3 a relay believes no header and no Worker: it verifies the token itself", async () => {
  const straight = async (bearer: string) => {
    const query = new URLSearchParams({ of: "RELAYS", name: "straight/0", to: "http://any.test/v1/connect", method: "GET" });
    const headers = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", Authorization: `Bearer ${bearer}` };
    const raw = await Raw.send(service.url, head("GET", `/test/straight?${query}`, headers));
    const heard = await raw.heard(/\r\n\r\n/);
    raw.socket.destroy();
    return heard;
  };
  assert.match(await straight(await token("ann")), /^HTTP\/1\.1 101 /);
  assert.match(await straight("abc"), /^HTTP\/1\.1 403 [^]*Dormouse-Bye: [^]*"code":4009/i);
});

test("r7 the way by which objects call each other is closed to everybody else", async () => {
  const straight = (of: string, name: string, to: string) =>
    service.fetch(`/test/straight?${new URLSearchParams({ of, name, to, method: "POST" })}`);
  const inside = "http://dormouse/v1/exchange";
  // It is a way: an object that is called by it answers.
  assert.equal((await straight("CHANNELS", "chat:way", inside)).status, 200);
  assert.equal((await straight("RELAYS", "way/0", inside)).status, 200);
  const before = await constructed();
  const headers: Record<string, string>[] = [
    {}, { Host: "dormouse" }, { "X-Forwarded-Host": "dormouse" }, { Authorization: `Bearer ${await token("ann")}` }, { "X-HTTP-Method-Override": "POST" },
    { "X-Original-URL": "/v1/exchange", "X-Rewrite-URL": "/v1/exchange" }, { Upgrade: "websocket", Connection: "Upgrade" }, { "CF-Connecting-IP": "127.0.0.1" },
  ];
  const paths = ["/v1/exchange", "//v1/exchange", "/v1//exchange", "/./v1/exchange", "/x/../v1/exchange", "/v1/exchange?channel=chat:way", "/v1/exchange#x", "/v1/%65xchange",
    "/v1/exchange/", "/v1/channels/chat:way/../../exchange", "/v1/channels/chat:way/exchange", "http://dormouse/v1/exchange", "\\v1\\exchange"];
  for (const path of paths) {
    for (const more of headers) {
      for (const method of ["POST", "GET", "PUT"]) {
        const raw = await Raw.send(service.url, head(method, path, { ...more, "Content-Length": "2" }).replace("Host: dormouse.test\r\n", more.Host ? "" : "Host: dormouse.test\r\n") + "{}");
        const heard = await raw.heard(/^HTTP\/1\.1 \d+/);
        assert.match(heard, /^HTTP\/1\.1 (400|404) /, `${method} ${path} ${JSON.stringify(more)}`);
        raw.socket.destroy();
      }
    }
  }
  assert.equal(await constructed(), before, "and no object was woken");
});
