import assert from "node:assert/strict";
import { test } from "node:test";
import { ChannelError } from "../src/index.ts";
import { bytesOf } from "../src/protocol.ts";
import { World, ack, messageOf, outcome, own, refused, say, textsOf, welcomeOf } from "./support/world.ts";
import type { Frame } from "./support/world.ts";

test("f2_a_publish_settles_with_its_own_message", async () => {
  const world = new World();
  const channel = await world.open();
  const heard: unknown[] = [];
  channel.on("say", ({ data, seq }) => heard.push([data.text, seq]));
  const [seen] = say(channel, "hi");
  await world.settle();
  const frame = world.socket.heardOne();
  assert.deepEqual({ ...frame, id: "x" }, { type: "publish", event: "say", data: { text: "hi" }, id: "x" });
  await world.socket.say(own(frame, 1));
  assert.deepEqual([seen?.state, (seen?.value as { seq: number }).seq], ["done", 1]);
  assert.deepEqual(heard, [["hi", 1]]);
});

test("f2_the_same_id_from_another_connection_is_a_message_and_no_answer", async () => {
  const world = new World();
  const channel = await world.open();
  const heard: unknown[] = [];
  channel.on("say", ({ data }) => heard.push(data.text));
  const [seen] = say(channel, "mine");
  await world.settle();
  const frame = world.socket.heardOne();
  await world.socket.say({ ...own(frame, 1, "mallory"), data: { text: "theirs" } });
  assert.equal(seen?.state, "pending");
  assert.deepEqual(heard, ["theirs"]);
  await world.socket.say(own(frame, 2));
  assert.equal((seen?.value as { seq: number }).seq, 2);
});

test("f2_an_ack_answers_echo_false_and_directed_publishes", async () => {
  const world = new World();
  const channel = await world.open();
  const quiet = outcome(channel.publish("say", { text: "a" }, { echo: false }));
  const directed = outcome(channel.publish("say", { text: "b" }, { to: { users: ["bob"] } }));
  await world.settle();
  const [first, second] = world.socket.heard();
  assert.equal(first?.["echo"], false);
  assert.deepEqual(second?.["to"], { users: ["bob"] });
  await world.socket.say(ack(first, { seq: 7 }), ack(second, { delivered: 2 }));
  assert.equal(quiet.value?.seq, 7);
  assert.equal(directed.value?.delivered, 2);
});

test("f5_the_ack_of_a_publish_without_echo_stands_in_its_place_and_leaves_no_gap", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const heard: unknown[] = [];
  channel.on("*", ({ seq }) => heard.push(seq));
  channel.connection.on("recovered", () => heard.push("recovered"));
  void channel.publish("say", { text: "a" }, { echo: false });
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne(), { seq: 6 }), messageOf(7));
  assert.deepEqual([heard, channel.position?.seq, world.socket.heard()], [[7], 7, []]);
  // With a gap before it, it waits for that like any other.
  void channel.publish("say", { text: "b" }, { echo: false });
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne(), { seq: 9 }));
  const asked = world.socket.heardOne();
  assert.deepEqual([asked["type"], asked["after"]], ["resume", 7]);
  await world.socket.say({ type: "resumed", id: asked["id"], resume: "recovered", seq: 9 }, messageOf(8));
  await world.socket.say(messageOf(10));
  assert.deepEqual(heard, [7, 8, "recovered", 10]);
});

test("f2_a_refusal_rejects_with_code_retryable_and_retry_after", async () => {
  const world = new World();
  const channel = await world.open();
  const [bad, broken] = say(channel, "a", "b");
  await world.settle();
  const [first, second] = world.socket.heard();
  await world.socket.say(
    refused(first, "invalid_data", { message: "data.text is too short" }),
    refused(second, "internal", { retry_after: 9 }),
  );
  const error = bad?.error as ChannelError;
  assert.ok(error instanceof ChannelError);
  assert.deepEqual([error.code, error.retryable, error.message], ["invalid_data", false, "data.text is too short"]);
  assert.deepEqual([(broken?.error as ChannelError).retryable, (broken?.error as ChannelError).retryAfter], [true, 9]);
});

