import assert from "node:assert/strict";
import { test } from "node:test";
import { World, ack, outcome, refused, say, welcomeOf } from "./support/world.ts";
import type { Chat, Frame } from "./support/world.ts";

/** A cursor that moves sixty times a second for so many seconds. */
async function move(world: World, channel: Chat, seconds: number): Promise<void> {
  for (let frame = 0; frame < 60 * seconds; frame++) {
    void channel.publish("typing", { on: true }, { volatile: true });
    await world.advance(1_000 / 60);
  }
}

test("volatile_events_into_a_dead_way_keep_no_publish_out", async () => {
  const world = new World();
  const channel = await world.open();
  await move(world, channel, 20);
  const [seen] = say(channel, "still said");
  const last = outcome(channel.publish("typing", { on: false }, { volatile: true }));
  await world.settle();
  // They are bounded by themselves.
  assert.deepEqual([seen?.state, last.error?.code], ["pending", "queue_full"]);
  await move(world, channel, 20);
  await world.reconnected();
  await world.socket.say(welcomeOf({ connection: "c2", resume: "recovered" }));
  const frame = world.socket.heardOne();
  await world.socket.say(ack(frame, { seq: 1 }));
  assert.equal(seen?.state, "done");
});

test("requests_for_history_keep_no_publish_and_no_presence_out", async () => {
  const world = new World();
  const channel = await world.joining();
  const asked = Array.from({ length: 1_001 }, () => outcome(channel.history()));
  const [seen, set] = [say(channel, "x")[0], outcome(channel.presence.set({ here: true }))];
  await world.settle();
  assert.deepEqual([asked[999]?.state, asked[1_000]?.error?.code], ["pending", "queue_full"]);
  assert.deepEqual([seen?.state, set.state], ["pending", "pending"]);
});

test("p1_of_1200_presences_in_one_turn_the_last_is_seen_at_once_and_none_is_refused", async () => {
  const world = new World();
  const channel = await world.open();
  const said: unknown[] = [];
  world.socket.onText = (text) => {
    const frame = JSON.parse(text) as Frame;
    said.push(frame["data"]);
    world.after(10, () => void world.socket.say(ack(frame)));
  };
  const seen = Array.from({ length: 1_200 }, (_, step) => outcome(channel.presence.set({ step })));
  await world.advance(20);
  assert.deepEqual(said, [{ step: 1_199 }]);
  assert.ok(seen.every(({ state, times }) => state === "done" && times === 1));
});

test("p1_what_is_refused_does_not_stand_for_what_was_good_before", async () => {
  const world = new World();
  const channel = await world.open();
  void channel.presence.set({ mood: "calm" });
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne()));
  const bad = outcome(channel.presence.set({ mood: "?" }));
  await world.settle();
  await world.socket.say(refused(world.socket.heardOne(), "invalid_data"));
  assert.equal(bad.error?.code, "invalid_data");
  assert.deepEqual(world.socket.heard(), [], "the service shows the good one still");
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ connection: "c2", resume: "recovered" }));
  assert.deepEqual(world.socket.heardOne()["data"], { mood: "calm" });
});

test("p1_what_is_refused_does_not_stand_for_what_it_took_the_place_of", async () => {
  const world = new World();
  const channel = await world.open();
  const [good, bad] = [outcome(channel.presence.set({ mood: "calm" })), outcome(channel.presence.set({ mood: "?" }))];
  await world.settle();
  await world.socket.say(refused(world.socket.heardOne(), "invalid_data"));
  assert.deepEqual([good.state, bad.error?.code], ["done", "invalid_data"]);
  const again = world.socket.heardOne();
  assert.deepEqual(again["data"], { mood: "calm" });
  // Where that is refused as well it is not said for ever.
  await world.socket.say(refused(again, "invalid_data"));
  assert.deepEqual(world.socket.heard(), []);
});
