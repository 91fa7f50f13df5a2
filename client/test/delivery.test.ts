import assert from "node:assert/strict";
import { test } from "node:test";
import type { Position } from "../src/index.ts";
import { World, messageOf, outcome, welcomeOf } from "./support/world.ts";
import type { Chat, Frame } from "./support/world.ts";

/** Everything a channel tells of messages, in the order in which it tells it. */
function record(channel: Chat): unknown[] {
  const told: unknown[] = [];
  channel.on("*", ({ seq, event }) => told.push(seq ?? event));
  channel.connection.on("recovered", ({ after, seq }) => told.push(`recovered ${after}-${seq}`));
  channel.connection.on("lost", ({ after, seq, first }) => told.push(`lost ${after}-${seq} first ${first}`));
  return told;
}

const typing = { type: "message", event: "typing", data: { on: true }, from: { user: "bob", connection: "b1" }, at: 1 };

const range = (from: number, to: number): object[] => Array.from({ length: to - from + 1 }, (_, at) => messageOf(from + at));

/** Breaks the connection, waits the wait out and welcomes the new one. */
async function comeBack(world: World, welcome: object, ...frames: object[]): Promise<URL> {
  await world.socket.end(1006);
  await world.advance(1_000);
  const { url } = world.socket;
  await world.socket.say(welcomeOf(welcome), ...frames);
  return url;
}

const page = (request: Frame | undefined, messages: object[], more: boolean): object => ({
  type: "history",
  id: request?.["id"],
  messages,
  more,
});

test("e1_the_address_names_channel_position_and_connection", async () => {
  const world = new World();
  await world.open({}, { seq: 5 });
  assert.equal(world.socket.url.href, "ws://service.test/v1/channels/chat%3Alobby");
  const url = await comeBack(world, { seq: 5, resume: "recovered" });
  assert.deepEqual(Object.fromEntries(url.searchParams), { epoch: "e1", after: "5", connection: "c1" });
});

test("d4_recovered_tells_what_was_missed_in_order_and_then_says_so", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(6));
  await comeBack(world, { seq: 9, resume: "recovered" }, ...range(7, 9), messageOf(10), typing);
  assert.deepEqual(told, [6, 7, 8, 9, "recovered 6-9", 10, "typing"]);
  assert.deepEqual(channel.position, { epoch: "e1", seq: 10 });
});

test("d4_recovered_with_nothing_missed_says_so_at_once", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await comeBack(world, { seq: 5, resume: "recovered" });
  assert.deepEqual(told, ["recovered 5-5"]);
});

test("d4_behind_pages_up_to_the_head_holds_what_is_live_and_goes_on", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await comeBack(world, { seq: 11, resume: "behind", first: 1 }, messageOf(12), typing, messageOf(13));
  const first = world.socket.heardOne();
  channel.on("say", (message) => assert.equal("type" in message, false));
  assert.deepEqual([first["type"], first["after"]], ["history", 5]);
  await world.socket.say(page(first, range(6, 8), true));
  assert.deepEqual(told, [6, 7, 8]);
  const second = world.socket.heardOne();
  assert.equal(second["after"], 8);
  await world.socket.say(messageOf(14));
  // A page may reach past the head of the welcome, into what is held.
  await world.socket.say(page(second, range(9, 12), true));
  assert.deepEqual(told, [6, 7, 8, 9, 10, 11, 12, "typing", 13, 14, "recovered 5-14"]);
  assert.deepEqual(world.socket.heard(), []);
});

test("d4_behind_cut_off_begins_again_where_it_was", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await comeBack(world, { seq: 9, resume: "behind" }, messageOf(10));
  await world.socket.say(page(world.socket.heardOne(), range(6, 7), true));
  const url = await comeBack(world, { seq: 10, resume: "recovered" }, ...range(8, 10));
  assert.equal(url.searchParams.get("after"), "7");
  assert.deepEqual(told, [6, 7, 8, 9, 10, "recovered 7-10"]);
});

