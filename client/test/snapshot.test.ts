import assert from "node:assert/strict";
import { test } from "node:test";
import { connectWith } from "../src/index.ts";
import type { AnyContract, ChannelFor } from "../src/index.ts";
import { World, messageOf, welcomeOf } from "./support/world.ts";
import type { Frame } from "./support/world.ts";

type Demo = ChannelFor<"demo:*">;

const shows = (count: number): object => ({ snapshot: { count, muted: [] } });

/** A channel with code of its own, and all it tells of its state and its messages, in order. */
async function joining(world: World): Promise<{ channel: Demo; told: unknown[] }> {
  const channel = world.connect("demo:lobby", { token: "token" });
  const told: unknown[] = [];
  channel.on("say", ({ seq }) => told.push(seq));
  channel.onSnapshot(({ count }) => told.push(`shown ${count}`));
  channel.connection.on("lost", ({ after, seq }) => told.push(`lost ${after}-${seq}`));
  channel.connection.on("recovered", ({ after, seq }) => told.push(`recovered ${after}-${seq}`));
  await world.settle();
  return { channel, told };
}

async function comeBack(world: World, welcome: object): Promise<void> {
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ connection: "c2", ...welcome }));
}

const page = (request: Frame, more: boolean, ...messages: object[]): object => ({ type: "history", id: request["id"], messages, more });

test("c5_a_joiner_is_shown_the_state_before_the_first_message", async () => {
  const world = new World();
  const { channel, told } = await joining(world);
  assert.equal(channel.snapshot, undefined);
  await world.socket.say(welcomeOf({ seq: 5, ...shows(1) }), messageOf(6));
  assert.deepEqual([told, channel.snapshot], [["shown 1", 6], { count: 1, muted: [] }]);
});

test("c5_a_snapshot_is_nobodys_to_change", async () => {
  const world = new World();
  const { channel } = await joining(world);
  await world.socket.say(welcomeOf(shows(1)));
  const { snapshot } = channel;
  assert.throws(() => (snapshot as { count: number }).count++, TypeError);
  assert.throws(() => snapshot?.muted.push("ann"), TypeError);
  await comeBack(world, { resume: "lost", ...shows(2) });
  assert.deepEqual([snapshot, channel.snapshot], [{ count: 1, muted: [] }, { count: 2, muted: [] }]);
});

test("c5_who_missed_nothing_keeps_what_it_was_shown", async () => {
  const world = new World();
  const { channel, told } = await joining(world);
  await world.socket.say(welcomeOf({ seq: 5, ...shows(1) }));
  await comeBack(world, { seq: 6, resume: "recovered" });
  await world.socket.say(messageOf(6));
  assert.deepEqual([told, channel.snapshot?.count], [["shown 1", 6, "recovered 5-6"], 1]);
});

test("c5_after_a_loss_the_state_is_shown_before_what_follows", async () => {
  const world = new World();
  const { told } = await joining(world);
  await world.socket.say(welcomeOf({ seq: 5, ...shows(1) }));
  await comeBack(world, { seq: 9, resume: "lost", ...shows(2) });
  await world.socket.say(messageOf(10));
  assert.deepEqual(told, ["shown 1", "lost 5-9", "shown 2", 10]);
});

test("c5_who_pages_is_shown_the_state_behind_the_last_message_that_is_in_it", async () => {
  const world = new World();
  const { told } = await joining(world);
  await world.socket.say(welcomeOf({ seq: 5, ...shows(1) }));
  await comeBack(world, { seq: 8, resume: "behind", ...shows(2) });
  await world.socket.say(page(world.socket.heardOne(), true, messageOf(6), messageOf(7)));
  assert.deepEqual(told, ["shown 1", 6, 7]);
  // This page holds one that was said since.
  await world.socket.say(page(world.socket.heardOne(), false, messageOf(8), messageOf(9)));
  assert.deepEqual(told.slice(3), [8, "shown 2", 9, "recovered 5-9"]);
});

test("c5_what_is_lost_while_paging_is_shown_before_what_follows", async () => {
  const world = new World();
  const { told } = await joining(world);
  await world.socket.say(welcomeOf({ seq: 5, ...shows(1) }));
  await comeBack(world, { seq: 8, resume: "behind", ...shows(2) });
  await world.socket.say(page(world.socket.heardOne(), false, messageOf(10)));
  assert.deepEqual(told.slice(1), ["lost 5-9", "shown 2", 10, "recovered 9-10"]);
});

test("c5_a_gap_that_cannot_be_filled_is_followed_by_the_state", async () => {
  const world = new World();
  const { told } = await joining(world);
  await world.socket.say(welcomeOf({ seq: 5, ...shows(1) }), messageOf(8));
  const asked = world.socket.heardOne();
  await world.socket.say({ type: "resumed", id: asked["id"], resume: "lost", epoch: "e1", seq: 8, first: 8, ...shows(2) }, messageOf(9));
  assert.deepEqual(told, ["shown 1", "lost 5-7", 8, "shown 2", 9]);
});

test("c5_a_snapshot_of_a_connection_that_broke_before_its_place_is_not_told", async () => {
  const world = new World();
  const { told } = await joining(world);
  await world.socket.say(welcomeOf({ seq: 5, ...shows(1) }));
  await comeBack(world, { seq: 8, resume: "behind", ...shows(2) });
  await world.socket.say(page(world.socket.heardOne(), true, messageOf(6)));
  await comeBack(world, { seq: 9, resume: "recovered" });
  await world.socket.say(messageOf(7), messageOf(8), messageOf(9));
  assert.deepEqual(told, ["shown 1", 6, 7, 8, 9, "recovered 6-9"]);
});

test("c5_who_listens_late_is_shown_the_state_in_its_place_too", async () => {
  const world = new World();
  const channel = world.connect("demo:lobby", { token: "token" });
  await world.settle();
  await world.socket.say(welcomeOf({ seq: 5, ...shows(1) }), messageOf(6));
  const told: unknown[] = [];
  channel.on("say", ({ seq }) => told.push(seq));
  channel.onSnapshot(({ count }) => told.push(`shown ${count}`));
  await world.settle();
  assert.deepEqual(told, ["shown 1", 6]);
});

test("c5_a_snapshot_may_be_any_value_and_waits_for_its_listener_like_all_else", async () => {
  const world = new World();
  const channel = connectWith<AnyContract>()("http://service.test", "x", { runtime: world.runtime, token: "token" });
  await world.settle();
  await world.socket.say(welcomeOf({ snapshot: null }));
  await world.socket.say(...Array.from({ length: 1_001 }, (_, at) => messageOf(at + 1)));
  assert.equal(channel.snapshot, null);
  const told: unknown[] = [];
  const hear = (snapshot: unknown): unknown => told.push(snapshot);
  channel.onSnapshot(hear);
  await world.settle();
  await comeBack(world, { seq: 2_000, resume: "lost", snapshot: { seq: 7, error: "mine" } });
  channel.off(hear);
  await comeBack(world, { seq: 3_000, resume: "lost", snapshot: 3 });
  assert.deepEqual([told, channel.snapshot], [[{ seq: 7, error: "mine" }], 3]);
});

test("c8_what_the_service_says_is_heard_as_from_the_service", async () => {
  const world = new World();
  const { channel } = await joining(world);
  const heard: unknown[] = [];
  channel.on("rolled", ({ data, from }) => heard.push([data.n, from]));
  await world.socket.say(welcomeOf(), messageOf(1, { id: undefined, event: "rolled", data: { by: "ann", n: 3 }, from: { user: null, service: true } }));
  assert.deepEqual(heard, [[3, { user: null, service: true }]]);
});
