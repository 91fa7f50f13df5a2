import assert from "node:assert/strict";
import { test } from "node:test";
import { World, ack, messageOf, own, refused, welcomeOf } from "./support/world.ts";
import { shown, answer } from "./support/list.ts";

test("f2_what_is_sent_stands_there_at_once_and_goes_to_its_place_under_the_same_key", async () => {
  const world = new World();
  const channel = await world.open({ history: 0 }, { seq: 0 });
  const said = channel.timeline.send("say", { text: "mine" });
  const next = channel.timeline.send("say", { text: "next" });
  const [sending] = channel.timeline.getSnapshot().messages;
  assert.deepEqual(shown(channel), ["mine sending", "next sending", "complete"]);
  await world.settle();
  const [mine, later] = world.socket.heard();
  await world.socket.say(messageOf(1), own(mine, 2));
  assert.deepEqual(shown(channel), [1, 2, "next sending", "complete"]);
  await world.socket.say(messageOf(3), own(later, 4));
  assert.deepEqual(shown(channel), [1, 2, 3, 4, "complete"]);
  assert.equal(channel.timeline.getSnapshot().messages[1]?.key, sending?.key);
  assert.deepEqual([(await said).seq, (await next).seq], [2, 4]);
});

test("d7_without_a_user_what_was_answered_behind_a_gap_goes_to_its_place_over_a_reconnect", async () => {
  const world = new World();
  const channel = await world.open({ history: 0 }, { user: null });
  void channel.timeline.send("say", { text: "mine" });
  await world.settle();
  const mine = { ...own(world.socket.heardOne(), 2), from: { user: null, connection: "c1" } };
  await world.socket.say(mine);
  assert.deepEqual(shown(channel), ["mine sending", "complete"]);
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ user: null, connection: "c2", seq: 2, resume: "recovered" }), messageOf(1), mine);
  assert.deepEqual(shown(channel), [1, 2, "complete"]);
});

test("f2_what_is_refused_is_marked_and_can_be_sent_again_or_taken_out", async () => {
  const world = new World();
  const channel = await world.open({ history: 0 }, { seq: 0 });
  void channel.timeline.send("say", { text: "one" });
  void channel.timeline.send("say", { text: "two" });
  await world.settle();
  const [one, two] = world.socket.heard();
  await world.socket.say(refused(one, "forbidden"), refused(two, "forbidden"));
  assert.deepEqual(shown(channel), ["one failed", "two failed", "complete"]);
  const [first, second] = channel.timeline.getSnapshot().messages;
  assert.ok(first && second && first.status === "failed");
  assert.equal(first.error.code, "forbidden");
  channel.timeline.remove(second);
  channel.timeline.retry(first);
  assert.deepEqual(shown(channel), ["one sending", "complete"]);
  await world.settle();
  const again = world.socket.heardOne();
  assert.equal(again["id"], one?.["id"]);
  await world.socket.say(own(again, 1));
  assert.deepEqual(shown(channel), [1, "complete"]);
});

test("d7_what_was_given_up_and_kept_after_all_does_not_stand_there_twice", async () => {
  const world = new World();
  const channel = await world.open({ history: 5 }, { seq: 0 });
  void channel.timeline.send("say", { text: "in doubt" });
  await world.settle();
  const sent = world.socket.heardOne();
  await world.socket.end(1006);
  await world.advance(1_200_000);
  await world.socket.say(welcomeOf({ seq: 900, first: 900, resume: "lost", connection: "c2" }));
  assert.deepEqual(shown(channel), ["in doubt failed", "loading"]);
  await answer(world, [own(sent, 900)], true);
  assert.deepEqual(shown(channel), [900, "loading"]);
});

test("d7_a_duplicate_that_stands_there_already_is_not_shown_as_sending_any_more", async () => {
  const world = new World();
  const channel = await world.open({ history: 0 }, { seq: 0 });
  void channel.timeline.send("say", { text: "mine" }, { id: "caller-1" });
  await world.settle();
  const sent = world.socket.heardOne();
  assert.equal(sent["id"], "caller-1");
  await world.socket.say(own(sent, 1));
  void channel.timeline.send("say", { text: "mine" }, { id: "caller-1" });
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne(), { seq: 1, duplicate: true }));
  assert.deepEqual(shown(channel), [1, "complete"]);
});

test("f5_what_is_said_without_an_echo_stands_in_its_place", async () => {
  const world = new World();
  const channel = await world.open({ history: 0 }, { seq: 0 });
  const heard: unknown[] = [];
  channel.on("*", ({ seq }) => heard.push(seq));
  void channel.publish("say", { text: "quiet" }, { echo: false });
  void channel.timeline.send("say", { text: "quiet too" }, { echo: false });
  await world.settle();
  const [one, two] = world.socket.heard();
  await world.socket.say(ack(one, { seq: 1 }), messageOf(2), ack(two, { seq: 3 }), messageOf(4));
  assert.deepEqual(shown(channel), [1, 2, 3, 4, "complete"]);
  assert.deepEqual(heard, [2, 4]);
  const [first, , third] = channel.timeline.getSnapshot().messages;
  assert.deepEqual([first?.data, third?.data, third?.from.user], [{ text: "quiet" }, { text: "quiet too" }, "ann"]);
});

/** The service sends the client away for good, or the client gives up before it was ever welcomed; then it is taken up again. */
const closings: Record<string, (world: World) => Promise<void>> = {
  removed: (world) => world.socket.say({ type: "bye", code: 4008, reason: "removed" }),
  gave_up: (world) => world.socket.end(1006),
};

test("d4_what_failed_by_the_end_and_was_kept_after_all_stands_in_its_place_after_reconnect", async () => {
  const world = new World();
  const channel = await world.open({ history: 3 }, { seq: 0 });
  void channel.timeline.send("say", { text: "mine" });
  await world.settle();
  const said = world.socket.heard().find(({ type }) => type === "publish");
  await closings["removed"]?.(world);
  void channel.reconnect();
  await world.advance(0);
  await world.socket.say(welcomeOf({ seq: 2, resume: "recovered" }), own(said, 1), messageOf(2));
  assert.deepEqual(shown(channel), [1, 2, "complete"]);
});
