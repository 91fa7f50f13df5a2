import assert from "node:assert/strict";
import { test } from "node:test";
import { source } from "./support/tokens.ts";
import { array, begin, bye, helloOf, inOf, later, open, room, states, welcomed } from "./support/sessions.ts";
import type { Room } from "./support/sessions.ts";
import { World, ack, jwt, messageOf, outcome, own } from "./support/world.ts";
import type { Frame } from "./support/world.ts";

test("m1_one_socket_carries_all_channels_with_the_token_in_its_handshake", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a", "b"]);
  assert.equal(world.sockets.length, 1);
  assert.equal(world.socket.url.href, "ws://service.test/v1/connect");
  assert.deepEqual(world.socket.protocols, ["dormouse.v1", "bearer.token"]);
  assert.deepEqual([session.connection.state, ...states(channels)], ["open", "open", "open"]);
  assert.deepEqual([session.connection.user, session.connection.id, channels[0]?.connection.id], ["ann", "s1", "c of chat:a"]);
});

test("m2_channels_of_one_turn_join_in_one_array_as_soon_as_the_socket_is_open_and_before_hello", async () => {
  const world = new World();
  world.opens = false;
  const session = begin(world);
  room(session, "a");
  session.channel("chat:b", { position: { epoch: "e1", seq: 41 } });
  session.channel("chat:c", { token: "c's" });
  await world.settle();
  assert.deepEqual(world.socket.texts, []);
  world.socket.open();
  await world.settle();
  const joins = array(world.socket).map(({ id, ...join }) => (assert.equal(typeof id, "string"), join));
  assert.deepEqual(joins, [
    { type: "join", channel: "chat:a" },
    { type: "join", channel: "chat:b", epoch: "e1", after: 41 },
    { type: "join", channel: "chat:c", token: "c's" },
  ]);
  await world.socket.say(helloOf());
  assert.deepEqual(world.socket.heard(), []);
  room(session, "d");
  await world.settle();
  assert.equal(world.socket.heardOne()["channel"], "chat:d");
});

test("m2_an_array_has_100_joins_at_most", async () => {
  const world = new World();
  const session = begin(world);
  for (let one = 0; one < 150; one++) room(session, `${one}`);
  await world.settle();
  const texts = world.socket.heardTexts();
  assert.deepEqual(texts.map((text) => (JSON.parse(text) as Frame[]).length), [100, 50]);
});

test("m3_requests_carry_their_channel_and_answers_come_back_to_it", async () => {
  const world = new World();
  const { channels } = await open(world, ["a", "b"]);
  const [a, b] = channels.map((channel) => outcome(channel.publish("say", { text: channel.name }, { id: "the same" })));
  await world.settle();
  const said = world.socket.heard();
  assert.deepEqual(said.map(({ type, channel, id }) => [type, channel, id]), [
    ["publish", "chat:a", "the same"],
    ["publish", "chat:b", "the same"],
  ]);
  await world.socket.say(inOf("chat:b", own(said[1], 1, "c of chat:b")));
  assert.deepEqual([a?.state, b?.state], ["pending", "done"]);
  await world.socket.say(inOf("chat:a", own(said[0], 1, "c of chat:a")));
  assert.equal(a?.state, "done");
});

test("m4_a_bye_in_a_channel_ends_that_channel_alone", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a", "b"]);
  await world.socket.say(bye("chat:a", 4003));
  assert.equal((await channels[0]?.closed)?.code, "forbidden");
  assert.deepEqual([session.connection.state, ...states(channels)], ["open", "closed", "open"]);
  await world.advance(20_000);
  assert.deepEqual(world.socket.heard(), [], "it neither leaves nor joins");
  assert.equal(world.sockets.length, 1);
});

for (const [code, wait] of [[4100, 500], [4200, 200]] as const)
  test(`m4_a_bye_${code}_in_a_channel_has_it_join_again_alone_with_its_position`, async () => {
    const world = new World();
    world.random = 1;
    const { channels } = await open(world, ["a", "b"]);
    await world.socket.say(inOf("chat:a", messageOf(1)), bye("chat:a", code, { retry_after: 1_000 }));
    assert.deepEqual(states(channels), ["waiting", "open"]);
    await world.advance(1_000 + wait - 1);
    assert.deepEqual(world.socket.heard(), []);
    await world.advance(1);
    const { id: _, ...join } = world.socket.heardOne();
    assert.deepEqual(join, { type: "join", channel: "chat:a", epoch: "e1", after: 1, connection: "c of chat:a" });
    await world.socket.say(welcomed("chat:a", { seq: 1, resume: "recovered" }));
    assert.deepEqual([...states(channels), world.sockets.length], ["open", "open", 1]);
  });

