import assert from "node:assert/strict";
import { test } from "node:test";
import { array, begin, bye, helloOf, inOf, open, room, states, welcomed } from "./support/sessions.ts";
import type { Room } from "./support/sessions.ts";
import { World, ack, messageOf, outcome } from "./support/world.ts";

test("m2_close_leaves_the_channel_and_the_session_goes_on", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a", "b"]);
  const heard: unknown[] = [];
  channels[0]?.on("say", ({ seq }) => heard.push(seq));
  const closed = outcome((channels[0] as Room).close());
  const joined = room(session, "a");
  assert.notEqual(joined, channels[0]);
  await world.settle();
  const leave = world.socket.heardOne();
  assert.deepEqual([leave.type, leave["channel"], closed.state], ["leave", "chat:a", "pending"]);
  // What is under way is for who has left, and nobody joins before that is over.
  await world.socket.say(inOf("chat:a", messageOf(1)), welcomed("chat:a"));
  assert.deepEqual([heard, joined.connection.state, world.socket.heard()], [[], "joining", []]);
  await world.socket.say(ack(leave));
  assert.equal(closed.state, "done");
  assert.equal(world.socket.heardOne().type, "join");
  await world.socket.say(welcomed("chat:a"));
  assert.deepEqual([session.connection.state, joined.connection.state, channels[1]?.connection.state], ["open", "open", "open"]);
});

test("close_of_a_channel_is_over_after_two_seconds_where_the_leave_is_not_answered", async () => {
  const world = new World();
  const { channels } = await open(world, ["a"]);
  const closed = outcome((channels[0] as Room).close());
  await world.advance(1_999);
  assert.equal(closed.state, "pending");
  await world.advance(1);
  assert.equal(closed.state, "done");
});

for (const how of ["close", "signal"] as const)
  test(`the_end_of_the_session_by_${how}_ends_all_channels_for_good_and_holds_nothing`, async () => {
    const world = new World();
    const left = new AbortController();
    const { session, channels } = await open(world, ["a", "b"], { signal: left.signal });
    const waiting = outcome((channels[0] as Room).publish("say", { text: "x" }));
    if (how === "close") void session.close();
    else left.abort();
    assert.equal(world.socket.closedWith, 1000);
    await world.socket.end(1000);
    const code = how === "close" ? undefined : "aborted";
    assert.deepEqual([(await session.closed)?.code, (await channels[0]?.closed)?.code], [code, code]);
    assert.equal(waiting.error?.code, how === "close" ? "closed" : "aborted");
    const after = room(session, "c");
    await world.advance(60_000);
    assert.deepEqual([...states(channels), after.connection.state], ["closed", "closed", "closed"]);
    const back = [session, channels[0] as Room].map((one) => outcome(one.reconnect()));
    await world.advance(60_000);
    assert.deepEqual(back.map(({ state }) => state), ["failed", "failed"]);
    assert.deepEqual([world.sockets.length, world.armed, world.wakers], [1, 0, 0]);
  });

test("a_channel_that_is_there_is_the_same_object_and_one_that_has_ended_is_another", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a"]);
  assert.equal(room(session, "a"), channels[0]);
  await world.socket.say(bye("chat:a", 4008));
  const other = room(session, "a");
  assert.notEqual(other, channels[0]);
  await world.settle();
  assert.equal(world.socket.heardOne().type, "join");
  await assert.rejects((channels[0] as Room).reconnect());
  assert.throws(() => room(session, "\ud800"), { code: "bad_name" });
});

test("a_channel_of_a_session_is_taken_up_again_alone", async () => {
  const world = new World();
  const { channels } = await open(world, ["a", "b"]);
  await world.socket.say(bye("chat:a", 4008));
  const back = outcome((channels[0] as Room).reconnect());
  await world.advance(0);
  assert.deepEqual(world.socket.heard().map(({ type, channel }) => [type, channel]), [["join", "chat:a"]]);
  await world.socket.say(welcomed("chat:a", { resume: "recovered" }));
  assert.equal(back.state, "done");
});

