// Two real sockets talk through the real runtime.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Member } from "./support/member.ts";
import { Service } from "./support/service.ts";
import { keyPair, token } from "./support/tokens.ts";

let service: Service;
before(async () => {
  service = await Service.start();
});
after(() => service.stop());

test("d1 what one says the other hears, in one order and with consecutive seqs", async () => {
  const ann = await Member.join(service, "chat:talk", "ann");
  const bob = await Member.join(service, "chat:talk", "bob");
  ann.say({ type: "publish", id: "a1", event: "say", data: { text: "hello" } });
  bob.say({ type: "publish", id: "b1", event: "say", data: { text: "hi" } });
  ann.say({ type: "publish", id: "a2", event: "say", data: { text: "how are you?" } });

  const heard = await Promise.all([ann, bob].map(async (member) => [await member.next("message"), await member.next("message"), await member.next("message")]));
  assert.deepEqual(heard[0], heard[1]);
  assert.deepEqual(heard[0].map(({ seq }) => seq), [1, 2, 3]);
  assert.deepEqual(heard[0].map(({ id }) => id).sort(), ["a1", "a2", "b1"]);
  const first = heard[0].find(({ id }) => id === "a1");
  assert.deepEqual(first?.data, { text: "hello" });
  assert.deepEqual(first?.from, { user: "ann", connection: ann.connection });
});

test("e1 the welcome says who and where one is", async () => {
  const { welcome } = await Member.join(service, "chat:welcome", "ann");
  assert.equal(welcome.channel, "chat:welcome");
  assert.equal(welcome.user, "ann");
  assert.match(welcome.connection, /^[A-Za-z0-9_-]{22}$/);
  assert.match(welcome.epoch, /^[A-Za-z0-9_-]{16}-[0-9a-f]{20}$/);
  assert.deepEqual([welcome.seq, welcome.first, welcome.resume], [0, 1, "fresh"]);
  assert.deepEqual(welcome.can, ["history", "join", "presence", "publish"]);
});

test("p2 who joins and leaves is told to those who are here", async () => {
  const ann = await Member.join(service, "chat:presence", "ann");
  const bob = await Member.join(service, "chat:presence", "bob");
  assert.deepEqual(bob.welcome.members.map(({ user }: { user: string }) => user).sort(), ["ann", "bob"]);
  const told = async (change: string) => {
    for (;;) {
      const frame = await ann.next("presence");
      const members = frame[change]?.filter(({ user }: { user: string }) => user === "bob");
      if (members?.length) return members[0].connection as string;
    }
  };
  assert.equal(await told("join"), bob.connection);
  await bob.leave();
  assert.equal(await told("leave"), bob.connection);
});

test("f5 who asks for no echo gets an ack in its place, and everyone else the message", async () => {
  const members = await Promise.all(["ann", "ann", "bob", "cat", "dan", "eve"].map((user) => Member.join(service, "chat:echo", user)));
  const [speaker, ...others] = members;
  assert.deepEqual(await speaker.ask({ type: "publish", id: "1", event: "say", data: { text: "psst" }, echo: false }), { type: "ack", id: "1", seq: 1 });
  for (const other of others) assert.equal((await other.next("message")).seq, 1);
  // Six at a time: each of them is left out of what it said itself, and of nothing else.
  for (const [at, member] of members.entries()) member.say({ type: "publish", id: `at-${at}`, event: "say", data: { text: `${at}` }, echo: false });
  for (const [at, member] of members.entries()) {
    const ids = [];
    while (ids.length < 5) ids.push((await member.next("message")).id);
    assert.deepEqual(ids.sort(), members.flatMap((_, other) => other === at ? [] : [`at-${other}`]));
    assert.equal((await member.next("ack", { id: `at-${at}` })).id, `at-${at}`);
  }
  assert.deepEqual(members.flatMap((member) => member.taken("message")), []);
});

test("f5 what is said to some is heard by them alone", async () => {
  const [ann, bob, cat] = await Promise.all(["ann", "bob", "cat"].map((user) => Member.join(service, "chat:to", user)));
  const told = await ann.ask({ type: "publish", id: "1", event: "say", data: { text: "for bob" }, to: { users: ["bob"] } });
  assert.deepEqual(told, { type: "ack", id: "1", delivered: 1 });
  assert.equal((await bob.next("message")).data.text, "for bob");
  await cat.settle();
  assert.deepEqual([cat.taken("message").filter(({ event }) => event === "say"), ann.taken("message").filter(({ event }) => event === "say")], [[], []]);
});

