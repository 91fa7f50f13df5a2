import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../src/index.ts";
import { advise } from "../src/errors.ts";
import { Backoff } from "../src/backoff.ts";
import { World, messageOf, outcome, welcomeOf } from "./support/world.ts";

test("r3_every_range_has_its_advice", () => {
  const advice = (codes: number[]): string[] => [...new Set(codes.map(advise))];
  assert.deepEqual(advice([4000, 4001, 4003, 4008, 4009, 4010, 4099, 1000, 1002, 1003, 1007, 1008, 1009]), ["stop"]);
  assert.deepEqual(advice([4100, 4101, 4102, 4199, 1001, 1005, 1006, 1011, 1012, 1013]), ["back_off"]);
  assert.deepEqual(advice([4200, 4201, 4299]), ["at_once"]);
  assert.deepEqual(advice([4300, 4399]), ["new_token"]);
  assert.deepEqual(advice([4400, 4499]), ["forget"]);
});

for (const [code, name] of [
  [4000, "protocol"],
  [4001, "not_found"],
  [4003, "forbidden"],
  [4008, "removed"],
  [4010, "replaced"],
] as const) {
  test(`r3_${code}_stops_and_tells_the_app_${name}`, async () => {
    const world = new World();
    const channel = await world.open();
    await world.socket.say({ type: "bye", code, reason: name });
    assert.equal((await channel.closed)?.code, name);
    assert.equal(world.socket.closedWith, code);
  });
}

test("r3_a_close_code_without_a_bye_says_the_same", async () => {
  const world = new World();
  const channel = await world.open();
  await world.socket.end(4003, "forbidden");
  assert.equal((await channel.closed)?.code, "forbidden");
});

test("r3_4200_comes_back_within_200_ms_with_its_position_and_connection", async () => {
  const world = new World();
  await world.open({}, { seq: 3 });
  await world.socket.say({ type: "bye", code: 4200, reason: "restart" });
  assert.equal(world.sockets.length, 1);
  await world.advance(200);
  assert.equal(world.sockets.length, 2);
  assert.deepEqual(Object.fromEntries(world.socket.url.searchParams), { epoch: "e1", after: "3", connection: "c1" });
});

test("r3_4200_again_and_again_backs_off", async () => {
  const world = new World();
  world.random = 1;
  const channel = await world.open();
  const waits: (number | undefined)[] = [];
  channel.connection.on("state", ({ state, retryIn }) => void (state === "waiting" && waits.push(retryIn)));
  for (let round = 0; round < 4; round++) {
    await world.socket.say({ type: "bye", code: 4200, reason: "restart" });
    await world.reconnected();
    await world.socket.say(welcomeOf({ resume: "recovered" }));
  }
  assert.deepEqual(waits, [200, 1_000, 2_000, 4_000]);
});

test("backoff_is_full_jitter_from_half_a_second_doubling_to_thirty", () => {
  const most = new Backoff(() => 1);
  assert.deepEqual(
    Array.from({ length: 9 }, () => most.next()),
    [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000],
  );
  most.reset();
  assert.equal(most.next(), 500);
  const least = new Backoff(() => 0);
  assert.deepEqual([least.next(), least.next()], [0, 0]);
});

test("backoff_begins_anew_only_after_ten_seconds_open", async () => {
  const world = new World();
  world.random = 1;
  const channel = await world.joining();
  const waits: (number | undefined)[] = [];
  channel.connection.on("state", ({ state, retryIn }) => void (state === "waiting" && waits.push(retryIn)));
  await world.socket.end(1006);
  await world.advance(500);
  await world.socket.say(welcomeOf());
  await world.advance(9_999);
  await world.socket.end(1006);
  await world.advance(1_000);
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  await world.advance(10_000);
  await world.socket.end(1006);
  assert.deepEqual(waits, [500, 1_000, 500]);
});

test("retry_after_is_waited_out_before_the_jitter_begins", async () => {
  const world = new World();
  const channel = await world.open();
  const waits: (number | undefined)[] = [];
  channel.connection.on("state", ({ retryIn }) => waits.push(retryIn));
  await world.socket.say({ type: "bye", code: 4100, reason: "over_capacity", retry_after: 7_000 });
  assert.deepEqual(waits, [7_250]);
});

test("max_attempts_gives_up_with_an_error_and_none_is_none", async () => {
  const world = new World();
  const limited = await world.joining({ maxAttempts: 3 });
  for (let round = 0; round < 3; round++) {
    await world.socket.end(1006);
    await world.reconnected();
  }
  assert.equal(limited.connection.state, "joining");
  await world.socket.end(1006);
  const error = await limited.closed;
  assert.equal(error?.code, "gave_up");
  assert.match(error?.message ?? "", /^3 attempts in a row failed: The connection is closed: is the service at ws:/);
  assert.equal(world.sockets.length, 4);
  const endless = await world.joining();
  for (let round = 0; round < 50; round++) {
    await world.socket.end(1006);
    await world.reconnected();
  }
  assert.equal(endless.connection.state, "joining");
});

test("r6_ping_after_25_s_of_silence_and_reconnect_10_s_later", async () => {
  const world = new World();
  const channel = await world.open();
  await world.advance(24_999);
  assert.deepEqual(world.socket.texts, []);
  await world.advance(1);
  assert.deepEqual(world.socket.texts, ["ping"]);
  await world.advance(9_999);
  assert.equal(channel.connection.state, "open");
  await world.advance(1);
  assert.equal(channel.connection.state, "waiting");
  await world.advance(200);
  assert.equal(channel.connection.state, "joining");
});

