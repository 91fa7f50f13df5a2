import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../src/index.ts";
import type { TokenAsk } from "../src/index.ts";
import { World, jwt, outcome, welcomeOf } from "./support/world.ts";
import type { Frame } from "./support/world.ts";

/** A token function that gives tokens of one minute and remembers why it was asked. */
function source(world: World, minutes = 1): { asked: TokenAsk["reason"][]; given: string[]; token: (ask: TokenAsk) => Promise<string> } {
  const seen = {
    asked: [] as TokenAsk["reason"][],
    given: [] as string[],
    async token({ reason }: TokenAsk) {
      seen.asked.push(reason);
      const token = jwt({ sub: "ann", exp: world.now / 1000 + 60 * minutes, n: seen.given.length });
      seen.given.push(token);
      return token;
    },
  };
  return seen;
}

const guest = { type: "welcome", channel: "chat:lobby", connection: "c1", user: null, can: [] };
const ack = (frame: Frame): object => ({ type: "ack", id: frame["id"] });
const refused = (frame: Frame, code: string): object => ({ type: "error", id: frame["id"], code, message: code });

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

test("a7_a_guest_signs_in_on_the_open_socket_and_is_welcomed_in_full", async () => {
  const world = new World();
  const channel = connect("http://service.test", "door:hall", { runtime: world.runtime, position: { epoch: "e1", seq: 3 } });
  const heard: unknown[] = [];
  channel.on("*", ({ seq }) => heard.push(seq));
  await world.settle();
  await world.socket.say(guest);
  const said = outcome(channel.publish("say", { text: "early" }));
  await world.settle();
  assert.deepEqual(world.socket.heard(), []);
  assert.equal(channel.connection.state, "joining");
  const signIn = outcome(channel.signIn("abc"));
  await world.settle();
  const auth = world.socket.heardOne();
  assert.deepEqual([auth["type"], auth["token"]], ["auth", "abc"]);
  await world.socket.say(ack(auth), welcomeOf({ seq: 4, resume: "recovered" }), {
    type: "message",
    seq: 4,
    event: "say",
    data: { text: "x" },
    from: { user: "b", connection: "b1" },
    at: 1,
  });
  assert.deepEqual([signIn.state, channel.connection.state, heard], ["done", "open", [4]]);
  await world.socket.say({ type: "ack", id: world.socket.heardOne()["id"], seq: 5 });
  assert.equal(said.state, "done");
});

test("a7_a_guest_who_never_signs_in_is_told_so", async () => {
  const world = new World();
  const channel = connect("http://service.test", "door:hall", { runtime: world.runtime });
  await world.settle();
  await world.socket.say(guest);
  await world.advance(10_000);
  await world.socket.say({ type: "bye", code: 4300, reason: "no_token" });
  assert.equal((await channel.closed)?.code, "unauthenticated");
});

test("a5_signing_in_anew_on_an_open_connection_keeps_it_and_a_refusal_is_told", async () => {
  const world = new World();
  const channel = await world.open();
  const good = outcome(channel.signIn("new"));
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne()));
  assert.equal(good.state, "done");
  const bad = outcome(channel.signIn("somebody else"));
  await world.settle();
  await world.socket.say(refused(world.socket.heardOne(), "forbidden"));
  assert.equal(bad.error?.code, "forbidden");
  assert.deepEqual([channel.connection.state, world.sockets.length], ["open", 1]);
});

test("a5_signing_in_while_away_is_answered_by_the_next_join_and_when_closed_is_refused", async () => {
  const world = new World();
  const channel = await world.open({ token: "old" });
  await world.socket.end(1006);
  const away = outcome(channel.signIn("new"));
  await world.advance(250);
  assert.equal(away.state, "pending");
  assert.deepEqual(world.socket.protocols, ["dormouse.v1", "bearer.new"]);
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  assert.equal(away.state, "done");
  void channel.close();
  const late = outcome(channel.signIn("newer"));
  await world.settle();
  assert.equal(late.error?.code, "closed");
});

test("signing_in_while_idle_holds_for_the_next_join_and_waits_for_nothing", async () => {
  const world = new World();
  const channel = await world.joining({ token: "old", start: false });
  await channel.signIn("new");
  channel.connection.start();
  await world.settle();
  assert.deepEqual(world.socket.protocols, ["dormouse.v1", "bearer.new"]);
});

/** Comes back after a broken way; tells the token it came with. */
async function tokenOfReturn(world: World): Promise<string | undefined> {
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  return world.socket.protocols[1];
}

