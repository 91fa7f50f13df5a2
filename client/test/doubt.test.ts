import assert from "node:assert/strict";
import { test } from "node:test";
import { World, ack, messageOf, outcome, own, refused, say, textsOf, welcomeOf } from "./support/world.ts";
import type { Chat, Frame } from "./support/world.ts";

const MINUTE = 60_000;

/** A channel at seq 5 that has published these texts, and broke before an answer came; what it sent, and its promises. */
async function brokenOff(world: World, texts: readonly string[], welcome: object = {}) {
  const channel = await world.open({}, { seq: 5, ...welcome });
  const seen = say(channel, ...texts);
  await world.settle();
  const sent = world.socket.heard();
  await world.socket.end(1006);
  return { channel, seen, sent };
}

/** Time passes while every attempt to come back fails; then one succeeds. */
async function away(world: World, ms: number, welcome: object): Promise<void> {
  world.onSocket = (socket) => void socket.end(1006);
  await world.advance(ms);
  world.onSocket = () => {};
  await world.reconnected();
  await world.socket.say(welcomeOf({ connection: "c2", now: world.now, expires: null, ...welcome }));
}

const page = (request: Frame | undefined, more: boolean, ...messages: object[]): object => ({ type: "history", id: request?.["id"], messages, more });

test("d7_what_the_replay_holds_is_not_sent_again", async () => {
  const world = new World();
  const { seen, sent } = await brokenOff(world, ["a", "b"]);
  await away(world, 0, { seq: 7, resume: "recovered" });
  assert.deepEqual(world.socket.heard(), [], "nothing is sent before the replay has told what was said");
  await world.socket.say(messageOf(6), own(sent[0], 7));
  assert.equal((seen[0]?.value as { seq: number }).seq, 7);
  const again = world.socket.heardOne();
  assert.equal(again["id"], sent[1]?.["id"]);
  await world.socket.say(ack(again, { seq: 8 }));
  assert.deepEqual(seen.map(({ state, times }) => [state, times]), [["done", 1], ["done", 1]]);
});

test("d7_what_a_page_holds_is_not_sent_again", async () => {
  const world = new World();
  const { seen, sent } = await brokenOff(world, ["a"]);
  await away(world, 0, { seq: 7, resume: "behind" });
  const request = world.socket.heardOne();
  assert.equal(request["type"], "history");
  const { type: _, ...kept } = own(sent[0], 7) as { type: string };
  await world.socket.say(page(request, false, messageOf(6), kept));
  assert.deepEqual([seen[0]?.state, (seen[0]?.value as { seq: number })?.seq, seen[0]?.times], ["done", 7, 1]);
  assert.deepEqual(world.socket.heard(), []);
});

test("d7_what_a_whole_replay_does_not_hold_was_not_said_and_is_sent_again_after_however_long", async () => {
  const world = new World();
  const { seen, sent } = await brokenOff(world, ["a"]);
  await away(world, 60 * MINUTE, { seq: 6, resume: "recovered" });
  await world.socket.say(messageOf(6));
  const again = world.socket.heardOne();
  assert.equal(again["id"], sent[0]?.["id"]);
  await world.socket.say(own(again, 7, "c2"));
  assert.equal(seen[0]?.state, "done");
});

test("d7_what_a_lost_range_may_hold_is_sent_again_while_its_id_is_known_and_given_up_after", async () => {
  for (const [minutes, expected] of [[9, "sent"], [11, "timeout"]] as const) {
    const world = new World();
    const { channel, seen } = await brokenOff(world, ["a", "b"]);
    const newer = outcome(channel.publish("say", { text: "newer" }));
    await away(world, minutes * MINUTE, { seq: 205, first: 106, resume: "lost" });
    const texts = textsOf(world.socket.heard());
    assert.deepEqual(texts, expected === "sent" ? ["a", "b", "newer"] : ["newer"]);
    assert.deepEqual(seen.map(({ error }) => error?.code), expected === "sent" ? [undefined, undefined] : ["timeout", "timeout"]);
    assert.equal(newer.state, "pending", "what was never sent is in no doubt");
  }
});

test("d7_the_time_is_taken_from_when_it_was_first_sent_and_by_the_services_clock", async () => {
  const world = new World();
  const { seen } = await brokenOff(world, ["a"]);
  await away(world, 6 * MINUTE, { seq: 8, resume: "lost" });
  assert.equal(world.socket.heard().length, 1);
  await world.socket.end(1006);
  // The device slept, and its steady clock with it; the service's did not.
  await away(world, 0, { seq: 9, resume: "recovered", now: world.now + 5 * MINUTE });
  await world.socket.say(messageOf(9));
  assert.equal(seen[0]?.error?.code, "timeout");
  assert.deepEqual(world.socket.heard(), []);
});

