import assert from "node:assert/strict";
import { test } from "node:test";
import { World, jwt, outcome, welcomeOf } from "./support/world.ts";
import type { Frame } from "./support/world.ts";
import { source, ack, refused, hanging } from "./support/tokens.ts";

test("e6_the_token_travels_as_a_sub_protocol_and_never_in_the_address", async () => {
  const world = new World();
  await world.joining({ token: "abc.def.ghi" });
  assert.deepEqual(world.socket.protocols, ["dormouse.v1", "bearer.abc.def.ghi"]);
  assert.ok(!world.socket.url.href.includes("abc"));
  await world.joining({ token: undefined });
  assert.deepEqual(world.socket.protocols, ["dormouse.v1"]);
});

test("a5_the_token_is_renewed_by_auth_before_it_expires_without_a_reconnect", async () => {
  const world = new World();
  world.random = 0;
  const { asked, given, token } = source(world);
  const channel = await world.open({ token }, { expires: world.now + 60_000 });
  await world.advance(25_000);
  await world.socket.text("pong");
  await world.advance(22_999);
  assert.deepEqual(asked, ["join"]);
  await world.advance(1);
  assert.deepEqual(asked, ["join", "renew"]);
  const frame = world.socket.heardOne();
  assert.deepEqual([frame["type"], frame["token"]], ["auth", given[1]]);
  await world.socket.say(ack(frame));
  // The next one by the new token's own expiry: 60 s from when it was made, a fifth of that ahead.
  await world.advance(26_000);
  await world.socket.text("pong");
  await world.advance(22_000);
  assert.equal(world.socket.heardOne()["token"], given[2]);
  assert.equal(world.sockets.length, 1);
  assert.equal(channel.connection.state, "open");
});

test("a5_renewal_goes_by_the_services_clock", async () => {
  const world = new World();
  world.random = 0;
  const { asked, token } = source(world);
  const ahead = 3_600_000;
  await world.open({ token }, { now: world.now + ahead, expires: world.now + ahead + 10_000 });
  await world.advance(7_999);
  assert.deepEqual(asked, ["join"]);
  await world.advance(1);
  assert.deepEqual(asked, ["join", "renew"]);
});

test("a5_a_refused_renewal_asks_once_more_and_then_stops_with_a_clear_error", async () => {
  const world = new World();
  const { asked, token } = source(world);
  const channel = await world.open({ token }, { expires: world.now + 10_000 });
  await world.advance(8_000);
  await world.socket.say(refused(world.socket.heardOne(), "unauthenticated"));
  await world.socket.say(refused(world.socket.heardOne(), "unauthenticated"));
  assert.deepEqual(asked, ["join", "renew", "refused"]);
  assert.equal(channel.connection.state, "closed");
  assert.equal((await channel.closed)?.code, "unauthenticated");
  await world.advance(120_000);
  assert.equal(asked.length, 3);
});

test("a5_a_renewal_whose_function_fails_is_tried_again", async () => {
  const world = new World();
  let asked = 0;
  const channel = await world.open(
    {
      token: async () => {
        if (++asked === 2) throw new Error("endpoint down");
        return jwt({ exp: world.now / 1000 + 60, asked });
      },
    },
    { expires: world.now + 20_000 },
  );
  await world.advance(15_000);
  assert.equal(asked, 2);
  await world.advance(1_250);
  assert.equal(asked, 3);
  assert.equal(world.socket.heardOne()["type"], "auth");
  assert.equal(channel.connection.state, "open");
});

test("a5_a_renewal_cut_off_is_left_to_the_next_join", async () => {
  const world = new World();
  const { asked, token } = source(world);
  const channel = await world.open({ token }, { expires: world.now + 10_000 });
  await world.advance(8_000);
  world.socket.heardOne();
  await world.socket.end(1006);
  await world.advance(250);
  await world.socket.say(welcomeOf({ resume: "recovered", now: world.now, expires: world.now + 50_000 }));
  assert.equal(channel.connection.state, "open");
  assert.deepEqual(asked, ["join", "renew"]);
});

test("r3_4300_asks_for_a_new_token_and_comes_back_with_it", async () => {
  const world = new World();
  const { asked, given, token } = source(world);
  const channel = await world.open({ token }, { seq: 5 });
  await world.socket.say({ type: "bye", code: 4300, reason: "token_expired" });
  await world.advance(200);
  assert.deepEqual(asked, ["join", "refused"]);
  assert.deepEqual(world.socket.protocols, ["dormouse.v1", `bearer.${given[1]}`]);
  assert.equal(world.socket.url.searchParams.get("after"), "5");
  await world.socket.say(welcomeOf({ seq: 5, resume: "recovered" }));
  assert.equal(channel.connection.state, "open");
});

for (const code of [4300, 4009]) {
  test(`r3_${code}_for_the_new_token_too_stops_without_a_loop`, async () => {
    const world = new World();
    const { asked, token } = source(world);
    const channel = await world.joining({ token });
    await world.socket.say({ type: "bye", code, reason: "test" });
    await world.reconnected();
    await world.socket.say({ type: "bye", code, reason: "test" });
    await world.advance(120_000);
    assert.deepEqual(asked, ["join", "refused"]);
    assert.equal((await channel.closed)?.code, "unauthenticated");
    assert.equal(world.sockets.length, 2);
  });

  test(`r3_${code}_with_a_token_that_is_a_string_stops`, async () => {
    const world = new World();
    const channel = await world.joining({ token: "abc" });
    await world.socket.say({ type: "bye", code, reason: "test" });
    assert.equal((await channel.closed)?.code, "unauthenticated");
  });
}