test("r6_a_pong_or_anything_else_heard_keeps_the_connection", async () => {
  const world = new World();
  const channel = await world.open();
  const rtts: number[] = [];
  channel.connection.on("rtt", (ms) => rtts.push(ms));
  await world.advance(25_000);
  await world.advance(120);
  await world.socket.text("pong");
  await world.advance(25_000);
  await world.socket.say(messageOf(1));
  await world.advance(34_000);
  assert.equal(channel.connection.state, "open");
  assert.deepEqual(rtts, [120]);
});

test("r6_who_only_listens_pings_too_since_the_service_counts_what_it_hears", async () => {
  const world = new World();
  await world.open();
  for (let second = 0, seq = 0; second < 99; second++) {
    await world.advance(1_000);
    await world.socket.say(messageOf(++seq));
  }
  assert.deepEqual(world.socket.texts, ["ping", "ping", "ping"]);
});

test("a_ping_by_hand_does_not_put_the_deadline_off", async () => {
  const world = new World();
  const channel = await world.open();
  for (let second = 0; second < 10; second++) {
    channel.connection.ping();
    await world.advance(1_000);
  }
  assert.equal(channel.connection.state, "waiting");
  channel.connection.ping();
  assert.equal(channel.connection.state, "waiting");
});

test("bye_closes_from_this_side_and_the_old_socket_is_not_heard_any_more", async () => {
  const world = new World();
  const channel = await world.open();
  const heard: unknown[] = [];
  channel.on("say", ({ seq }) => heard.push(seq));
  const old = world.socket;
  await old.say({ type: "bye", code: 4100, reason: "over_capacity" }, messageOf(1));
  assert.equal(old.closedWith, 4100);
  await world.advance(500);
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  await old.say(messageOf(1));
  await old.end(1006);
  assert.deepEqual([heard, channel.connection.state], [[], "open"]);
});

test("an_abort_signal_closes_the_channel", async () => {
  const world = new World();
  const abort = new AbortController();
  const channel = await world.open({ signal: abort.signal });
  abort.abort();
  assert.equal((await channel.closed)?.code, "aborted");
  assert.equal(world.socket.closedWith, 1000);
  const never = connect("http://service.test", "chat:lobby", { runtime: world.runtime, signal: AbortSignal.abort() });
  assert.equal((await never.closed)?.code, "aborted");
  assert.equal(world.sockets.length, 1);
});

test("opened_settles_with_the_first_welcome_or_with_the_end", async () => {
  const world = new World();
  const channel = await world.joining();
  const opened = outcome(channel.opened());
  await world.settle();
  assert.equal(opened.state, "pending");
  await world.socket.say(welcomeOf());
  assert.equal(opened.state, "done");
  const refused = await world.joining();
  const never = outcome(refused.opened());
  await world.socket.say({ type: "bye", code: 4003, reason: "forbidden" });
  assert.deepEqual([never.error?.code, never.times], ["forbidden", 1]);
});

test("listeners_end_by_function_and_by_signal", async () => {
  const world = new World();
  const channel = await world.open();
  const heard: string[] = [];
  const abort = new AbortController();
  const off = channel.on("say", () => heard.push("function"));
  channel.on("say", () => heard.push("signal"), { signal: abort.signal });
  channel.on("say", () => heard.push("never"), { signal: AbortSignal.abort() });
  await world.socket.say(messageOf(1));
  off();
  abort.abort();
  await world.socket.say(messageOf(2));
  assert.deepEqual(heard, ["function", "signal"]);
});

test("a_service_that_cannot_be_reached_is_named_without_the_position", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 5 });
  const told: (string | undefined)[] = [];
  channel.connection.on("state", ({ state, error }) => void (state === "waiting" && told.push(error?.message)));
  await world.socket.end(1006);
  await world.advance(500);
  await world.socket.end(1006);
  await world.advance(1_000);
  await world.socket.end(1006, "Failed to connect");
  await world.advance(2_000);
  await world.advance(10_000);
  assert.deepEqual(told, [
    "The connection is closed (1006)",
    "The connection is closed: is the service at ws://service.test/v1/channels/chat%3Alobby, and does it allow this origin? (1006)",
    "The connection is closed: Failed to connect (1006)",
    "The service does not answer.",
  ]);
});

test("a_socket_that_only_tells_an_error_is_over_100_ms_later", async () => {
  const world = new World();
  const channel = await world.joining();
  world.socket.onerror?.({} as never);
  await world.advance(99);
  assert.equal(channel.connection.state, "joining");
  await world.advance(1);
  assert.deepEqual([channel.connection.state, channel.connection.error?.code], ["waiting", "offline"]);
  await world.reconnected();
  // One that tells its close as well is over with it, and the code counts.
  world.socket.onerror?.({} as never);
  await world.socket.end(4003, "forbidden");
  assert.equal((await channel.closed)?.code, "forbidden");
  assert.equal(world.armed, 0);
});

test("what_is_waited_is_told_in_whole_milliseconds", async () => {
  const world = new World();
  world.random = 0.123456789;
  const channel = await world.open();
  const waits: (number | undefined)[] = [];
  channel.connection.on("state", ({ state, retryIn }) => void (state === "waiting" && waits.push(retryIn)));
  await world.socket.end(1006);
  assert.deepEqual(waits, [61]);
});

test("a_socket_that_cannot_be_made_ends_the_channel_with_a_clear_error", async () => {
  const world = new World();
  const channel = connect("http://service.test", "chat:lobby", {
    token: "not a token",
    runtime: {
      ...world.runtime,
      socket: () => {
        throw new SyntaxError("bad protocol");
      },
    },
  });
  const error = await channel.closed;
  assert.equal(error?.code, "protocol");
  assert.match(error?.message ?? "", /bad protocol/);
});
