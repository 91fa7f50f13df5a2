import assert from "node:assert/strict";
import { test } from "node:test";
import type { Position } from "../src/index.ts";
import { World, messageOf, outcome, welcomeOf } from "./support/world.ts";
import { record, typing, range, comeBack, page } from "./support/told.ts";

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