test("f2_an_answer_given_twice_settles_once", async () => {
  const world = new World();
  const channel = await world.open();
  const [seen] = say(channel, "a");
  await world.settle();
  const frame = world.socket.heardOne();
  await world.socket.say(ack(frame, { seq: 1 }), ack(frame, { seq: 1, duplicate: true }), refused(frame, "conflict"));
  assert.deepEqual([seen?.state, seen?.times], ["done", 1]);
});

test("d8_a_conflict_tells_the_head", async () => {
  const world = new World();
  const channel = await world.open();
  const seen = outcome(channel.publish("say", { text: "a" }, { ifSeq: 41 }));
  await world.settle();
  const frame = world.socket.heardOne();
  assert.equal(frame["if_seq"], 41);
  await world.socket.say(refused(frame, "conflict", { seq: 44 }));
  assert.equal((seen.error as ChannelError).seq, 44);
});

test("ids_are_96_bits_an_instance_and_a_counter_and_fit_64_characters", async () => {
  const { platform } = await import("../src/runtime.ts");
  const ids = new Set(Array.from({ length: 1_000 }, () => platform.instance()));
  assert.equal(ids.size, 1_000);
  for (const id of ids) assert.match(id, /^[a-z0-9]{12,21}$/);
  const world = new World();
  const channel = await world.open({ runtime: { ...world.runtime, instance: platform.instance } });
  say(channel, ...Array.from({ length: 40 }, (_, at) => `${at}`));
  await world.settle();
  const sent = world.socket.heard().map((frame) => String(frame["id"]));
  assert.equal(new Set(sent).size, 40);
  assert.ok(sent.every((id) => id.length <= 64));
});

test("what_is_published_in_one_turn_leaves_as_one_array", async () => {
  const world = new World();
  const channel = await world.open();
  say(channel, "a", "b", "c");
  await world.settle();
  const texts = world.socket.heardTexts();
  assert.equal(texts.length, 1);
  assert.deepEqual(textsOf(JSON.parse(texts[0] ?? "") as Frame[]), ["a", "b", "c"]);
});

test("arrays_keep_to_the_batch_and_the_frame_bytes_that_welcome_allows", async () => {
  const world = new World();
  const channel = await world.open({}, { limits: { frame_bytes: 400, batch: 3, per_second: 20, burst: 40 } });
  const seen = say(channel, "1", "2", "3", "4", "x".repeat(300), "y".repeat(300));
  await world.settle();
  const sizes: number[] = [];
  while (seen.some(({ state }) => state === "pending")) {
    const [text = ""] = world.socket.heardTexts();
    const frames = [JSON.parse(text) as Frame | Frame[]].flat();
    assert.ok(Buffer.byteLength(text) <= 400);
    sizes.push(frames.length);
    await world.socket.say(...frames.map((frame) => ack(frame)));
  }
  assert.deepEqual(sizes, [3, 1, 1, 1]);
});

test("d7_unanswered_publishes_are_sent_again_with_their_ids_in_order_before_newer_ones", async () => {
  const world = new World();
  const channel = await world.open();
  const seen = say(channel, "a", "b", "c");
  await world.settle();
  const [a, b, c] = world.socket.heard();
  await world.socket.say(ack(a, { seq: 1 }));
  seen.push(...say(channel, "d"));
  await world.socket.end(1006);
  seen.push(...say(channel, "e"));
  await world.advance(250);
  await world.socket.say(welcomeOf({ connection: "c2" }));
  const again = world.socket.heard();
  assert.deepEqual(textsOf(again), ["b", "c", "d", "e"]);
  assert.deepEqual([again[0]?.["id"], again[1]?.["id"]], [b?.["id"], c?.["id"]]);
  await world.socket.say(ack(again[0], { seq: 2, duplicate: true }), ...again.slice(1).map((frame, at) => own(frame, at + 3, "c2")));
  assert.deepEqual(
    seen.map(({ value }) => (value as { seq: number }).seq),
    [1, 2, 3, 4, 5],
  );
  assert.equal((seen[1]?.value as { duplicate: boolean }).duplicate, true);
});

