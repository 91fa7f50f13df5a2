import assert from "node:assert/strict";
import { test } from "node:test";
import type { TimelineSnapshot } from "../src/index.ts";
import { World, messageOf, own, refused, welcomeOf } from "./support/world.ts";
import { range, page, typing, shown, answer } from "./support/list.ts";

test("d4_a_first_join_shows_the_newest_and_what_comes_meanwhile_in_one_order", async () => {
  const world = new World();
  const channel = await world.joining({ history: 3 });
  assert.deepEqual(shown(channel), ["loading"]);
  await world.socket.say(welcomeOf({ seq: 9 }), messageOf(10));
  assert.deepEqual(shown(channel), [10, "loading"]);
  const asked = await answer(world, range(7, 9), true);
  assert.deepEqual([asked["before"], asked["limit"]], [10, 3]);
  await world.socket.say(messageOf(11));
  assert.deepEqual(shown(channel), [7, 8, 9, 10, 11, "more"]);
  assert.deepEqual(world.socket.heard(), []);
});

test("d4_older_brings_more_until_there_is_no_more_and_says_so", async () => {
  const world = new World();
  const channel = await world.open({ history: 3 }, { seq: 9 });
  await answer(world, range(7, 9), true);
  const first = channel.timeline.older();
  assert.equal(channel.timeline.older(), first, "what is asked for already is not asked for twice");
  await world.settle();
  assert.equal((await answer(world, range(4, 6), true))["before"], 7);
  assert.equal(await first, true);
  const second = channel.timeline.older(50);
  await world.settle();
  assert.equal((await answer(world, range(1, 3), false))["limit"], 50);
  assert.equal(await second, false);
  assert.deepEqual(shown(channel), [1, 2, 3, 4, 5, 6, 7, 8, 9, "complete"]);
  assert.equal(await channel.timeline.older(), false);
  assert.deepEqual(world.socket.heard(), []);
});

test("d4_more_than_a_page_is_pulled_page_by_page", async () => {
  const world = new World();
  const channel = await world.open({ history: 150 }, { seq: 400 });
  assert.equal((await answer(world, range(301, 400), true))["limit"], 100);
  assert.equal((await answer(world, range(251, 300), true))["limit"], 50);
  assert.deepEqual(shown(channel), [...range(251, 400).map((_, at) => 251 + at), "more"]);
});

test("an_empty_channel_is_complete_without_asking", async () => {
  const world = new World();
  const channel = await world.open({ history: 50 });
  assert.deepEqual(shown(channel), ["complete"]);
  await world.socket.say(messageOf(1));
  assert.deepEqual(shown(channel), [1, "complete"]);
  assert.deepEqual(world.socket.heard(), []);
});

test("d4_a_return_with_a_position_shows_the_past_before_it_and_what_was_missed", async () => {
  const world = new World();
  const channel = await world.joining({ history: 2, position: { epoch: "e1", seq: 5 } });
  await world.socket.say(welcomeOf({ seq: 7, resume: "recovered" }), messageOf(6), messageOf(7));
  await answer(world, range(4, 5), true);
  assert.deepEqual(shown(channel), [4, 5, 6, 7, "more"]);
});

test("d4_a_return_after_a_day_shows_the_newest_at_once_while_the_rest_is_still_paged", async () => {
  const world = new World();
  const channel = await world.joining({ history: 2, position: { epoch: "e1", seq: 5 } });
  const heard: unknown[] = [];
  channel.on("say", ({ seq }) => heard.push(seq));
  await world.socket.say(welcomeOf({ seq: 9, resume: "behind" }), messageOf(10));
  const [missed, newest] = world.socket.heard().sort((one, other) => Number("before" in one) - Number("before" in other));
  await world.socket.say(page(newest, range(8, 9), true));
  assert.deepEqual(shown(channel), [8, 9, "more"]);
  await world.socket.say(page(missed, range(6, 9), false));
  assert.deepEqual(shown(channel), [8, 9, 10, "more"]);
  assert.deepEqual(heard, [6, 7, 8, 9, 10]);
  const more = channel.timeline.older(2);
  await world.settle();
  await answer(world, range(6, 7), true);
  assert.equal(await more, true);
  assert.deepEqual(shown(channel), [6, 7, 8, 9, 10, "more"]);
});

