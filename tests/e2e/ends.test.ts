// How channels end on the real runtime: what is on disk then, and that no alarm fails.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Member } from "./support/member.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

const day = 24 * 3_600_000;
const can = { "**": ["join", "publish"] };

function publish(member: Member, id: string): Promise<unknown> {
  return member.ask({ type: "publish", id, event: "message", data: { id } });
}

test("d9 at its end a channel leaves nothing on disk, and the next life begins in the same object", async (context) => {
  const service = await Service.start();
  context.after(() => service.stop());
  const ann = await Member.join(service, "app:end", "ann", { token: await token("ann", { can }) });
  await publish(ann, "1");
  await ann.leave();
  const kept = await service.object("app:end");
  assert.deepEqual(kept.tables, ["kept"]);
  assert.ok(Math.abs((kept.alarm ?? 0) - kept.now - day) < 60_000, `the alarm is at ${kept.alarm}, now is ${kept.now}`);
  const ended = await service.object("app:end", { alarm: day + 1_000 });
  assert.deepEqual([ended.tables, ended.alarm], [[], null]);
  const bob = await Member.join(service, "app:end", "bob", { token: await token("bob", { can }) });
  assert.deepEqual([bob.welcome.seq, bob.welcome.epoch === ann.welcome.epoch], [0, false]);
  await publish(bob, "1");
  const again = await service.object("app:end");
  assert.deepEqual([again.tables, again.alarm !== null], [["kept"], true]);
  await bob.leave();
});

test("d9 what is too old is off the disk while somebody is there, and the channel knows where it stands", async (context) => {
  const service = await Service.start();
  context.after(() => service.stop());
  const ann = await Member.join(service, "app:old", "ann", { token: await token("ann", { can, expires: "9d" }) });
  await publish(ann, "1");
  assert.equal((await service.object("app:old")).texts, 1);
  const left = await service.object("app:old", { alarm: day + 61_000 });
  assert.deepEqual([left.tables, left.texts], [["kept"], 0]);
  const bob = await Member.join(service, "app:old", "bob", { token: await token("bob", { can }) });
  assert.equal(bob.welcome.seq, 1);
});

test("d9 the alarm of a channel that no pattern fits ends it, and does not fail", async (context) => {
  const service = await Service.start();
  context.after(() => service.stop());
  const columns = "first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, before INTEGER NOT NULL, format INTEGER NOT NULL, "
    + "epoch TEXT NOT NULL, ids TEXT NOT NULL, lengths TEXT NOT NULL, text TEXT NOT NULL";
  const row = `(1, 1, ${Date.now()}, 0, 1, 'EEEEEEEEEEEEEEEE', '[null]', '2', '{}')`;
  const missed = await service.object("gone:x", { sql: [`CREATE TABLE kept (${columns})`, `INSERT INTO kept VALUES ${row}`], alarm: 0 });
  assert.deepEqual(missed.tables, ["departures", "kept"]);
  assert.ok(Math.abs((missed.alarm ?? 0) - missed.now - day) < 60_000, `the alarm is at ${missed.alarm}`);
  const ended = await service.object("gone:x", { alarm: day + 1_000 });
  assert.deepEqual([ended.tables, ended.alarm], [[], null]);
  assert.deepEqual(service.log().filter(({ event }) => event === "retired").map(({ level }) => level), ["warn", "info"]);
});

test("d9 the alarm of a deployment that is configured wrongly comes again, and does not fail", async (context) => {
  const service = await Service.start({ vars: { JWT_SECRET: "short" } });
  context.after(() => service.stop());
  service.expect(/JWT_SECRET must have at least 32 bytes/);
  const found = await service.object("app:wrong", { alarm: 0 });
  assert.ok(Math.abs((found.alarm ?? 0) - found.now - 300_000) < 60_000, `the alarm is at ${found.alarm}`);
});