test("d7_a_replayed_message_of_the_connection_before_answers_too", async () => {
  const world = new World();
  const channel = await world.open();
  const heard: unknown[] = [];
  channel.on("say", ({ seq }) => heard.push(seq));
  const [seen] = say(channel, "a");
  await world.settle();
  const frame = world.socket.heardOne();
  await world.socket.end(1006);
  await world.advance(250);
  await world.socket.say(welcomeOf({ connection: "c2", resume: "recovered", seq: 1 }), own(frame, 1, "c1"));
  assert.equal((seen?.value as { seq: number }).seq, 1);
  const [again] = world.socket.heard();
  await world.socket.say(ack(again ?? frame, { seq: 1, duplicate: true }));
  assert.deepEqual([seen?.times, heard], [1, [1]]);
});

test("what_the_service_could_not_name_in_a_refusal_is_refused_here", async () => {
  const world = new World();
  const channel = await world.open();
  const tries = {
    large: outcome(channel.publish("say", { text: "é".repeat(33_000) })),
    surrogate: outcome(channel.publish("say", { text: "half \ud83d" })),
    cycle: outcome(channel.publish("say", { text: 1n as unknown as string })),
    nonchar: outcome(channel.publish("say", { text: "no \ufffe" })),
  };
  void channel.publish("say", { text: "whole 😀 and written \\ud83d" });
  await world.settle();
  assert.deepEqual(
    Object.values(tries).map(({ error }) => error?.code),
    ["too_large", "bad_frame", "bad_frame", "bad_frame"],
  );
  assert.match(tries.large.error?.message ?? "", /^660\d\d bytes are more than the 65536 a frame may have\.$/);
  assert.equal(tries.cycle.error?.message, "`data` is no JSON: TypeError: Do not know how to serialize a BigInt");
  assert.equal(world.socket.heard().length, 1);
});

/** A text in so many arrays, with brackets in it that are none. */
const nested = (levels: number): unknown => (levels ? [nested(levels - 1)] : "[[[{{{ \"]]");

test("r4_data_nested_too_deep_is_refused_here_and_what_is_published_with_it_is_not", async () => {
  const world = new World();
  const channel = await world.open();
  const loosely = channel as unknown as { publish(event: string, data: unknown): Promise<unknown> };
  const [deepest, deeper] = [outcome(loosely.publish("say", nested(62))), outcome(loosely.publish("say", nested(63)))];
  const shown = outcome(channel.presence.set({ deep: nested(62) }));
  const [beside] = say(channel, "beside");
  await world.settle();
  assert.equal(deeper.error?.code, "bad_frame");
  assert.match(deeper.error?.message ?? "", /more than 62 levels/);
  assert.equal(shown.error?.code, "bad_frame");
  const [texts = ""] = world.socket.heardTexts();
  // An array of frames is a level of its own: with it the deepest frame is as deep as the service takes.
  const depth = [...texts.replaceAll(/"(?:[^"\\]|\\.)*"/g, "")].reduce(
    ([now = 0, most = 0], mark) => {
      const next = now + (mark === "[" || mark === "{" ? 1 : mark === "]" || mark === "}" ? -1 : 0);
      return [next, Math.max(most, next)];
    },
    [0, 0],
  )[1];
  assert.deepEqual([JSON.parse(texts).length, depth, deepest.state, beside?.state], [2, 64, "pending", "pending"]);
});

test("volatile_goes_now_or_not_at_all", async () => {
  const world = new World();
  const channel = await world.joining();
  const volatile = (on: boolean) => outcome(channel.publish("typing", { on }, { volatile: true }));
  const early = volatile(true);
  await world.settle();
  assert.equal(early.error?.code, "offline");
  await world.socket.say(welcomeOf());
  const [one, two, three] = [volatile(true), volatile(false), volatile(true)];
  await world.settle();
  const [first, second] = world.socket.heard();
  await world.socket.say(ack(first), refused(second, "rate_limited", { retry_after: 100 }));
  assert.deepEqual([one.state, two.error?.code, three.state], ["done", "rate_limited", "pending"]);
  await world.socket.end(1006);
  assert.equal(three.error?.code, "offline");
  await world.advance(250);
  await world.socket.say(welcomeOf({ connection: "c2" }));
  assert.deepEqual(world.socket.heard(), []);
});