test("d4_behind_is_paged_again_after_rate_limited", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await comeBack(world, { seq: 6, resume: "behind" });
  const first = world.socket.heardOne();
  await world.socket.say({ type: "error", id: first["id"], code: "rate_limited", message: "later", retry_after: 300 });
  await world.advance(299);
  assert.deepEqual(world.socket.heard(), []);
  await world.advance(1);
  await world.socket.say(page(world.socket.heardOne(), range(6, 6), false));
  assert.deepEqual(told, [6, "recovered 5-6"]);
});

test("d4_behind_tells_lost_where_history_was_trimmed_meanwhile", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await comeBack(world, { seq: 9, resume: "behind" });
  await world.socket.say(page(world.socket.heardOne(), range(8, 9), false));
  assert.deepEqual(told, ["lost 5-7 first 8", 8, 9, "recovered 7-9"]);
});

test("d4_behind_without_the_ability_to_page_is_lost", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await comeBack(world, { seq: 9, resume: "behind" }, messageOf(10));
  await world.socket.say({ type: "error", id: world.socket.heardOne()["id"], code: "forbidden", message: "no" });
  assert.deepEqual(told, ["lost 5-9 first undefined", 10]);
});

test("d4_lost_tells_the_app_and_goes_on_from_the_new_head", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  const positions: (Position | null)[] = [];
  channel.connection.on("lost", () => positions.push(channel.position));
  await comeBack(world, { epoch: "e2", seq: 2, first: 1, resume: "lost" }, messageOf(3));
  assert.deepEqual(told, ["lost 5-2 first 1", 3]);
  assert.deepEqual(positions, [{ epoch: "e2", seq: 2 }]);
  const url = await comeBack(world, { epoch: "e2", seq: 3, resume: "recovered" });
  assert.deepEqual([url.searchParams.get("epoch"), url.searchParams.get("after")], ["e2", "3"]);
});

test("d6_a_gap_is_held_asked_for_and_healed_in_order", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(6), messageOf(8), typing, messageOf(9));
  assert.deepEqual(told, [6]);
  const asked = world.socket.heardOne();
  assert.deepEqual([asked["type"], asked["epoch"], asked["after"]], ["resume", "e1", 6]);
  await world.socket.say({ type: "resumed", id: asked["id"], resume: "recovered", seq: 9 }, ...range(7, 9));
  assert.deepEqual(told, [6, 7, 8, "typing", 9, "recovered 6-9"]);
  await world.socket.say(messageOf(10));
  assert.equal(told.at(-1), 10);
  assert.deepEqual(world.socket.heard(), []);
});

test("d6_a_replay_in_parts_is_told_as_it_comes_and_ends_with_its_last", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(7));
  const asked = world.socket.heardOne();
  await world.socket.say({ type: "resumed", id: asked["id"], resume: "recovered", seq: 9 });
  await world.socket.say(...range(6, 7));
  assert.deepEqual(told, [6, 7]);
  await world.socket.say(...range(8, 9), typing);
  assert.deepEqual(told, [6, 7, 8, 9, "recovered 5-9", "typing"]);
});

test("d6_a_second_gap_while_healing_is_healed_as_well", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 0 });
  const told = record(channel);
  await world.socket.say(messageOf(2));
  const first = world.socket.heardOne();
  await world.socket.say({ type: "resumed", id: first["id"], resume: "recovered", seq: 2 }, messageOf(1), messageOf(2), messageOf(4));
  const second = world.socket.heardOne();
  assert.equal(second["after"], 2);
  await world.socket.say({ type: "resumed", id: second["id"], resume: "recovered", seq: 4 }, messageOf(3), messageOf(4));
  assert.deepEqual(
    told.filter((seq) => typeof seq === "number"),
    [1, 2, 3, 4],
  );
});

