import assert from "node:assert/strict";
import { test } from "node:test";
import { World, ack, outcome, own, refused, say, textsOf, welcomeOf } from "./support/world.ts";
import type { Frame } from "./support/world.ts";

test("r5_after_rate_limited_it_sends_from_the_refused_frame_on_in_order", async () => {
  const world = new World();
  const channel = await world.open();
  const seen = say(channel, "a", "b", "c");
  await world.settle();
  const [a, b, c] = world.socket.heard();
  // The refusals come at once, the message only with the flush; what is new meanwhile must not pass them.
  await world.socket.say(refused(b, "rate_limited", { retry_after: 500 }), refused(c, "rate_limited", { retry_after: 600 }));
  seen.push(...say(channel, "d"));
  await world.settle();
  assert.deepEqual(world.socket.heard(), []);
  await world.socket.say(own(a, 1));
  await world.advance(599);
  assert.deepEqual(world.socket.heard(), []);
  await world.advance(1);
  const order: unknown[] = [];
  let seq = 1;
  while (seen.some(({ state }) => state === "pending")) {
    const frames: Frame[] = world.socket.heard();
    order.push(...textsOf(frames));
    assert.equal(frames.length, 1);
    await world.socket.say(...frames.map((frame) => ack(frame, { seq: ++seq })));
    await world.advance(600);
  }
  assert.deepEqual(order, ["b", "c", "d"]);
  assert.deepEqual(
    seen.map(({ times }) => times),
    [1, 1, 1, 1],
  );
});

test("r4_a_long_burst_is_never_refused_twenty_times_in_a_row", async () => {
  const world = new World();
  const service = rateLimited(world, 10, 30);
  const channel = await world.open();
  const seen = say(channel, ...Array.from({ length: 300 }, (_, at) => `${at}`));
  await world.advance(60_000);
  assert.deepEqual(
    service.taken,
    Array.from({ length: 300 }, (_, at) => `${at}`),
  );
  assert.ok(seen.every(({ state, times }) => state === "done" && times === 1));
  assert.ok(service.longestRow < 20, `${service.longestRow} refusals in a row`);
  assert.ok(service.refusals < 310, `${service.refusals} refusals`);
});

test("the_queue_is_bounded_by_frames_and_rejects_what_is_more", async () => {
  const world = new World();
  const channel = await world.joining();
  const seen = say(channel, ...Array.from({ length: 1_001 }, () => "x"));
  await world.settle();
  assert.deepEqual([seen[999]?.state, seen[1000]?.error?.code], ["pending", "queue_full"]);
  await world.socket.say(welcomeOf());
  await world.socket.say(...world.socket.heard().map((frame) => ack(frame)));
  assert.equal(outcome(channel.publish("say", { text: "room again" })).state, "pending");
});

test("the_queue_is_bounded_by_bytes_and_rejects_what_is_more", async () => {
  const world = new World();
  const channel = await world.joining();
  const seen = say(channel, ...Array.from({ length: 18 }, () => "x".repeat(60_000)));
  await world.settle();
  assert.deepEqual([seen[16]?.state, seen[17]?.error?.code], ["pending", "queue_full"]);
});

test("welcome_limits_pace_everything_but_publishing", async () => {
  const world = new World();
  const channel = await world.open({}, { limits: { frame_bytes: 65_536, batch: 100, per_second: 2, burst: 3 } });
  let asked = 0;
  world.socket.onText = (text) => {
    if (text === "ping") return;
    const frame = JSON.parse(text) as Frame;
    asked++;
    queueMicrotask(() => void world.socket.say({ type: "history", id: frame["id"], messages: [], more: false }));
  };
  const seen = Array.from({ length: 7 }, () => outcome(channel.history()));
  await world.advance(100);
  assert.equal(asked, 3);
  await world.advance(400);
  assert.equal(asked, 4);
  await world.advance(1_500);
  assert.equal(asked, 7);
  assert.ok(seen.every(({ state }) => state === "done"));
});

/** A service with one token bucket for publishes, which refuses the rest of an array once it has refused one (F6). */
function rateLimited(world: World, perSecond: number, burst: number): { taken: unknown[]; longestRow: number; refusals: number } {
  const seen = { taken: [] as unknown[], longestRow: 0, refusals: 0 };
  let level = burst;
  let at = world.now;
  let row = 0;
  let seq = 0;
  world.onSocket = (socket) => {
    socket.onText = (text) => {
      if (text === "ping") return void socket.text("pong");
      level = Math.min(burst, level + ((world.now - at) / 1000) * perSecond);
      at = world.now;
      let refusedBefore = "no";
      const answers = [JSON.parse(text) as Frame | Frame[]].flat().map((frame) => {
        if (level < 1 || refusedBefore === "yes") {
          if (refusedBefore === "no") seen.longestRow = Math.max(seen.longestRow, ++row);
          refusedBefore = "yes";
          seen.refusals++;
          return refused(frame, "rate_limited", { retry_after: Math.ceil(((1 - level) / perSecond) * 1000) });
        }
        level--;
        row = 0;
        seen.taken.push((frame["data"] as { text: string }).text);
        return own(frame, ++seq);
      });
      queueMicrotask(() => void socket.say(...answers));
    };
  };
  return seen;
}