test("volatile_does_not_wait_behind_what_is_unanswered", async () => {
  const world = new World();
  const channel = await world.open();
  say(channel, "slow");
  await world.settle();
  world.socket.heard();
  void channel.publish("typing", { on: true }, { volatile: true });
  await world.settle();
  assert.equal(world.socket.heardOne()["event"], "typing");
});

test("an_answer_that_never_comes_on_a_living_way_is_told_after_thirty_seconds", async () => {
  const world = new World();
  const channel = await world.open();
  const seen = say(channel, "a");
  for (let second = 0; second < 29; second += 1) {
    await world.advance(1_000);
    await world.socket.text("pong");
  }
  assert.equal(seen[0]?.state, "pending");
  seen.push(...say(channel, "b"));
  await world.advance(1_000);
  // The answer may still wait to be read: only a pong to a ping of now tells that it does not.
  await world.socket.say(messageOf(1));
  assert.deepEqual([seen[0]?.state, world.socket.texts.at(-1)], ["pending", "ping"]);
  await world.socket.text("pong");
  assert.equal(seen[0]?.error?.code, "timeout");
  assert.deepEqual(textsOf(world.socket.heard()), ["a", "b"]);
});

test("an_abort_signal_gives_a_request_up_once", async () => {
  const world = new World();
  const channel = await world.joining();
  const queued = new AbortController();
  const sent = new AbortController();
  const early = outcome(channel.publish("say", { text: "early" }, { signal: AbortSignal.abort() }));
  const first = outcome(channel.publish("say", { text: "queued" }, { signal: queued.signal }));
  const second = outcome(channel.publish("say", { text: "sent" }, { signal: sent.signal }));
  queued.abort();
  await world.socket.say(welcomeOf());
  const [frame] = world.socket.heard();
  assert.deepEqual(frame?.["data"], { text: "sent" });
  sent.abort();
  await world.socket.say(ack(frame, { seq: 1 }));
  assert.deepEqual(
    [early, first, second].map(({ error, times }) => [error?.code, times]),
    [
      ["aborted", 1],
      ["aborted", 1],
      ["aborted", 1],
    ],
  );
});

test("closing_rejects_everything_unanswered_and_everything_after", async () => {
  const world = new World();
  const channel = await world.open();
  const seen = [...say(channel, "sent")];
  await world.settle();
  seen.push(...say(channel, "queued"), outcome(channel.history()), outcome(channel.presence.set({ a: 1 })));
  void channel.close();
  seen.push(...say(channel, "late"));
  await world.settle();
  assert.deepEqual(
    seen.map(({ error, times }) => [error?.code, times]),
    Array.from({ length: 5 }, () => ["closed", 1]),
  );
});

test("a_refusal_without_an_id_is_told_as_an_error_event", async () => {
  const world = new World();
  const channel = await world.open();
  const errors: string[] = [];
  channel.connection.on("error", ({ code }) => errors.push(code));
  await world.socket.say({ type: "error", code: "bad_frame", message: "no" });
  await world.socket.text("no json");
  assert.deepEqual(errors, ["bad_frame"]);
  assert.equal(channel.connection.state, "open");
});

test("a_handler_that_throws_is_reported_and_disturbs_nobody", async (context) => {
  const world = new World();
  const channel = await world.open();
  const heard: unknown[] = [];
  const uncaught: unknown[] = [];
  context.mock.method(globalThis, "queueMicrotask", (run: () => void) => {
    try {
      run();
    } catch (error) {
      uncaught.push(error);
    }
  });
  channel.on("say", () => {
    throw new Error("mine");
  });
  channel.on("say", ({ seq }) => heard.push(seq));
  await world.socket.say(messageOf(1), messageOf(2));
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(
    uncaught.map((error) => (error as Error).message),
    ["mine", "mine"],
  );
});

test("a_text_has_as_many_bytes_as_utf_8_makes_of_it", () => {
  const edges = ["", "\0", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ud800\udc00", "\udbff\udfff", "\ue000", "\uffff", "aä€😀z"];
  for (const text of [...edges, edges.join("")]) assert.equal(bytesOf(text), new TextEncoder().encode(text).length, JSON.stringify(text));
});
