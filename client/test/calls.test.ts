import assert from "node:assert/strict";
import { test } from "node:test";
import { ChannelError } from "../src/index.ts";
import type { CallOptions, ChannelFor } from "../src/index.ts";
import { World, outcome, own, refused, welcomeOf } from "./support/world.ts";
import type { Frame } from "./support/world.ts";

type Demo = ChannelFor<"demo:*">;

/** A channel with code of its own that has its first socket. */
async function joining(world: World): Promise<Demo> {
  const channel = world.connect("demo:lobby", { token: "token" });
  await world.settle();
  return channel;
}

/** One that was welcomed. */
async function opened(world: World, welcome: object = {}): Promise<Demo> {
  const channel = await joining(world);
  await world.socket.say(welcomeOf({ remembers: ["count"], ...welcome }));
  return channel;
}

const roll = (channel: Demo, options: CallOptions = {}) => outcome(channel.call("roll", { sides: 6 }, options));
const count = (channel: Demo, options: CallOptions = {}) => outcome(channel.call("count", {}, options));
const result = (frame: Frame | undefined, data: unknown, fields: object = {}): object => ({ type: "result", id: frame?.["id"], data, ...fields });

/** The connection breaks and comes back after so long. */
async function comeBack(world: World, ms = 0, welcome: object = {}): Promise<void> {
  world.onSocket = (socket) => void socket.end(1006);
  await world.socket.end(1006);
  await world.advance(ms);
  world.onSocket = () => {};
  await world.reconnected();
  await world.socket.say(welcomeOf({ connection: "c2", remembers: ["count"], now: world.now, expires: null, ...welcome }));
}

test("c3_a_call_is_sent_by_its_name_and_settles_with_its_reply", async () => {
  const world = new World();
  const channel = await opened(world);
  const [one, other] = [roll(channel, { id: "mine" }), count(channel)];
  await world.settle();
  const [first, second] = world.socket.heard();
  assert.deepEqual(first, { id: "mine", type: "call", name: "roll", data: { sides: 6 } });
  assert.deepEqual([second?.["name"], second?.["data"]], ["count", {}]);
  await world.socket.say(result(second, { count: 3 }), result(first, { by: "ann", n: 4 }), result(first, { by: "ann", n: 5 }));
  assert.deepEqual([one.value, one.times, other.value], [{ by: "ann", n: 4 }, 1, { count: 3 }]);
  await world.advance(61_000);
  assert.deepEqual([one.times, other.times], [1, 1]);
});

test("c3_what_is_called_and_published_in_one_turn_leaves_in_its_order_as_one_array", async () => {
  const world = new World();
  const channel = await opened(world);
  void channel.publish("say", { text: "I roll" });
  roll(channel);
  void channel.publish("say", { text: "rolled" });
  await world.settle();
  const [text = "", ...more] = world.socket.heardTexts();
  assert.deepEqual([(JSON.parse(text) as Frame[]).map(({ type }) => type), more], [["publish", "call", "publish"], []]);
});

test("c3_a_call_waits_for_a_connection_as_a_publish_does", async () => {
  const world = new World();
  const channel = await joining(world);
  const seen = roll(channel);
  await world.advance(5_000);
  assert.equal(seen.state, "pending");
  await world.socket.say(welcomeOf());
  await world.socket.say(result(world.socket.heardOne(), { by: "ann", n: 1 }));
  assert.equal(seen.state, "done");
});

test("c3_a_call_that_is_not_remembered_rejects_where_the_connection_breaks_and_is_never_sent_again", async () => {
  const world = new World();
  const channel = await opened(world);
  const sent = roll(channel);
  await world.settle();
  world.socket.heardOne();
  // While another is under way this one waits: it was not sent, so nothing can have come of it.
  const waits = roll(channel);
  await comeBack(world);
  assert.deepEqual([sent.error?.code, sent.times, (sent.error as ChannelError).retryable, waits.state], ["offline", 1, true, "pending"]);
  const again = world.socket.heardOne();
  await world.socket.say(result(again, { by: "ann", n: 2 }));
  assert.deepEqual([waits.value, sent.times], [{ by: "ann", n: 2 }, 1]);
});

test("c3_a_remembered_call_is_sent_again_under_its_id_and_before_anything_newer", async () => {
  const world = new World();
  const channel = await opened(world);
  const seen = count(channel);
  await world.settle();
  const sent = world.socket.heardOne();
  const newer = outcome(channel.publish("say", { text: "newer" }));
  await comeBack(world);
  const [again, then] = world.socket.heard();
  assert.deepEqual(again, sent);
  assert.equal(then?.["type"], "publish");
  await world.socket.say(result(again, { count: 1 }, { duplicate: true }), own(then, 1, "c2"));
  assert.deepEqual([seen.value, seen.times, newer.state], [{ count: 1 }, 1, "done"]);
});