test("d4_what_was_missed_by_a_page_that_stayed_open_is_appended", async () => {
  const world = new World();
  const channel = await world.open({ history: 2 }, { seq: 2 });
  await answer(world, range(1, 2), false);
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ seq: 5, resume: "behind" }), messageOf(6));
  await answer(world, range(3, 5), false);
  assert.deepEqual(shown(channel), [1, 2, 3, 4, 5, 6, "complete"]);
});

test("d4_after_a_loss_the_list_begins_anew_from_history", async () => {
  for (const epoch of ["e1", "e2"]) {
    const world = new World();
    const channel = await world.open({ history: 2 }, { seq: 5 });
    await answer(world, range(4, 5), true);
    await world.socket.end(1006);
    await world.reconnected();
    await world.socket.say(welcomeOf({ epoch, seq: 8, first: 7, resume: "lost" }), messageOf(9));
    assert.deepEqual(shown(channel), [9, "loading"]);
    await answer(world, range(7, 8), false);
    assert.deepEqual(shown(channel), [7, 8, 9, "complete"]);
  }
});

test("d4_another_life_with_the_same_head_or_a_smaller_one_begins_anew_too", async () => {
  for (const seq of [5, 2]) {
    const world = new World();
    const channel = await world.open({ history: 2 }, { seq: 5 });
    await answer(world, range(4, 5), true);
    await world.socket.end(1006);
    await world.reconnected();
    await world.socket.say(welcomeOf({ epoch: "e2", seq, first: 1, resume: "lost" }), messageOf(seq + 1));
    const asked = world.socket.heardOne();
    await world.socket.say(page(asked, [messageOf(seq, { data: { text: "of another life" } })], false));
    assert.deepEqual(shown(channel), [seq, seq + 1, "complete"]);
    assert.deepEqual(channel.timeline.getSnapshot().messages[0]?.data, { text: "of another life" });
  }
});

test("d4_a_page_that_was_asked_for_before_a_loss_is_not_put_into_what_comes_after_it", async () => {
  const world = new World();
  const channel = await world.open({ history: 2 }, { seq: 5 });
  const more = channel.timeline.older();
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ epoch: "e2", seq: 3, first: 1, resume: "lost" }));
  const old = world.socket.heardOne();
  assert.equal(old["before"], 6, "what was unanswered is asked again, on the same lane");
  await world.socket.say(page(old, range(1, 3), false));
  assert.deepEqual(shown(channel), ["loading"]);
  await answer(world, range(2, 3), true);
  assert.equal(await more, true);
  assert.deepEqual(shown(channel), [2, 3, "more"]);
});

test("d6_a_gap_that_nothing_heals_begins_the_list_anew", async () => {
  const world = new World();
  const channel = await world.open({ history: 2 }, { seq: 5 });
  await answer(world, range(4, 5), true);
  await world.socket.say(messageOf(8));
  await world.socket.say({ type: "resumed", id: world.socket.heardOne()["id"], resume: "lost", seq: 8, first: 7 });
  await answer(world, [messageOf(7)], false);
  assert.deepEqual(shown(channel), [7, 8, "complete"]);
});

test("d10_a_token_without_history_sees_what_comes_and_is_told_why_no_more_and_nothing_is_asked_again", async () => {
  const world = new World();
  const channel = await world.open({ history: 50 }, { seq: 5 });
  const errors: unknown[] = [];
  channel.connection.on("error", (error) => errors.push(error));
  await world.socket.say(refused(world.socket.heardOne(), "forbidden"), messageOf(6));
  assert.deepEqual(shown(channel), [6, "refused"]);
  assert.equal(channel.timeline.getSnapshot().error?.code, "forbidden");
  await world.advance(20_000);
  assert.deepEqual([world.socket.heard(), errors], [[], []]);
  // Asked for, it is asked again: the token may be another by now.
  const more = channel.timeline.older();
  await world.settle();
  await answer(world, range(1, 5), false);
  assert.equal(await more, false);
  assert.deepEqual([...shown(channel), channel.timeline.getSnapshot().error], [1, 2, 3, 4, 5, 6, "complete", undefined]);
});