test("e2 the same channel is there over http, by the same order", async () => {
  const ann = await Member.join(service, "chat:http", "ann");
  const headers = { Authorization: `Bearer ${await token("backend")}` };
  const post = (body: unknown) => service.fetch("/v1/channels/chat:http/messages", { method: "POST", headers, body: JSON.stringify(body) });
  const acked = await post({ id: "p1", event: "say", data: { text: "from a server" } });
  assert.equal(acked.status, 200);
  assert.deepEqual(await acked.json(), { type: "ack", id: "p1", seq: 1 });
  const heard = await ann.next("message");
  assert.deepEqual([heard.seq, heard.from], [1, { user: "backend" }]);

  const page = await (await service.fetch("/v1/channels/chat:http/messages?after=0", { headers })).json() as { messages: unknown[] };
  assert.deepEqual(page, { messages: [heard], more: false });
  const { members } = await (await service.fetch("/v1/channels/chat:http/members", { headers })).json() as { members: { user: string }[] };
  assert.deepEqual(members.map(({ user }) => user), ["ann"]);

  const refused = await post({ event: "say", data: { text: "" } });
  assert.equal(refused.status, 422);
  const { error } = await refused.json() as { error: { code: string } };
  assert.equal(error.code, "invalid_data");
});

test("a1 tokens signed HS256, ES256 and EdDSA by another library are taken, each by its own key alone", async () => {
  const [es, ed, stranger] = [await keyPair("ES256", "es"), await keyPair("EdDSA", "ed"), await keyPair("ES256", "es")];
  const keys = await Service.start({ vars: { JWT_SECRET: "another secret that is long enough for HS256", JWT_JWKS: JSON.stringify({ keys: [es.jwk, ed.jwk] }) } });
  try {
    for (const { sign } of [es, ed]) {
      const { welcome } = await Member.join(keys, "chat:keys", "ann", { token: await sign("ann") });
      assert.equal(welcome.user, "ann");
    }
    for (const wrong of [await stranger.sign("ann"), await es.sign("ann", "ed"), await token("ann")]) {
      const member = await Member.connect(keys, "chat:keys", { token: wrong });
      assert.equal((await member.next("bye")).code, 4009);
      assert.equal((await member.end()).code, 4009);
    }
  } finally {
    await keys.stop();
  }
});

test("a1 a key of a provider that is not supported is passed over, once in the log, and the others verify", async () => {
  const ed = await keyPair("EdDSA", "ed");
  const rsa = { kty: "RSA", n: "AQAB", e: "AQAB", alg: "RS256", use: "sig", kid: "provider" };
  const keys = await Service.start({ vars: { JWT_JWKS: JSON.stringify({ keys: [rsa, { ...ed.jwk, alg: "Ed25519" }] }) } });
  try {
    for (const channel of ["chat:one", "chat:two"]) {
      const member = await Member.join(keys, channel, "ann", { token: await ed.sign("ann") });
      assert.equal(member.welcome.user, "ann");
    }
  } finally {
    await keys.stop();
  }
  const told = keys.log().filter(({ event }) => event === "setting");
  assert.deepEqual(told.map(({ level, detail }) => [level, detail?.startsWith("Key 1 of JWT_JWKS is passed over: ")]), [["warn", true]]);
});

test("a4 an expired token is told on the way in", async () => {
  const member = await Member.connect(service, "chat:late", { token: await token("ann", { expires: 1 }) });
  assert.equal((await member.next("bye")).reason, "token_expired");
  assert.equal((await member.end()).code, 4300);
});

test("a7 who joins first and signs in later gets a full welcome then", async () => {
  const member = await Member.join(service, "door:a", "nobody", { token: null });
  assert.deepEqual([member.welcome.user, member.welcome.can, member.welcome.epoch], [null, [], undefined]);
  const refused = await member.ask({ type: "publish", id: "1", event: "say", data: { text: "too early" } });
  assert.equal(refused.code, "unauthenticated");
  assert.equal((await member.ask({ type: "auth", id: "2", token: await token("ann") })).type, "ack");
  const welcome = await member.next("welcome");
  assert.deepEqual([welcome.user, welcome.seq], ["ann", 0]);
});