test("d6_a_gap_that_a_replay_leaves_is_lost_rather_than_asked_for_forever", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 0 });
  const told = record(channel);
  await world.socket.say(messageOf(3));
  const asked = world.socket.heardOne();
  await world.socket.say({ type: "resumed", id: asked["id"], resume: "recovered", seq: 3 }, messageOf(3));
  assert.deepEqual(told, ["lost 0-2 first undefined", 3]);
  assert.deepEqual(world.socket.heard(), []);
  await world.socket.say(messageOf(4));
  assert.equal(told.at(-1), 4);
});

test("d6_resumed_behind_pages", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(8));
  await world.socket.say({ type: "resumed", id: world.socket.heardOne()["id"], resume: "behind", seq: 8 });
  const request = world.socket.heardOne();
  assert.deepEqual([request["type"], request["after"]], ["history", 5]);
  await world.socket.say(page(request, range(6, 8), false));
  assert.deepEqual(told, [6, 7, 8, "recovered 5-8"]);
});

test("d6_resumed_lost_goes_on_with_what_is_held", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(8), messageOf(9));
  await world.socket.say({ type: "resumed", id: world.socket.heardOne()["id"], resume: "lost", seq: 9, first: 8 }, messageOf(10));
  assert.deepEqual(told, ["lost 5-7 first 8", 8, 9, 10]);
});

test("d6_a_resume_cut_off_is_taken_up_by_the_next_join", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(8));
  const asked = world.socket.heardOne();
  await comeBack(world, { seq: 8, resume: "recovered" }, ...range(6, 8));
  assert.deepEqual(told, [6, 7, 8, "recovered 5-8"]);
  // An answer to the old connection's question is no news.
  await world.socket.say({ type: "resumed", id: asked["id"], resume: "lost", seq: 8 });
  assert.equal(told.length, 4);
});

test("d6_what_is_held_dies_with_its_connection", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(8), typing);
  await comeBack(world, { epoch: "e2", seq: 6, first: 1, resume: "lost" }, messageOf(7, { epoch: "e2" }));
  assert.deepEqual(told, ["lost 5-6 first 1", 7]);
  assert.deepEqual(world.socket.heard(), []);
});

test("d4_what_is_held_while_paging_is_bounded_and_what_is_let_go_is_paged_as_well", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 0 });
  const told = record(channel);
  await comeBack(world, { seq: 100, resume: "behind" });
  await world.socket.say(...range(101, 1_100));
  // One more than may be held: all of it is let go, the ephemeral one for good.
  await world.socket.say(typing, ...range(1_101, 1_150));
  for (let after = 0; after < 1_100; after += 100) {
    const request = world.socket.heardOne();
    assert.deepEqual([request["type"], request["after"]], ["history", after]);
    await world.socket.say(page(request, range(after + 1, after + 100), true));
  }
  assert.deepEqual(told, [...Array.from({ length: 1_150 }, (_, at) => at + 1), "recovered 0-1150"]);
  assert.deepEqual(world.socket.heard(), []);
});

test("d6_what_is_held_behind_a_gap_is_bounded_and_what_is_let_go_is_replayed_or_paged", async () => {
  for (const resume of ["recovered", "behind"]) {
    const world = new World();
    const channel = await world.open({}, { seq: 0 });
    const told = record(channel);
    await world.socket.say(...range(2, 1_003), typing);
    const asked = world.socket.heardOne();
    const replay = resume === "recovered" ? range(1, 1_003) : [];
    await world.socket.say({ type: "resumed", id: asked["id"], resume, seq: 1_003 }, ...replay);
    for (let after = 0; resume === "behind" && after < 1_003; after += 100) {
      await world.socket.say(page(world.socket.heardOne(), range(after + 1, Math.min(1_003, after + 100)), after < 1_000));
    }
    await world.socket.say(messageOf(1_004));
    const kept = Array.from({ length: 1_003 }, (_, at) => at + 1);
    assert.deepEqual(
      told.filter((one) => one !== "typing"),
      [...kept, "recovered 0-1003", 1_004],
    );
    assert.deepEqual(world.socket.heard(), []);
  }
});