test("d8_where_nothing_is_kept_there_is_no_past_and_no_error", async () => {
  const world = new World();
  const channel = await world.open({ history: 50 }, { seq: 5 });
  await world.socket.say(refused(world.socket.heardOne(), "not_kept"));
  assert.deepEqual([...shown(channel), channel.timeline.getSnapshot().error], ["complete", undefined]);
});

test("r5_a_past_that_is_refused_for_now_is_asked_for_again", async () => {
  const world = new World();
  const channel = await world.open({ history: 2 }, { seq: 2 });
  const errors: unknown[] = [];
  channel.connection.on("error", ({ code }) => errors.push(code));
  await world.socket.say(refused(world.socket.heardOne(), "rate_limited", { retry_after: 300 }));
  await world.advance(300);
  await world.socket.say(refused(world.socket.heardOne(), "internal"));
  assert.deepEqual(shown(channel), ["loading"]);
  await world.advance(30_000);
  await answer(world, range(1, 2), false);
  assert.deepEqual(shown(channel), [1, 2, "complete"]);
  assert.deepEqual(errors, ["internal"]);
});

test("ephemeral_events_stand_there_where_they_are_wanted_and_events_are_picked_by_name", async () => {
  const world = new World();
  const all = await world.open({ history: { ephemeral: true } });
  await world.socket.say(messageOf(1), typing, messageOf(2));
  assert.deepEqual(shown(all), [1, "typing", 2, "complete"]);
  const says = await world.open({ history: { events: ["say"], ephemeral: true } });
  await world.socket.say(messageOf(1), typing);
  assert.deepEqual(shown(says), [1, "complete"]);
  const kept = await world.open({ history: 0 });
  await world.socket.say(messageOf(1), typing);
  assert.deepEqual(shown(kept), [1, "complete"]);
});

test("of_picked_events_as_many_are_loaded_as_were_asked_for", async () => {
  const world = new World();
  const channel = await world.open({ history: { limit: 3, events: ["say"] } }, { seq: 9 });
  await answer(world, [messageOf(7, { event: "note" }), messageOf(8), messageOf(9, { event: "note" })], true);
  assert.deepEqual(shown(channel), [8, "loading"]);
  assert.deepEqual((await answer(world, range(5, 6), true))["limit"], 2);
  assert.deepEqual(shown(channel), [5, 6, 8, "more"]);
});

test("a_snapshot_is_a_new_one_for_each_change_with_the_same_objects_for_what_did_not_change", async () => {
  const world = new World();
  const channel = await world.open({ history: 2 }, { seq: 2 });
  await answer(world, range(1, 2), false);
  const { timeline } = channel;
  const before = timeline.getSnapshot();
  assert.equal(timeline.getSnapshot(), before);
  const told: TimelineSnapshot[] = [];
  const off = timeline.subscribe((snapshot) => told.push(snapshot as TimelineSnapshot));
  await world.socket.say(messageOf(3), messageOf(4));
  assert.equal(told.length, 1, "once a turn");
  const after = timeline.getSnapshot();
  assert.notEqual(after.messages, before.messages);
  assert.deepEqual(before.messages.map(({ key }) => key), ["#1", "#2"]);
  before.messages.forEach((entry, at) => assert.equal(after.messages[at], entry));
  off();
  await world.socket.say(messageOf(5));
  assert.equal(told.length, 1);
});

test("what_is_trimmed_is_brought_back_by_older", async () => {
  const world = new World();
  const channel = await world.open({ history: 0 });
  await world.socket.say(...range(1, 9));
  channel.timeline.trim(2);
  assert.deepEqual(shown(channel), [8, 9, "more"]);
  const more = channel.timeline.older(3);
  await world.settle();
  assert.equal((await answer(world, range(5, 7), true))["before"], 8);
  assert.equal(await more, true);
  assert.deepEqual(shown(channel), [5, 6, 7, 8, 9, "more"]);
});