test("m4_a_bye_4400_in_a_channel_has_it_join_without_its_position", async () => {
  const world = new World();
  await open(world, ["a"]);
  await world.socket.say(bye("chat:a", 4400));
  await world.advance(200);
  assert.equal("epoch" in world.socket.heardOne(), false);
});

test("m4_a_bye_4300_in_channels_has_the_session_renew_its_token_once_and_they_join_again_once", async () => {
  const world = new World();
  const asked: string[] = [];
  const { session, channels } = await open(world, ["a", "b"], { token: ({ reason }) => (asked.push(reason), `t${asked.length}`) });
  await world.socket.say(bye("chat:a", 4300), bye("chat:b", 4300));
  await world.advance(200);
  const auth = world.socket.heardOne();
  assert.deepEqual([auth.type, auth["token"], auth["channel"], asked], ["auth", "t2", undefined, ["join", "refused"]]);
  await world.socket.say(ack(auth));
  const joins = world.socket.heard();
  assert.deepEqual(joins.map(({ type, channel }) => [type, channel]), [["join", "chat:a"], ["join", "chat:b"]]);
  await world.socket.say(welcomed("chat:a"), bye("chat:b", 4300));
  assert.deepEqual([session.connection.state, ...states(channels), channels[1]?.connection.error?.code], ["open", "open", "closed", "unauthenticated"]);
});

test("m4_a_bare_bye_ends_the_connection_with_all_its_channels_which_come_back_in_one_array", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a", "b", "c"]);
  await world.socket.say(inOf("chat:b", messageOf(1), messageOf(2)));
  const waits: unknown[] = [];
  for (const { connection } of [session, ...channels]) connection.on("state", ({ state, retryIn }) => waits.push([state, retryIn]));
  world.opens = false;
  await world.socket.say({ type: "bye", code: 4100, reason: "over_capacity", retry_after: 1_000 });
  assert.deepEqual(waits.splice(0), Array.from({ length: 4 }, () => ["waiting", 1_250]));
  await world.reconnected();
  assert.deepEqual(waits.splice(0), Array.from({ length: 4 }, () => ["joining", undefined]));
  world.socket.open();
  await world.settle();
  const joins = array(world.socket);
  assert.deepEqual(joins.map(({ channel, after, connection }) => [channel, after, connection]), [
    ["chat:a", 0, "c of chat:a"],
    ["chat:b", 2, "c of chat:b"],
    ["chat:c", 0, "c of chat:c"],
  ]);
  await world.socket.say(helloOf());
  await world.socket.say(welcomed("chat:c", { resume: "recovered" }));
  assert.deepEqual([session.connection.state, ...states(channels)], ["open", "joining", "joining", "open"]);
});

test("d7_what_was_unanswered_when_the_connection_broke_is_said_again_by_its_channel", async () => {
  const world = new World();
  const { channels } = await open(world, ["a", "b"]);
  const said = outcome((channels[1] as Room).publish("say", { text: "x" }));
  await world.settle();
  const { id } = world.socket.heardOne();
  await world.socket.end(1006);
  await world.reconnected();
  world.socket.heard();
  await world.socket.say(helloOf());
  await world.socket.say(welcomed("chat:a", { resume: "recovered" }));
  assert.deepEqual(world.socket.heard(), []);
  await world.socket.say(welcomed("chat:b", { resume: "recovered" }));
  const again = world.socket.heardOne();
  assert.deepEqual([again["id"], again["channel"]], [id, "chat:b"]);
  await world.socket.say(inOf("chat:b", own(again, 1, "c of chat:b")));
  assert.equal(said.state, "done");
});

test("a5_the_token_is_renewed_once_for_all_channels", async () => {
  const world = new World();
  const tokens = source(world);
  const session = begin(world, { token: tokens.token });
  const channels = ["a", "b"].map((name) => room(session, name));
  await world.settle();
  const expires = world.now + 60_000;
  await world.socket.say(helloOf({ expires }));
  for (const { name } of channels) await world.socket.say(welcomed(name, { expires }));
  world.socket.heard();
  await later(world, 46_000);
  const auth = world.socket.heardOne();
  assert.deepEqual([tokens.asked, auth.type, auth["channel"], auth["token"]], [["join", "renew"], "auth", undefined, tokens.given[1]]);
  await world.socket.say(ack(auth));
  await world.socket.end(1006);
  await world.reconnected();
  assert.equal(world.socket.protocols[1], `bearer.${tokens.given[1]}`);
});

