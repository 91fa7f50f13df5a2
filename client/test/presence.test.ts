import assert from "node:assert/strict";
import { test } from "node:test";
import { World, outcome, refused, welcomeOf } from "./support/world.ts";
import type { Chat, Frame } from "./support/world.ts";

const member = (connection: string, data?: unknown): object => ({
  user: connection.slice(0, 1),
  connection,
  ...(data === undefined ? {} : { data }),
});

function record(channel: Chat): unknown[] {
  const told: unknown[] = [];
  for (const name of ["join", "update", "leave"] as const)
    channel.presence.on(name, ({ connection }) => told.push(`${name} ${connection}`));
  channel.presence.on("count", (count) => told.push(count));
  return told;
}

const names = (channel: Chat): string[] => [...channel.presence.members.keys()];

const ack = (frame: Frame): object => ({ type: "ack", id: frame["id"] });

test("p2_the_list_of_the_welcome_and_each_change_are_told_once", async () => {
  const world = new World();
  const channel = await world.joining();
  const told = record(channel);
  await world.socket.say(welcomeOf({ members: [member("b1"), member("c1")] }));
  await world.socket.say({ type: "presence", join: [member("d1"), member("c1")], update: [member("b1", 7)], leave: [member("x9")] });
  await world.socket.say({ type: "presence", join: [member("d1")] }, { type: "presence", leave: [member("d1")] });
  assert.deepEqual(told, ["join b1", "join c1", "join d1", "update b1", "leave d1"]);
  assert.deepEqual(names(channel), ["b1", "c1"]);
  assert.deepEqual([channel.presence.count, channel.presence.members.get("b1")?.data], [2, 7]);
});

test("p2_change_is_told_once_a_frame_with_the_members_as_they_are", async () => {
  const world = new World();
  const channel = await world.joining();
  const sizes: number[] = [];
  channel.presence.on("change", (members) => sizes.push(members.size));
  await world.socket.say(welcomeOf({ members: [member("b1"), member("c1")] }));
  await world.socket.say({ type: "presence", join: [member("c1")] });
  await world.socket.say({ type: "presence", leave: [member("b1")] });
  assert.deepEqual(sizes, [2, 2, 1]);
});

test("p3_a_reconnect_tells_only_what_changed_meanwhile", async () => {
  const world = new World();
  const channel = await world.open({}, { members: [member("b1"), member("c1"), member("d1")] });
  const told = record(channel);
  await world.socket.end(1006);
  await world.advance(250);
  assert.equal(world.socket.url.searchParams.get("connection"), "c1");
  await world.socket.say(welcomeOf({ members: [member("b1", 1), member("c1"), member("e1")], resume: "recovered" }));
  assert.deepEqual(told, ["leave d1", "update b1", "join e1"]);
});

test("p3_presence_data_goes_on_with_the_connection_id", async () => {
  const world = new World();
  const channel = await world.open();
  const set = outcome(channel.presence.set({ mood: "calm" }));
  await world.settle();
  const frame = world.socket.heardOne();
  assert.deepEqual([frame["type"], frame["data"]], ["presence", { mood: "calm" }]);
  await world.socket.say(ack(frame));
  assert.equal(set.state, "done");
  await world.socket.end(1006);
  await world.advance(250);
  await world.socket.say(welcomeOf({ members: [member("c1", { mood: "calm" })], resume: "recovered" }));
  assert.deepEqual(world.socket.heard(), []);
});

test("p3_presence_data_is_said_again_where_the_connection_id_is_a_new_one", async () => {
  const world = new World();
  const channel = await world.open();
  void channel.presence.set({ mood: "calm" });
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne()));
  await world.socket.end(1006);
  await world.advance(250);
  await world.socket.say(welcomeOf({ connection: "c2", members: [member("c2")], resume: "recovered" }));
  assert.deepEqual(world.socket.heardOne()["data"], { mood: "calm" });
});

test("p3_presence_data_is_said_again_also_where_history_is_being_asked_for", async () => {
  const world = new World();
  const channel = await world.open();
  void channel.presence.set({ mood: "calm" });
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne()));
  void channel.history();
  await world.socket.end(1006);
  await world.advance(250);
  await world.socket.say(welcomeOf({ connection: "c2", members: [member("c2")], resume: "recovered" }));
  assert.deepEqual(
    world.socket.heard().map(({ type }) => type),
    ["history", "presence"],
  );
});

test("p1_who_left_the_list_leaves_it_again_on_a_new_connection", async () => {
  const world = new World();
  const channel = await world.open({}, { members: [member("c1")] });
  void channel.presence.leave();
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne()));
  await world.socket.end(1006);
  await world.advance(250);
  await world.socket.say(welcomeOf({ connection: "c2", members: [member("c2")] }));
  assert.equal(world.socket.heardOne()["data"], null);
});

test("p1_of_what_is_set_in_one_turn_the_latest_is_said_also_after_a_refusal_by_rate_and_a_reconnect", async () => {
  const world = new World();
  const channel = await world.open();
  const set = (step: number): ReturnType<typeof outcome> => outcome(channel.presence.set({ step }));
  const seen = [set(1), set(2), set(3)];
  await world.settle();
  const first = world.socket.heardOne();
  assert.deepEqual(first["data"], { step: 3 });
  assert.deepEqual(seen.map(({ state }) => state), ["done", "done", "pending"]);
  seen.push(set(4));
  await world.socket.say(refused(first, "rate_limited", { retry_after: 200 }));
  assert.deepEqual(world.socket.heard(), []);
  await world.socket.end(1006);
  seen.push(set(5));
  await world.advance(250);
  await world.socket.say(welcomeOf({ connection: "c2" }));
  const last = world.socket.heardOne();
  assert.deepEqual(last["data"], { step: 5 });
  await world.socket.say(ack(last));
  assert.deepEqual(seen.map(({ state, times }) => [state, times]), Array.from({ length: 5 }, () => ["done", 1]));
  await world.advance(2_000);
  assert.deepEqual(world.socket.heard(), []);
});

test("p4_a_large_channel_is_counted_and_named_again_when_it_shrinks", async () => {
  const world = new World();
  const channel = await world.open({}, { members: [member("b1")] });
  const told = record(channel);
  await world.socket.say({ type: "presence", count: 201 });
  assert.deepEqual([channel.presence.mode, channel.presence.count, names(channel)], ["count", 201, []]);
  await world.socket.say({ type: "presence", count: 180 });
  await world.socket.say({ type: "presence", members: [member("b1"), member("c1")] });
  assert.deepEqual([channel.presence.mode, channel.presence.count, names(channel)], ["list", 2, ["b1", "c1"]]);
  assert.deepEqual(told, [201, 180, "join b1", "join c1"]);
});

test("p4_a_welcome_may_count", async () => {
  const world = new World();
  const channel = await world.open({}, { members: undefined, count: 1_203 });
  assert.deepEqual([channel.presence.mode, channel.presence.count], ["count", 1_203]);
});

test("a_refused_presence_rejects", async () => {
  const world = new World();
  const channel = await world.open();
  const set = outcome(channel.presence.set({ much: "x" }));
  await world.settle();
  await world.socket.say({ type: "error", id: world.socket.heardOne()["id"], code: "too_large", message: "1 KiB" });
  assert.equal(set.error?.code, "too_large");
});
