// How connections end on the real runtime (rules A4, P3, R3): every handshake is finished in under a second.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Frame, Member } from "./support/member.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

const GRACE = 3000;
let service: Service;
before(async () => {
  service = await Service.start({ vars: { GRACE_MS: `${GRACE}`, CONNECTIONS_PER_USER: "2" } });
});
after(() => service.stop());

/** Waits until a member's leave is told. */
async function left(watcher: Member, connection: string): Promise<void> {
  const leaves = ({ type, leave = [] }: Frame) => type === "presence" && leave.some((gone: Frame) => gone.connection === connection);
  await watcher.find(leaves, `leave of ${connection}`);
}

test("r3 a close by the client is answered at once, whatever its code", async () => {
  for (const [code, answered] of [[1000, 1000], [1001, 1001], [4999, 4999]] as const) {
    const member = await Member.join(service, "chat:close", "ann");
    const { took, code: seen } = await member.leave(code);
    assert.ok(took < 1000, `${code} took ${took} ms`);
    assert.equal(seen, answered);
  }
  const member = await Member.join(service, "chat:close", "ann");
  const begun = performance.now();
  member.socket.close();
  assert.equal((await member.end()).code, 1000, "no code is answered by the normal one");
  assert.ok(performance.now() - begun < 1000);
});

test("r3 a client that follows bye is closed in under a second", async () => {
  const first = await Member.join(service, "chat:replaced", "ann");
  const second = await Member.join(service, "chat:replaced", "ann", { query: `?connection=${first.connection}` });
  assert.equal(second.connection, first.connection);
  assert.deepEqual([(await first.next("bye")).code], [4010]);
  assert.ok((await first.leave()).took < 1000);
});

test("r3 a token that loses the right to join is told and closed in the socket's own turn", async () => {
  const member = await Member.join(service, "chat:narrowed", "ann");
  const begun = performance.now();
  assert.equal((await member.ask({ type: "auth", id: "1", token: await token("ann", { can: { "chat:*": ["history"] } }) })).type, "ack");
  assert.equal((await member.next("bye")).code, 4003);
  assert.equal((await member.end()).code, 4003);
  assert.ok(performance.now() - begun < 1000);
});

test("r3 twenty refusals in a row are enough", async () => {
  const member = await Member.join(service, "chat:refused", "ann");
  const begun = performance.now();
  for (let at = 0; at < 25; at++) member.say("no frame");
  assert.deepEqual([(await member.next("bye")).code, (await member.end()).code], [4101, 4101]);
  assert.ok(performance.now() - begun < 1000);
  assert.equal(member.taken("error").length, 20);
});

test("a4 a join that the channel refuses is told by bye and closed with its code at once", async () => {
  const refused = async (token: string, code: number) => {
    const begun = performance.now();
    const member = await Member.connect(service, "chat:full", { token });
    assert.equal((await member.next("bye")).code, code);
    assert.equal((await member.end()).code, code);
    assert.ok(performance.now() - begun < 1000);
  };
  await refused(await token("ann", { can: { "chat:*": ["history"] } }), 4003);
  await Member.join(service, "chat:full", "bob");
  await Member.join(service, "chat:full", "bob");
  await refused(await token("bob"), 4100);
});

test("p3 a clean close leaves at once, a broken one after the grace", async () => {
  const watcher = await Member.join(service, "chat:grace", "watcher");
  const clean = await Member.join(service, "chat:grace", "clean");
  await clean.leave();
  const begun = performance.now();
  await left(watcher, clean.connection);
  assert.ok(performance.now() - begun < GRACE - 100, "a clean close waits for no grace");

  const broken = await Member.join(service, "chat:grace", "broken");
  const cut = performance.now();
  broken.socket.terminate();
  await left(watcher, broken.connection);
  assert.ok(performance.now() - cut >= GRACE - 100, "a broken connection has its grace");
});

test("p3 who comes back within the grace keeps connection and place, and nobody hears of it", async () => {
  const watcher = await Member.join(service, "chat:back", "watcher");
  const broken = await Member.join(service, "chat:back", "broken");
  broken.socket.terminate();
  const back = await Member.join(service, "chat:back", "broken", { query: `?connection=${broken.connection}` });
  assert.equal(back.connection, broken.connection);
  const other = await Member.join(service, "chat:back", "other");
  await other.leave();
  await left(watcher, other.connection);
  const leaves = watcher.taken("presence").flatMap(({ leave = [] }) => leave.map((gone: Frame) => gone.connection));
  assert.ok(!leaves.includes(broken.connection));
});