test("a5_a_channel_with_a_token_of_its_own_renews_it_by_itself", async () => {
  const world = new World();
  const session = begin(world);
  const tokens = source(world);
  session.channel("chat:a", { token: tokens.token });
  await world.settle();
  assert.equal(world.socket.heardOne()["token"], tokens.given[0]);
  await world.socket.say(helloOf());
  await world.socket.say(welcomed("chat:a", { expires: world.now + 60_000 }));
  await later(world, 46_000);
  const auth = world.socket.heardOne();
  assert.deepEqual([auth.type, auth["channel"], auth["token"]], ["auth", "chat:a", tokens.given[1]]);
  await world.socket.say(inOf("chat:a", ack(auth)));
});

test("a5_a_sign_in_of_the_session_is_one_auth_and_one_while_it_joins_has_all_join_anew", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a", "b"]);
  const signedIn = outcome(session.signIn("another"));
  await world.settle();
  const auth = world.socket.heardOne();
  assert.deepEqual([auth.type, auth["channel"], auth["token"]], ["auth", undefined, "another"]);
  await world.socket.say(ack(auth));
  assert.equal(signedIn.state, "done");
  await world.socket.end(1006);
  await world.reconnected();
  assert.equal(array(world.socket).length, 2);
  const again = outcome(session.signIn("a third"));
  await world.settle();
  assert.deepEqual(world.socket.protocols, ["dormouse.v1", "bearer.a third"]);
  assert.equal(array(world.socket).length, 2);
  await world.socket.say(helloOf());
  for (const { name } of channels) await world.socket.say(welcomed(name, { resume: "recovered" }));
  assert.deepEqual([again.state, ...states(channels)], ["done", "open", "open"]);
});

test("r6_one_heartbeat_for_all_channels", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a", "b"]);
  const rtts: number[] = [];
  session.connection.on("rtt", (ms) => rtts.push(ms));
  await world.advance(25_000);
  assert.deepEqual(world.socket.texts, ["ping"]);
  await world.advance(40);
  await world.socket.text("pong");
  channels[0]?.connection.ping();
  assert.deepEqual([world.socket.texts, rtts], [["ping", "ping"], [40]]);
  await world.advance(10_000);
  assert.deepEqual([session.connection.state, ...states(channels)], ["waiting", "waiting", "waiting"]);
});

test("an_answer_that_never_comes_is_given_up_once_the_connection_has_shown_that_it_lives", async () => {
  const world = new World();
  const { channels } = await open(world, ["a"]);
  const said = outcome((channels[0] as Room).publish("say", { text: "x" }));
  await world.advance(24_000);
  await world.socket.say(inOf("chat:a", messageOf(1)));
  await world.advance(6_000);
  assert.deepEqual([world.socket.texts.filter((text) => text === "ping").length > 0, said.state], [true, "pending"]);
  for (const _ of world.socket.texts.filter((text) => text === "ping")) await world.socket.text("pong");
  assert.equal(said.error?.code, "timeout");
});

test("a_join_that_is_not_answered_in_ten_seconds_is_left_and_tried_again", async () => {
  const world = new World();
  const session = begin(world);
  const channel = room(session, "a");
  await world.settle();
  await world.socket.say(helloOf());
  world.socket.heard();
  await world.advance(10_000);
  const leave = world.socket.heardOne();
  assert.deepEqual([leave.type, channel.connection.state, session.connection.state], ["leave", "waiting", "open"]);
  await world.socket.say(ack(leave));
  await world.advance(1_000);
  assert.equal(world.socket.heardOne().type, "join");
});

test("m1_a_join_beyond_the_limit_is_tried_again_later_and_one_that_is_no_frame_is_not", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a"]);
  const more = ["b", "c", "d"].map((name) => room(session, name));
  await world.settle();
  const [b, c, d] = world.socket.heard();
  await world.socket.say({ type: "error", id: b?.["id"], code: "over_capacity", message: "200 channels", retry_after: 3_000 });
  await world.socket.say({ type: "error", id: c?.["id"], code: "too_large", message: "too large" });
  await world.socket.say({ type: "error", id: d?.["id"], code: "not_found", message: "no such channel" });
  assert.deepEqual(states([...channels, ...more]), ["open", "waiting", "closed", "closed"]);
  assert.deepEqual(more.map(({ connection }) => connection.error?.code), ["offline", "protocol", "not_found"]);
  await world.advance(3_249);
  assert.deepEqual(world.socket.heard(), []);
  await world.advance(1);
  assert.deepEqual(world.socket.heard().map(({ type, channel }) => [type, channel]), [["join", "chat:b"]]);
});