for (const code of ["forbidden", "unauthenticated", "internal"] as const) {
  test(`a5_a_sign_in_refused_with_${code}_leaves_the_source_that_was_there`, async () => {
    const world = new World();
    const { asked, given, token } = source(world, 10);
    const channel = await world.open({ token });
    const bad = outcome(channel.signIn("somebody else"));
    await world.settle();
    await world.socket.say(refused(world.socket.heardOne(), code));
    assert.equal(bad.error?.code, code);
    assert.equal(await tokenOfReturn(world), `bearer.${given[0]}`);
    assert.deepEqual([asked, channel.connection.state], [["join"], "open"]);
  });
}

test("a5_a_sign_in_whose_function_fails_leaves_the_source_that_was_there", async () => {
  const world = new World();
  const channel = await world.open({ token: "old" });
  const bad = outcome(channel.signIn(() => Promise.reject(new Error("no way"))));
  const nobody = outcome(channel.signIn(() => null));
  await world.settle();
  assert.deepEqual([bad.state, nobody.error?.code], ["failed", "unauthenticated"]);
  assert.equal(await tokenOfReturn(world), "bearer.old");
});

for (const code of [4003, 4009, 4300]) {
  test(`a5_a_sign_in_while_away_that_the_join_refuses_with_${code}_is_told_and_the_old_source_comes_back`, async () => {
    const world = new World();
    const channel = await world.open({ token: "old" });
    await world.socket.end(1006);
    const away = outcome(channel.signIn("bad"));
    await world.reconnected();
    assert.equal(world.socket.protocols[1], "bearer.bad");
    await world.socket.say({ type: "bye", code, reason: "test" });
    assert.equal(away.state, "failed");
    await world.reconnected();
    assert.equal(world.socket.protocols[1], "bearer.old");
    await world.socket.say(welcomeOf({ resume: "recovered" }));
    assert.equal(channel.connection.state, "open");
  });
}

test("a5_a_sign_in_that_overtakes_a_pending_token_call_joins_at_once_and_is_not_undone_by_it", async () => {
  const world = new World();
  let give: (token: string) => void = () => {};
  const channel = await world.joining({ token: () => new Promise((resolve) => (give = resolve)) });
  const signIn = outcome(channel.signIn("new"));
  await world.settle();
  assert.deepEqual(world.socket.protocols, ["dormouse.v1", "bearer.new"]);
  give("old");
  await world.settle();
  await world.socket.say(welcomeOf());
  assert.deepEqual([signIn.state, world.sockets.length], ["done", 1]);
  assert.equal(await tokenOfReturn(world), "bearer.new");
  assert.equal(channel.connection.state, "open");
});

test("a5_a_sign_in_while_a_socket_opens_joins_anew_with_the_new_token", async () => {
  const world = new World();
  const channel = await world.joining({ token: "old" });
  const first = world.socket;
  const signIn = outcome(channel.signIn("new"));
  await world.settle();
  await first.say(welcomeOf({ user: "old" }));
  assert.equal(channel.connection.state, "joining");
  await world.socket.say(welcomeOf({ user: "new" }));
  assert.deepEqual([signIn.state, channel.connection.user, world.socket.protocols[1]], ["done", "new", "bearer.new"]);
});

test("a5_a_late_answer_of_a_renewal_is_dropped_after_a_sign_in", async () => {
  const world = new World();
  const answers: ((token: string) => void)[] = [];
  const channel = await world.open(
    { token: ({ reason }) => (reason === "join" ? "old" : new Promise((resolve) => answers.push(resolve))) },
    { expires: world.now + 10_000 },
  );
  await world.advance(8_000);
  assert.equal(answers.length, 1);
  const signIn = outcome(channel.signIn("new"));
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne()));
  answers[0]?.("older");
  await world.settle();
  assert.deepEqual([signIn.state, world.socket.heard()], ["done", []]);
  assert.equal(await tokenOfReturn(world), "bearer.new");
});

test("a5_of_two_sign_ins_the_later_holds_whichever_function_answers_first", async () => {
  const world = new World();
  let give: (token: string) => void = () => {};
  const channel = await world.open({ token: "old" });
  const slow = outcome(channel.signIn(() => new Promise((resolve) => (give = resolve))));
  const quick = outcome(channel.signIn("quick"));
  await world.settle();
  assert.equal(slow.error?.code, "aborted");
  await world.socket.say(ack(world.socket.heardOne()));
  give("slow");
  await world.settle();
  assert.deepEqual([quick.state, world.socket.heard()], ["done", []]);
  assert.equal(await tokenOfReturn(world), "bearer.quick");
});