test("d6_what_was_let_go_and_cannot_be_had_any_more_is_told_as_lost", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 0 });
  const told = record(channel);
  await world.socket.say(...range(2, 1_002));
  const asked = world.socket.heardOne();
  await world.socket.say({ type: "error", id: asked["id"], code: "forbidden", message: "no" }, messageOf(1_003));
  assert.deepEqual(told, ["lost 0-1002 first undefined", 1_003]);
});

test("d5_what_was_told_before_is_not_told_again", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say(messageOf(6), messageOf(6), messageOf(5), messageOf(7));
  assert.deepEqual(told, [6, 7]);
});

test("r3_4400_forgets_the_position_and_tells_the_loss", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told = record(channel);
  await world.socket.say({ type: "bye", code: 4400, reason: "history_lost" });
  await world.advance(200);
  assert.deepEqual([...world.socket.url.searchParams.keys()], ["connection"]);
  await world.socket.say(welcomeOf({ epoch: "e2", seq: 3, first: 1, resume: "fresh" }), messageOf(4));
  assert.deepEqual(told, ["lost 5-3 first 1", 4]);
});

test("r3_4400_twice_in_a_row_still_tells_the_loss", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const lost: unknown[] = [];
  channel.connection.on("lost", (event) => lost.push(event));
  for (let time = 0; time < 2; time++) {
    await world.socket.say({ type: "bye", code: 4400, reason: "history_lost" });
    await world.reconnected();
  }
  await world.socket.say(welcomeOf({ epoch: "e2", seq: 3, first: 1 }));
  assert.deepEqual(lost, [{ after: 5, seq: 3, first: 1 }]);
});

test("a_position_is_exported_and_gone_on_from_on_the_next_visit", async () => {
  const world = new World();
  const first = await world.open({}, { seq: 5 });
  await world.socket.say(messageOf(6));
  const saved = JSON.parse(JSON.stringify(first.position)) as Position;
  void first.close();
  const second = await world.joining({ position: saved });
  const told = record(second);
  assert.deepEqual([world.socket.url.searchParams.get("epoch"), world.socket.url.searchParams.get("after")], ["e1", "6"]);
  await world.socket.say(welcomeOf({ seq: 8, resume: "recovered" }), ...range(7, 8));
  assert.deepEqual(told, [7, 8, "recovered 6-8"]);
});

test("d4_fresh_after_a_known_position_is_lost_and_not_passed_over_in_silence", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 0 });
  const told = record(channel);
  await world.socket.say(...range(1, 2));
  // Some hand on the way has taken the position out of the address.
  await comeBack(world, { seq: 4, first: 1, resume: "fresh" }, messageOf(5));
  assert.deepEqual(told, [1, 2, "lost 2-4 first 1", 5]);
  await comeBack(world, { epoch: "e2", seq: 5, first: 1, resume: "fresh" }, messageOf(6));
  assert.deepEqual(told.slice(4), ["lost 5-5 first 1", 6]);
});

test("d4_fresh_at_the_very_position_that_is_known_has_lost_nothing", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 3 });
  const told = record(channel);
  await comeBack(world, { seq: 3, first: 1, resume: "fresh" }, messageOf(4));
  assert.deepEqual(told, [4]);
});

test("e1_the_position_is_in_the_address_also_where_the_platform_is_an_older_one", async (context) => {
  const size = Object.getOwnPropertyDescriptor(URLSearchParams.prototype, "size");
  assert.ok(size);
  delete (URLSearchParams.prototype as { size?: number }).size;
  context.after(() => Object.defineProperty(URLSearchParams.prototype, "size", size));
  const world = new World();
  await world.open({}, { epoch: "e1+/ &", seq: 5 });
  await world.socket.end(1006);
  await world.advance(500);
  assert.deepEqual(Object.fromEntries(world.socket.url.searchParams), { epoch: "e1+/ &", after: "5", connection: "c1" });
});

