import assert from "node:assert/strict";
import { test } from "node:test";
import { World, messageOf } from "./support/world.ts";
import { record, typing, range, comeBack, page } from "./support/told.ts";

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