test("a_list_that_is_first_asked_for_later_begins_there", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 2 });
  await world.socket.say(messageOf(3));
  assert.deepEqual(shown(channel), ["more"]);
  await world.socket.say(messageOf(4));
  const more = channel.timeline.older();
  await world.settle();
  await answer(world, range(1, 3), false);
  await more;
  assert.deepEqual(shown(channel), [1, 2, 3, 4, "complete"]);
});

test("a_listener_finds_what_it_is_told_in_the_list_and_what_waits_for_one_still_does", async () => {
  const world = new World();
  const channel = await world.open({ history: 0 }, { seq: 0 });
  await world.socket.say(messageOf(1));
  const heard: unknown[] = [];
  channel.on("say", ({ seq }) => heard.push([seq, channel.timeline.getSnapshot().messages.length]));
  await world.settle();
  await world.socket.say(messageOf(2));
  assert.deepEqual(heard, [[1, 1], [2, 2]]);
});

test("a_channel_that_is_over_leaves_its_list_no_timer_and_nothing_to_wait_for", async () => {
  const world = new World();
  const channel = await world.open({ history: 2 }, { seq: 2 });
  await world.socket.say(refused(world.socket.heardOne(), "internal"));
  const more = channel.timeline.older();
  const never = await world.joining({ history: 2 });
  void channel.close();
  void never.close();
  await world.advance(2_000);
  assert.equal(await more, false);
  assert.deepEqual([shown(channel), shown(never)], [["refused"], ["refused"]]);
  void channel.timeline.send("say", { text: "late" });
  await world.settle();
  assert.deepEqual(shown(channel), ["late failed", "refused"]);
  assert.equal(world.armed, 0);
});

/** The service sends the client away for good, or the client gives up before it was ever welcomed; then it is taken up again. */
const closings: Record<string, (world: World) => Promise<void>> = {
  removed: (world) => world.socket.say({ type: "bye", code: 4008, reason: "removed" }),
  gave_up: (world) => world.socket.end(1006),
};

for (const [code, end] of Object.entries(closings))
  for (const when of ["later", "as_it_is_told"] as const)
    test(`d4_a_list_that_had_not_begun_when_the_channel_was_over_by_${code}_begins_after_reconnect_${when}`, async () => {
      const world = new World();
      const channel = await world.joining({ history: 3, maxAttempts: 0 });
      const earlier = channel.timeline.older();
      if (when === "as_it_is_told") channel.connection.on("state", ({ state }) => void (state === "closed" && channel.reconnect()));
      await end(world);
      if (when === "later") {
        assert.deepEqual(shown(channel), ["refused"]);
        assert.equal(channel.timeline.getSnapshot().error?.code, code);
        assert.equal(await earlier, false);
        void channel.reconnect();
        void channel.timeline.older();
      }
      await world.advance(0);
      await world.socket.say(welcomeOf({ seq: 9 }), messageOf(10));
      assert.deepEqual([(await answer(world, range(7, 9), true))["before"], shown(channel)], [10, [7, 8, 9, 10, "more"]]);
      assert.deepEqual(world.socket.heard(), []);
    });

test("d4_d6_a_list_goes_on_after_reconnect_and_looks_back_where_it_was_interrupted", async () => {
  const world = new World();
  const channel = await world.open({ history: 3 }, { seq: 9 });
  await answer(world, range(7, 9), true);
  const interrupted = channel.timeline.older(2);
  void channel.timeline.send("say", { text: "mine" });
  await world.settle();
  world.socket.heard();
  await closings["removed"]?.(world);
  assert.equal(await interrupted, false);
  assert.deepEqual(shown(channel), [7, 8, 9, "mine failed", "refused"]);
  void channel.reconnect();
  await world.advance(0);
  await world.socket.say(welcomeOf({ seq: 10, resume: "recovered" }), messageOf(10));
  await answer(world, range(4, 6), true);
  assert.deepEqual(shown(channel), [4, 5, 6, 7, 8, 9, 10, "mine failed", "more"]);
  const [failed] = channel.timeline.getSnapshot().messages.filter(({ status }) => status === "failed");
  if (failed) channel.timeline.retry(failed);
  await world.settle();
  await world.socket.say(own(world.socket.heardOne(), 11));
  assert.deepEqual(shown(channel), [4, 5, 6, 7, 8, 9, 10, 11, "more"]);
});