test("a_network_that_fails_between_refusal_and_welcome_does_not_ask_again", async () => {
  const world = new World();
  const { asked, token } = source(world);
  const channel = await world.open({ token });
  await world.socket.say({ type: "bye", code: 4300, reason: "token_expired" });
  await world.advance(200);
  await world.socket.end(1006);
  await world.advance(1_000);
  assert.deepEqual(asked, ["join", "refused"]);
  await world.socket.say(welcomeOf());
  assert.equal(channel.connection.state, "open");
});

test("a_token_that_still_holds_is_used_again_and_one_that_ran_out_is_not", async () => {
  const world = new World();
  const { asked, token } = source(world);
  await world.open({ token });
  await world.socket.end(1006);
  await world.advance(1_000);
  assert.deepEqual(asked, ["join"]);
  await world.socket.end(1006);
  world.now += 60_000;
  await world.advance(1_000);
  assert.deepEqual(asked, ["join", "join"]);
});

test("a_token_function_that_gives_null_says_nobody_is_signed_in", async () => {
  const world = new World();
  const channel = await world.joining({ token: () => null });
  assert.equal((await channel.closed)?.code, "unauthenticated");
  assert.equal(world.sockets.length, 0);
});

test("a_token_asked_for_is_not_asked_for_twice_and_its_signal_aborts_at_the_end", async () => {
  const world = new World();
  const signals: AbortSignal[] = [];
  const channel = await world.joining({
    token: ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    },
  });
  channel.connection.pause();
  channel.connection.start();
  await world.settle();
  assert.equal(signals.length, 1);
  void channel.close();
  assert.equal(signals[0]?.aborted, true);
});

test("a_token_function_that_never_settles_is_given_up_after_thirty_seconds_and_asked_again", async () => {
  const world = new World();
  const { asks, token } = hanging("join");
  const channel = await world.joining({ token });
  await world.advance(29_999);
  assert.deepEqual([channel.connection.state, asks[0]?.signal.aborted], ["joining", false]);
  await world.advance(1);
  assert.deepEqual([channel.connection.state, asks[0]?.signal.aborted], ["waiting", true]);
  await world.reconnected();
  assert.deepEqual([asks.length, world.socket.protocols[1]], [2, "bearer.token2"]);
  await world.socket.say(welcomeOf());
  void channel.close();
  await world.socket.end(1000);
  assert.equal(world.armed, 0);
});

for (const [name, act] of Object.entries({
  wake: (world: World) => world.wake(),
  start: (_: World, channel: Awaited<ReturnType<World["joining"]>>) => channel.connection.start(),
})) {
  test(`state_joining_${name}_asks_anew_where_the_token_function_has_been_silent_for_five_seconds`, async () => {
    const world = new World();
    const { asks, token } = hanging("join");
    const channel = await world.joining({ token });
    await world.advance(4_999);
    await act(world, channel);
    await world.settle();
    assert.equal(asks.length, 1);
    await world.advance(1);
    await act(world, channel);
    await world.settle();
    assert.deepEqual([asks.length, asks[0]?.signal.aborted, world.socket.protocols[1]], [2, true, "bearer.token2"]);
    await world.advance(5_000);
    await act(world, channel);
    await world.settle();
    assert.deepEqual([asks.length, world.sockets.length], [2, 1]);
  });
}

test("a5_a_renewal_that_never_settles_is_given_up_and_asked_again_on_the_open_connection", async () => {
  const world = new World();
  const { asks, token } = hanging("renew");
  const channel = await world.open({ token }, { expires: world.now + 600_000 });
  const told: unknown[] = [];
  world.socket.onText = (text) => {
    const frame = text === "ping" ? null : (JSON.parse(text) as Frame);
    if (frame) told.push(frame["token"]);
    queueMicrotask(() => void (frame ? world.socket.say(ack(frame)) : world.socket.text("pong")));
  };
  await world.advance(600_000 - 1);
  assert.deepEqual(
    asks.map(({ reason }) => reason),
    ["join", "renew", "renew"],
  );
  assert.equal(asks[1]?.signal.aborted, true);
  assert.deepEqual([told, channel.connection.state], [["token3"], "open"]);
});

test("a_join_does_not_wait_for_a_renewal_that_hangs", async () => {
  const world = new World();
  const { asks, token } = hanging("renew");
  const channel = await world.open({ token }, { expires: world.now + 10_000 });
  await world.advance(15_000);
  assert.equal(asks.length, 2);
  await world.socket.say({ type: "bye", code: 4300, reason: "token_expired" });
  await world.advance(200);
  assert.deepEqual([asks.length, asks[2]?.reason, world.socket.protocols[1]], [3, "refused", "bearer.token3"]);
  assert.equal(channel.connection.state, "joining");
});

for (const nothing of [undefined, "", 7, {}, Number.NaN]) {
  test(`a_token_function_that_gives_${String(nothing) || 'an_empty_text'}_is_told_so_and_asked_again`, async () => {
    const world = new World();
    let asked = 0;
    const channel = await world.joining({ token: () => (asked++ ? "good" : (nothing as string)) });
    assert.deepEqual([channel.connection.state, world.sockets.length], ["waiting", 0]);
    assert.match(channel.connection.error?.message ?? "", /The token function gave \w+, where a token or null is wanted/);
    await world.reconnected();
    assert.equal(world.socket.protocols[1], "bearer.good");
    await world.socket.say(welcomeOf());
    const bad = outcome(channel.signIn(() => nothing as string));
    await world.settle();
    assert.deepEqual([bad.state, world.socket.heard()], ["failed", []]);
  });
}