test("a_first_join_is_neither_recovered_nor_lost", async () => {
  const world = new World();
  const channel = await world.joining();
  const told = record(channel);
  assert.equal(channel.position, null);
  await world.socket.say(welcomeOf({ seq: 41 }), messageOf(42));
  assert.deepEqual(told, [42]);
});

test("ephemeral_messages_are_told_where_no_history_is_kept", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 0, resume: "fresh" });
  const told = record(channel);
  await world.socket.say(typing);
  await comeBack(world, { seq: 0, resume: "fresh" }, typing);
  assert.deepEqual(told, ["typing", "typing"]);
});

test("a_handler_that_pauses_hears_nothing_more_and_misses_nothing", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 0 });
  const told = record(channel);
  const off = channel.on("say", ({ seq }) => {
    if (seq === 2) channel.connection.pause();
  });
  await world.socket.say(...range(1, 4));
  assert.deepEqual(told, [1, 2]);
  off();
  channel.connection.start();
  await world.settle();
  assert.equal(world.socket.url.searchParams.get("after"), "2");
  await world.socket.say(welcomeOf({ seq: 4, resume: "recovered" }), ...range(3, 4));
  assert.deepEqual(told, [1, 2, 3, 4, "recovered 2-4"]);
});

test("history_is_paged_by_the_app", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 60 });
  const seen = outcome(channel.history({ before: 42, limit: 20 }));
  await world.settle();
  const request = world.socket.heardOne();
  assert.deepEqual([request["type"], request["before"], request["limit"], request["after"]], ["history", 42, 20, undefined]);
  await world.socket.say(page(request, range(22, 41), true));
  assert.deepEqual([seen.value?.messages.length, seen.value?.messages[0]?.seq, seen.value?.more], [20, 22, true]);
  assert.equal("type" in (seen.value?.messages[0] ?? {}), false);
});

test("f1_unknown_frames_and_fields_are_ignored", async () => {
  const world = new World();
  const channel = await world.open({}, { future: 1 });
  const told = record(channel);
  await world.socket.say({ type: "confetti" }, { no: "type" }, messageOf(1, { channel: "x", more: 1 }));
  await world.socket.text("[]");
  await world.socket.text("7");
  await world.socket.text('[null, [{"type":"bye","code":4001}]]');
  assert.deepEqual(told, [1]);
  assert.equal(channel.connection.state, "open");
});

test("nothing_from_the_wire_becomes_a_plain_objects_key", async () => {
  const world = new World();
  const channel = await world.open();
  const told = record(channel);
  await world.socket.text(
    '{"type":"message","seq":1,"event":"__proto__","data":{"__proto__":{"polluted":1}},"from":{"user":"m","connection":"__proto__"},"at":1}',
  );
  await world.socket.text('{"type":"__proto__"}');
  await world.socket.text('{"type":"presence","join":[{"user":"m","connection":"__proto__","data":1}]}');
  assert.deepEqual(told, [1]);
  assert.equal(channel.presence.members.get("__proto__")?.user, "m");
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

test("d6_two_gaps_that_cannot_be_had_are_both_lost_and_wait_for_no_further_message", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 1 });
  const told = record(channel);
  await world.socket.say(messageOf(3), messageOf(4), messageOf(6));
  for (let gap = 0; gap < 2; gap++) {
    await world.socket.say({ type: "resumed", id: world.socket.heardOne()["id"], resume: "behind", seq: 6, first: 1 });
    await world.socket.say({ type: "error", id: world.socket.heardOne()["id"], code: "forbidden", message: "no" });
  }
  assert.deepEqual(told, ["lost 1-2 first undefined", 3, 4, "lost 4-5 first undefined", 6]);
});