test("a5_one_auth_is_under_way_at_a_time_so_that_a_retried_renewal_does_not_undo_a_sign_in", async () => {
  const world = new World();
  const { token } = source(world, 10);
  const channel = await world.open({ token }, { expires: world.now + 10_000 });
  await world.advance(8_000);
  const renewal = world.socket.heardOne();
  const signIn = outcome(channel.signIn("new"));
  await world.settle();
  assert.deepEqual(world.socket.heard(), []);
  await world.socket.say({ ...refused(renewal, "rate_limited"), retry_after: 1_000 });
  await world.advance(1_000);
  const again = world.socket.heardOne();
  assert.equal(again["id"], renewal["id"]);
  await world.socket.say(ack(again));
  await world.advance(1_000);
  const auth = world.socket.heardOne();
  assert.equal(auth["token"], "new");
  await world.socket.say(ack(auth));
  assert.equal(signIn.state, "done");
  assert.equal(await tokenOfReturn(world), "bearer.new");
});

test("a5_a_sign_in_cut_off_before_its_answer_is_answered_by_the_next_join", async () => {
  const world = new World();
  const channel = await world.open({ token: "old" });
  const signIn = outcome(channel.signIn("new"));
  await world.settle();
  world.socket.heardOne();
  assert.equal(await tokenOfReturn(world), "bearer.new");
  assert.deepEqual([signIn.state, channel.connection.state], ["done", "open"]);
});

test("a5_a_sign_in_that_nobody_answered_ends_with_the_channel", async () => {
  const world = new World();
  const channel = await world.open({ token: "old" });
  const signIn = outcome(channel.signIn("new"));
  await world.settle();
  void channel.close();
  await world.settle();
  assert.deepEqual([signIn.error?.code, signIn.times], ["closed", 1]);
});

/** A token function whose first answer to `reason` never comes; what it was called with. */
function hanging(reason: TokenAsk["reason"]): { asks: TokenAsk[]; token: (ask: TokenAsk) => Promise<string> } {
  const asks: TokenAsk[] = [];
  return {
    asks,
    token(ask) {
      asks.push(ask);
      const hangs = ask.reason === reason && asks.filter((other) => other.reason === reason).length === 1;
      return hangs ? new Promise(() => {}) : Promise.resolve(`token${asks.length}`);
    },
  };
}

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

test("a_sign_in_whose_token_cannot_stand_in_a_handshake_is_told_and_the_old_source_comes_back", async () => {
  const world = new World();
  const { socket } = world.runtime;
  const runtime = {
    ...world.runtime,
    socket: (url: string, protocols: string[]) => {
      if (protocols[1]?.includes(" ")) throw new SyntaxError("bad protocol");
      return socket(url, protocols);
    },
  };
  const channel = await world.open({ token: "old", runtime });
  await world.socket.end(1006);
  const away = outcome(channel.signIn("no token at all"));
  await world.advance(1_000);
  assert.equal(away.error?.code, "protocol");
  assert.deepEqual([world.sockets.length, world.socket.protocols[1]], [2, "bearer.old"]);
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  assert.equal(channel.connection.state, "open");
});

test("a7_a_guest_whose_token_function_hangs_keeps_its_socket_when_the_network_is_back", async () => {
  const world = new World();
  const asks: TokenAsk[] = [];
  const channel = await world.joining({
    token: (ask) => {
      asks.push(ask);
      return asks.length === 1 ? "late" : new Promise(() => {});
    },
  });
  await world.socket.say(guest);
  assert.equal(asks.length, 2);
  await world.advance(6_000);
  await world.wake();
  channel.connection.start();
  await world.settle();
  assert.deepEqual([asks.length, world.sockets.length, world.socket.closedWith, channel.connection.state], [2, 1, undefined, "joining"]);
});

test("a7_a_guest_whose_token_function_fails_once_is_asked_again_before_the_service_sends_it_away", async () => {
  const world = new World();
  let asked = 0;
  await world.joining({
    token: () => {
      if (++asked === 2) throw new Error("endpoint down");
      return `token ${asked}`;
    },
  });
  await world.socket.say(guest);
  assert.deepEqual([asked, world.socket.heard()], [2, []]);
  await world.advance(2_000);
  const auth = world.socket.heardOne();
  assert.deepEqual([auth.type, auth["token"]], ["auth", "token 3"]);
});
