import assert from "node:assert/strict";
import { test } from "node:test";
import { World, messageOf, outcome, refused, welcomeOf } from "./support/world.ts";
import type { Chat, Frame } from "./support/world.ts";

const page = (request: Frame, more: boolean, ...messages: object[]): object => ({ type: "history", id: request["id"], messages, more });

/** All a channel tells about its messages, in order. */
function record(channel: Chat): unknown[] {
  const told: unknown[] = [];
  channel.on("say", ({ seq }) => told.push(seq));
  channel.connection.on("lost", ({ after, seq }) => told.push(`lost ${after}-${seq}`));
  channel.connection.on("recovered", ({ after, seq }) => told.push(`recovered ${after}-${seq}`));
  channel.connection.on("error", ({ code }) => told.push(code));
  return told;
}

for (const code of ["internal", "over_capacity"]) {
  test(`d6_a_resume_refused_with_${code}_is_asked_again_and_nothing_is_lost`, async () => {
    const world = new World();
    const channel = await world.open({}, { seq: 5 });
    const told = record(channel);
    await world.socket.say(messageOf(8));
    await world.socket.say(refused(world.socket.heardOne(), code));
    assert.deepEqual(told, [code]);
    await world.advance(500);
    const again = world.socket.heardOne();
    assert.deepEqual([again["type"], again["after"]], ["resume", 5]);
    await world.socket.say({ type: "resumed", id: again["id"], resume: "recovered", seq: 8 }, messageOf(6), messageOf(7));
    assert.deepEqual(told, [code, 6, 7, 8, "recovered 5-8"]);
  });

  test(`d4_a_page_refused_with_${code}_is_asked_again_and_nothing_is_lost`, async () => {
    const world = new World();
    const channel = await world.open({}, { seq: 5 });
    const told = record(channel);
    await world.socket.say(messageOf(8));
    await world.socket.say({ type: "resumed", id: world.socket.heardOne()["id"], resume: "behind", seq: 8 });
    await world.socket.say(refused(world.socket.heardOne(), code, { retry_after: 3_000 }));
    await world.advance(2_999);
    assert.deepEqual(world.socket.heard(), []);
    await world.advance(1);
    await world.socket.say(page(world.socket.heardOne(), false, messageOf(6), messageOf(7), messageOf(8)));
    assert.deepEqual(told, [code, 6, 7, 8, "recovered 5-8"]);
  });
}

test("d6_a_resume_without_an_answer_on_a_living_way_is_asked_again", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(8));
  world.socket.heardOne();
  world.socket.onText = (text) => void (text === "ping" ? world.after(1, () => void world.socket.text("pong")) : world.socket.texts.push(text));
  await world.advance(35_000);
  assert.equal(world.socket.heardOne()["type"], "resume");
  assert.deepEqual(told, ["timeout"]);
  assert.equal(channel.connection.state, "open");
});

test("d6_a_resume_refused_for_good_is_lost", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(8));
  await world.socket.say(refused(world.socket.heardOne(), "forbidden"));
  assert.deepEqual(told, ["lost 5-7", 8]);
});

test("d6_what_is_to_be_asked_again_is_not_asked_on_another_connection", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  await world.socket.say(messageOf(8));
  await world.socket.say(refused(world.socket.heardOne(), "internal", { retry_after: 1_000 }));
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ seq: 5, resume: "recovered" }));
  await world.advance(2_000);
  assert.deepEqual(world.socket.heard(), []);
  void channel.close();
  await world.advance(2_000);
  assert.equal(world.armed, 0);
});

test("d4_recovered_after_lost_claims_only_what_was_told", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ connection: "c2", seq: 9, resume: "behind" }));
  await world.socket.say(page(world.socket.heardOne(), false, messageOf(6), messageOf(8), messageOf(9)));
  assert.deepEqual(told, [6, "lost 6-7", 8, 9, "recovered 7-9"]);
});

test("a_publish_that_nobody_awaits_does_not_end_the_process_at_close_and_one_refused_is_still_reported", async (context) => {
  const world = new World();
  const reported: unknown[] = [];
  const [before] = [process.listeners("unhandledRejection")];
  process.removeAllListeners("unhandledRejection");
  context.after(() => before.forEach((listener) => process.on("unhandledRejection", listener)));
  process.on("unhandledRejection", (error) => reported.push((error as { code?: string }).code));
  const channel = await world.open();
  void channel.publish("say", { text: "wrong" });
  await world.settle();
  await world.socket.say(refused(world.socket.heardOne(), "invalid_data"));
  void channel.publish("say", { text: "sent" });
  await world.settle();
  void channel.publish("say", { text: "queued" });
  const awaited = outcome(channel.publish("say", { text: "awaited" }));
  void channel.history();
  void channel.close();
  await world.settle();
  await world.settle();
  const abort = new AbortController();
  const other = await world.open({ signal: abort.signal });
  void other.publish("say", { text: "sent" });
  await world.settle();
  abort.abort();
  await world.settle();
  assert.deepEqual([reported, awaited.error?.code], [["invalid_data"], "closed"]);
});