test("d7_what_more_messages_than_the_service_remembers_were_lost_with_is_given_up", async () => {
  const world = new World();
  const { seen } = await brokenOff(world, ["a"]);
  await away(world, 0, { seq: 1_200, first: 201, resume: "lost" });
  assert.equal(seen[0]?.error?.code, "timeout");
  assert.deepEqual(world.socket.heard(), []);
});

test("d7_what_an_anonymous_member_said_is_known_by_its_connection_alone", async () => {
  const world = new World();
  const { seen } = await brokenOff(world, ["a"], { user: null });
  await away(world, 0, { seq: 8, resume: "lost", user: null });
  assert.equal(seen[0]?.error?.code, "timeout");
  const other = new World();
  await brokenOff(other, ["a"], { user: null });
  await away(other, 0, { seq: 5, resume: "recovered", user: null });
  assert.equal(other.socket.heard().length, 1, "a replay tells of it too");
});

test("d7_what_was_refused_by_rate_was_not_said_and_is_sent_whatever_was_lost", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const [seen] = say(channel, "a");
  await world.settle();
  await world.socket.say(refused(world.socket.heardOne(), "rate_limited", { retry_after: 500 }));
  await world.socket.end(1006);
  await away(world, 11 * MINUTE, { seq: 2_000, resume: "lost" });
  assert.deepEqual([textsOf(world.socket.heard()), seen?.state], [["a"], "pending"]);
});

test("d7_what_is_new_waits_behind_what_is_in_doubt_and_for_nothing_else", async () => {
  const world = new World();
  const { channel } = await brokenOff(world, ["a"]);
  await away(world, 0, { seq: 300, resume: "behind" });
  assert.deepEqual(world.socket.heard().map(({ type }) => type), ["history"]);
  say(channel, "b");
  await world.settle();
  assert.deepEqual(world.socket.heard(), []);
  const other = new World();
  const calm: Chat = await other.open({}, { seq: 5 });
  await other.socket.end(1006);
  say(calm, "c");
  await away(other, 0, { seq: 300, resume: "behind" });
  assert.deepEqual(other.socket.heard().map(({ type }) => type).sort(), ["history", "publish"]);
});

test("r6_what_is_published_into_a_way_that_has_died_is_sent_again_on_the_next", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  await world.advance(1_000);
  const [seen] = say(channel, "a");
  await world.settle();
  const sent = world.socket.heardOne();
  // One more text was under way towards the client when the way died.
  await world.advance(500);
  await world.socket.say(messageOf(6));
  await world.advance(40_000);
  assert.deepEqual([channel.connection.state, seen?.state], ["joining", "pending"]);
  await world.socket.say(welcomeOf({ connection: "c2", seq: 6, resume: "recovered" }));
  assert.equal(world.socket.heardOne()["id"], sent["id"]);
});

test("an_answer_that_came_while_the_loop_was_blocked_is_read_before_it_is_given_up", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  await world.advance(25_000);
  assert.deepEqual(world.socket.texts.splice(0), ["ping"]);
  await world.socket.say(messageOf(6));
  const [seen] = say(channel, "a");
  await world.settle();
  const [sent] = world.socket.heard();
  // The pong of the ping before, and then the answer, come while nothing can be read.
  world.after(1_000, () => void world.socket.text("pong"));
  world.after(1_000, () => void world.socket.say(own(sent, 7)));
  await world.block(31_000);
  assert.deepEqual([seen?.state, channel.connection.state], ["done", "open"]);
});

test("d7_what_was_under_way_when_something_was_lost_is_in_the_same_doubt_once_its_way_breaks", async () => {
  for (const [refusal, expected] of [[undefined, "timeout"], ["rate_limited", undefined]] as const) {
    const world = new World();
    const channel = await world.open({}, { seq: 5 });
    const [seen] = say(channel, "a");
    await world.settle();
    const [sent] = world.socket.heard();
    await world.socket.say(messageOf(8));
    await world.socket.say({ type: "resumed", id: world.socket.heardOne()["id"], resume: "lost", seq: 8, first: 8 });
    // One that was refused was not said, whatever was lost.
    if (refusal) await world.socket.say(refused(sent, refusal, { retry_after: 60_000 }));
    await world.socket.end(1006);
    await away(world, 11 * MINUTE, { seq: 8, resume: "recovered" });
    assert.equal(seen?.error?.code, expected);
    assert.equal(world.socket.heard().length, expected ? 0 : 1);
  }
});
