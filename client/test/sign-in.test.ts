import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenAsk } from "../src/index.ts";
import { World, outcome, welcomeOf } from "./support/world.ts";
import { source, guest, ack, refused, tokenOfReturn } from "./support/tokens.ts";

test("a7_a_guest_signs_in_on_the_open_socket_and_is_welcomed_in_full", async () => {
  const world = new World();
  const channel = world.connect("door:hall", { position: { epoch: "e1", seq: 3 } });
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
  const channel = world.connect("door:hall", {});
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