test("m3_a_bare_refusal_goes_to_the_channel_that_waits_for_its_id_and_one_without_an_id_to_the_session", async () => {
  const world = new World();
  const { session, channels } = await open(world, ["a", "b"]);
  const errors: string[] = [];
  session.connection.on("error", ({ code }) => errors.push(code));
  const said = outcome((channels[1] as Room).publish("say", { text: "x" }));
  await world.settle();
  const { id } = world.socket.heardOne();
  await world.socket.say({ type: "error", id: "nobody's", code: "internal", message: "" });
  await world.socket.say({ type: "error", code: "bad_frame", message: "" });
  await world.socket.say({ type: "error", id, code: "bad_frame", message: "" });
  assert.deepEqual([said.error?.code, errors], ["bad_frame", ["bad_frame"]]);
});

test("m3_a_channel_that_the_service_does_not_know_as_joined_joins_again_and_says_it_then", async () => {
  const world = new World();
  const { channels } = await open(world, ["a", "b"]);
  const said = outcome((channels[0] as Room).publish("say", { text: "x" }));
  await world.settle();
  const { id } = world.socket.heardOne();
  await world.socket.say({ type: "error", id, code: "not_found", message: "not joined" });
  assert.deepEqual([said.state, ...states(channels)], ["pending", "waiting", "open"]);
  await world.advance(200);
  assert.equal(world.socket.heardOne().type, "join");
  // One that was asked before is no answer to what will be asked again.
  await world.socket.say({ type: "error", id, code: "not_found", message: "not joined" });
  await world.socket.say(welcomed("chat:a", { resume: "recovered" }));
  const again = world.socket.heardOne();
  assert.equal(again["id"], id);
  await world.socket.say(inOf("chat:a", own(again, 1, "c of chat:a")));
  assert.equal(said.state, "done");
});

test("m6_who_is_behind_at_resumes_and_who_is_there_does_not", async () => {
  const world = new World();
  const { channels } = await open(world, ["a", "b"]);
  const heard: unknown[] = [];
  channels[0]?.on("say", ({ seq }) => heard.push(seq));
  channels[0]?.connection.on("recovered", ({ after, seq }) => heard.push(`recovered ${after}-${seq}`));
  await world.socket.say({ type: "at", channel: "chat:b", epoch: "e1", seq: 0 }, { type: "at", channel: "chat:nobody's", epoch: "e1", seq: 9 });
  assert.deepEqual(world.socket.heard(), []);
  await world.socket.say({ type: "at", channel: "chat:a", epoch: "e1", seq: 2 }, { type: "at", channel: "chat:a", epoch: "e1", seq: 2 });
  const resume = world.socket.heardOne();
  assert.deepEqual([resume.type, resume["channel"], resume["epoch"], resume["after"]], ["resume", "chat:a", "e1", 0]);
  await world.socket.say(inOf("chat:a", { type: "resumed", id: resume["id"], resume: "recovered", epoch: "e1", seq: 2 }, messageOf(1), messageOf(2)));
  assert.deepEqual(heard, [1, 2, "recovered 0-2"]);
});

test("m6_another_life_of_the_history_is_told_as_lost_and_gone_on_from", async () => {
  const world = new World();
  const { channels } = await open(world, ["a"]);
  const [channel] = channels as [Room];
  await world.socket.say(inOf("chat:a", ...[1, 2, 3].map((seq) => messageOf(seq))));
  const heard: unknown[] = [];
  channel.on("say", ({ seq }) => heard.push(seq));
  channel.connection.on("lost", ({ after, seq }) => heard.push(`lost ${after}-${seq}`));
  await world.socket.say({ type: "at", channel: "chat:a", epoch: "e2", seq: 1 });
  const resume = world.socket.heardOne();
  assert.deepEqual([resume["epoch"], resume["after"]], ["e1", 3]);
  await world.socket.say(inOf("chat:a", { type: "resumed", id: resume["id"], resume: "lost", epoch: "e2", seq: 1, first: 1 }, messageOf(2)));
  assert.deepEqual([heard, channel.position], [[1, 2, 3, "lost 3-1", 2], { epoch: "e2", seq: 2 }]);
});

test("a_token_that_has_expired_is_not_joined_with", async () => {
  const world = new World();
  const session = begin(world, { token: async () => jwt({ sub: "ann", exp: world.now / 1000 + 60 }) });
  const channel = room(session, "a");
  await world.settle();
  // Nothing but the session asks for one.
  assert.equal("token" in world.socket.heardOne(), false);
  assert.equal(channel.connection.state, "joining");
});