for (const who of ["session", "channel"] as const)
  test(`what_ended_the_session_ends_its_channels_and_reconnect_of_the_${who}_takes_all_up_again`, async () => {
    const world = new World();
    const { session, channels } = await open(world, ["a", "b", "c"]);
    await world.socket.say(bye("chat:c", 4008));
    await world.socket.say({ type: "bye", code: 4003, reason: "forbidden" });
    assert.deepEqual([session.connection.state, ...states(channels)], ["closed", "closed", "closed", "closed"]);
    assert.equal((await channels[1]?.closed)?.code, "forbidden");
    const back = outcome((who === "session" ? session : (channels[0] as Room)).reconnect());
    await world.advance(0);
    // The one that was removed by itself stays so.
    assert.deepEqual(array(world.socket).map(({ channel }) => channel).sort(), ["chat:a", "chat:b"]);
    await world.socket.say(helloOf());
    for (const name of ["chat:a", "chat:b"]) await world.socket.say(welcomed(name, { resume: "recovered" }));
    assert.deepEqual([back.state, session.connection.state, ...states(channels)], ["done", "open", "open", "open", "closed"]);
  });

test("a_session_that_gives_up_ends_its_channels_with_the_same_error", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a"], { maxAttempts: 0 });
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.end(1006);
  assert.deepEqual([(await session.closed)?.code, (await channels[0]?.closed)?.code], ["gave_up", "gave_up"]);
});

test("a_session_that_is_paused_has_its_channels_wait_and_brings_them_back", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a", "b"]);
  session.connection.pause();
  assert.deepEqual([session.connection.state, ...states(channels)], ["idle", "waiting", "waiting"]);
  await world.advance(60_000);
  assert.equal(world.sockets.length, 1);
  session.connection.start();
  await world.settle();
  assert.deepEqual([array(world.socket).length, ...states(channels)], [2, "joining", "joining"]);
});

test("a_session_is_put_aside_with_its_page_and_its_channels_with_it", async () => {
  const world = new World();
  const pages: { left(): void; back(): void }[] = [];
  const onPage = (left: () => void, back: () => void): (() => void) => (pages.push({ left, back }), () => {});
  const { session, channels } = await open(world, ["a", "b"], { runtime: { ...world.runtime, onPage } });
  for (const { left } of pages) left();
  assert.deepEqual([session.connection.state, ...states(channels), world.socket.closedWith], ["idle", "waiting", "waiting", 1000]);
  for (const { back } of pages) back();
  await world.settle();
  assert.equal(array(world.socket).length, 2);
});

test("the_console_is_told_each_frame_once_and_no_token", async (context) => {
  const world = new World();
  const told: string[] = [];
  for (const level of ["debug", "info"] as const) context.mock.method(console, level, (...what: unknown[]) => void told.push(`${level} ${what.slice(0, 3).join(" ")}`));
  const { channels } = await open(world, ["a"], { logLevel: "debug", token: "secret" });
  void channels[0]?.publish("typing", { on: true }, { volatile: true });
  await world.settle();
  assert.equal(told.filter((line) => line.includes('"type":"publish"')).length, 1);
  assert.ok(told.some((line) => line.startsWith("info chat:a state")));
  assert.doesNotMatch(told.join(), /secret/);
});

test("names_events_and_payloads_are_those_of_the_contract", async () => {
  const world = new World();
  const session = begin(world, { start: false });
  // @ts-expect-error no pattern fits it
  void session.channel("chat");
  const channel = session.channel("demo:table");
  // @ts-expect-error a call takes what the contract says
  const asked = channel.call("roll", { faces: 6 });
  void asked.catch(() => {});
  void asked.then(({ n }) => n satisfies number).catch(() => {});
  await session.close();
});

test("a_channel_of_a_session_that_has_not_begun_waits_for_it", async () => {
  const world = new World();
  const session = begin(world, { start: false });
  const channel = room(session, "a");
  await world.advance(60_000);
  assert.deepEqual([world.sockets.length, channel.connection.state], [0, "joining"]);
  session.connection.start();
  await world.settle();
  assert.equal(world.socket.heardOne().type, "join");
});

test("r4_a_join_that_is_too_large_for_a_frame_ends_its_channel_alone", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a"]);
  const large = session.channel("chat:b", { token: "x".repeat(65_536) });
  await world.settle();
  assert.deepEqual([...states([...channels, large]), large.connection.error?.code], ["open", "closed", "protocol"]);
  assert.match(large.connection.error?.message ?? "", /bytes are more than the 65536/);
  assert.deepEqual([world.socket.heard(), session.connection.state], [[], "open"]);
});