test("c3_a_remembered_call_is_sent_again_as_long_as_its_reply_is_known_and_given_up_after", async () => {
  for (const [minutes, expected] of [[9, "count"], [11, undefined]] as const) {
    const world = new World();
    const channel = await opened(world);
    const seen = count(channel, { timeout: Infinity });
    await world.settle();
    // Whatever a replay tells, it tells of no call; and many messages make no reply forgotten.
    await comeBack(world, minutes * 60_000, { seq: 1_500, first: 500, resume: "lost" });
    assert.deepEqual(world.socket.heard().map(({ name }) => name), expected ? [expected] : []);
    assert.equal(seen.error?.code, expected ? undefined : "timeout");
  }
});

test("c3_a_call_that_the_service_does_not_remember_any_more_is_not_sent_again", async () => {
  const world = new World();
  const channel = await opened(world);
  const seen = count(channel);
  await world.settle();
  world.socket.heardOne();
  await comeBack(world, 0, { remembers: [] });
  assert.deepEqual([seen.error?.code, seen.times, world.socket.heard()], ["timeout", 1, []]);
});

test("c3_without_a_user_no_call_is_known_on_another_connection", async () => {
  const world = new World();
  const channel = await opened(world, { user: null });
  const seen = count(channel);
  await world.settle();
  world.socket.heardOne();
  await comeBack(world, 0, { user: null });
  assert.deepEqual([seen.error?.code, world.socket.heard()], ["timeout", []]);
});

test("r5_a_call_that_is_too_fast_is_asked_again_and_keeps_its_place", async () => {
  const world = new World();
  const channel = await opened(world);
  const seen = [roll(channel), roll(channel)];
  await world.settle();
  const [first, second] = world.socket.heard();
  await world.socket.say(result(first, { by: "ann", n: 1 }), refused(second, "rate_limited", { retry_after: 400 }));
  await world.advance(399);
  assert.deepEqual(world.socket.heard(), []);
  await world.advance(1);
  const again = world.socket.heardOne();
  assert.equal(again["id"], second?.["id"]);
  // Refused by rate it did not run: a break now leaves no doubt.
  await world.socket.say(refused(again, "rate_limited", { retry_after: 400 }));
  await comeBack(world);
  await world.advance(2_000);
  await world.socket.say(result(world.socket.heardOne(), { by: "ann", n: 2 }));
  assert.deepEqual(seen.map(({ state, times }) => [state, times]), [["done", 1], ["done", 1]]);
});

test("c4_a_refusal_of_the_applications_own_rejects_with_its_reason", async () => {
  const world = new World();
  const channel = await opened(world);
  const seen = [outcome(channel.publish("say", { text: "hi" })), roll(channel)];
  await world.settle();
  const [said, asked] = world.socket.heard();
  await world.socket.say(refused(said, "refused", { reason: "muted", message: "You are muted." }), refused(asked, "invalid_data"));
  const [muted, invalid] = seen.map(({ error }) => error as ChannelError);
  assert.ok(channel.isRefused(muted, "say"));
  assert.deepEqual([muted.code, muted.reason, muted.retryable, muted.message], ["refused", "muted", false, "You are muted."]);
  assert.deepEqual([channel.isRefused(invalid, "roll"), channel.isRefused(new Error("no"), "say"), invalid?.reason], [false, false, undefined]);
});

test("c3_a_signal_gives_a_call_up_with_its_reason", async () => {
  const world = new World();
  const channel = await opened(world);
  const [left, late] = [new AbortController(), AbortSignal.abort("too late")];
  const seen = [roll(channel, { signal: left.signal }), roll(channel, { signal: late })];
  await world.settle();
  const frame = world.socket.heardOne();
  left.abort(new RangeError("mine"));
  await world.socket.say(result(frame, { by: "ann", n: 1 }));
  assert.deepEqual(seen.map(({ error, times }) => [error, times]), [[new RangeError("mine"), 1], ["too late", 1]]);
});

test("c3_a_call_is_given_up_after_a_minute_or_when_its_caller_says_and_leaves_no_timer", async () => {
  const world = new World();
  const channel = await joining(world);
  const [brief, usual, patient] = [roll(channel, { timeout: 1_000 }), roll(channel), count(channel, { timeout: Infinity })];
  world.onSocket = (socket) => void socket.end(1006);
  await world.advance(1_000);
  assert.deepEqual([brief.error?.code, usual.state], ["timeout", "pending"]);
  await world.advance(58_999);
  assert.equal(usual.state, "pending");
  await world.advance(1);
  assert.deepEqual([usual.error?.code, patient.state], ["timeout", "pending"]);
  void channel.close();
  await world.advance(2_000);
  assert.deepEqual([patient.error?.code, world.armed], ["closed", 0]);
  assert.equal(roll(channel).state, "pending");
  await world.settle();
  assert.equal(world.armed, 0);
});

test("a_call_that_nobody_awaits_does_not_end_the_process_where_it_is_given_up", async (context) => {
  const world = new World();
  const reported: unknown[] = [];
  const before = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  context.after(() => before.forEach((listener) => process.on("unhandledRejection", listener)));
  process.on("unhandledRejection", (error) => reported.push(error));
  const channel = await opened(world);
  const left = new AbortController();
  void channel.call("roll", { sides: 6 }, { signal: left.signal });
  void channel.call("roll", { sides: 6 });
  await world.settle();
  left.abort(undefined);
  void channel.close();
  await world.settle();
  await world.settle();
  assert.deepEqual(reported, []);
});
