import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import type { TokenAsk } from "../src/index.ts";
import { World, messageOf, outcome, own, say, textsOf, welcomeOf } from "./support/world.ts";
import type { Chat } from "./support/world.ts";

const removed = { type: "bye", code: 4008, reason: "removed" };

/** The way breaks, and cannot be mended at once: whoever has no attempts gives up. */
async function giveUp(world: World, channel: Chat): Promise<void> {
  await world.socket.end(1006);
  await world.advance(500);
  await world.socket.end(1006);
  assert.equal((await channel.closed)?.code, "gave_up");
}

/** A channel that is at 3, hears 4, and gives up. */
async function givenUp(world: World, options: Parameters<World["open"]>[0] = {}): Promise<Chat> {
  const channel = await world.open({ maxAttempts: 0, ...options }, { seq: 3 });
  await world.socket.say(messageOf(4));
  await giveUp(world, channel);
  return channel;
}

test("d4_reconnect_goes_on_where_it_was_with_the_listeners_it_had", async () => {
  const world = new World();
  const channel = await world.open({ maxAttempts: 0 }, { seq: 3 });
  const heard: unknown[] = [];
  channel.on("say", ({ seq }) => heard.push(seq));
  channel.connection.on("state", ({ state }) => heard.push(state));
  channel.presence.on("join", ({ user }) => heard.push(user));
  await world.socket.say(messageOf(4));
  await giveUp(world, channel);
  const back = outcome(channel.reconnect());
  await world.advance(0);
  const { searchParams } = world.socket.url;
  assert.deepEqual([searchParams.get("after"), searchParams.get("epoch"), searchParams.get("connection")], ["4", "e1", "c1"]);
  assert.equal(back.state, "pending");
  await world.socket.say(welcomeOf({ seq: 5, resume: "recovered", members: [{ user: "bob", connection: "b1" }] }), messageOf(5));
  assert.equal(back.state, "done");
  assert.deepEqual(heard, [4, "waiting", "joining", "waiting", "closed", "waiting", "joining", "bob", "open", 5]);
});

test("d7_what_was_unanswered_is_rejected_by_the_end_and_not_sent_again", async () => {
  const world = new World();
  const channel = await world.open({ maxAttempts: 0 });
  const [before] = say(channel, "before");
  await world.settle();
  await giveUp(world, channel);
  const [between] = say(channel, "between");
  await world.settle();
  assert.deepEqual([before?.error?.code, between?.error?.code], ["gave_up", "gave_up"]);
  void channel.reconnect();
  const [after] = say(channel, "after");
  await world.advance(0);
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  const frames = world.socket.heard();
  assert.deepEqual(textsOf(frames), ["after"]);
  await world.socket.say(own(frames[0], 1));
  assert.deepEqual([after?.state, before?.times, between?.times], ["done", 1, 1]);
});

for (const resume of ["recovered", "lost"] as const)
  for (const when of ["before", "after"] as const)
    test(`d7_what_is_sent_again_${when}_the_welcome_is_in_doubt_as_it_was_before_the_end_and_${resume}`, async () => {
      const world = new World();
      const channel = await world.open({ maxAttempts: 0 });
      for (const id of ["order-17", "order-18"]) void channel.timeline.send("say", { text: id }, { id });
      await world.settle();
      const sent = world.socket.heard();
      await giveUp(world, channel);
      // Longer than the service knows an id.
      await world.advance(660_000);
      void channel.reconnect();
      const retry = (): void => channel.timeline.getSnapshot().messages.forEach((entry) => channel.timeline.retry(entry));
      if (when === "before") retry();
      await world.advance(0);
      await world.socket.say(welcomeOf({ seq: 2, resume, now: world.now, expires: null }));
      assert.deepEqual(world.socket.heard(), [], "nothing is sent before the replay has told what was said");
      if (resume === "recovered") await world.socket.say(own(sent[1], 1), messageOf(2));
      if (when === "after") retry();
      await world.settle();
      const again = world.socket.heard().filter(({ type }) => type === "publish");
      const unsent = channel.timeline.getSnapshot().messages.filter(({ status }) => status !== "kept");
      const shown = unsent.map((entry) => (entry.status === "failed" ? entry.error.code : entry.status));
      const wanted = resume === "recovered" ? [["order-17"], ["sending"]] : [[], ["timeout", "timeout"]];
      assert.deepEqual([again.map(({ id }) => id), shown], wanted);
    });

test("a5_reconnect_asks_for_another_token_and_gives_it_one_chance", async () => {
  const world = new World();
  const asked: TokenAsk[] = [];
  const channel = await world.open({ token: (ask) => (asked.push(ask), `t${asked.length}`) });
  for (const code of [4003, 4009]) {
    await world.socket.say({ type: "bye", code, reason: "no" });
    if (code === 4009) {
      // The one in use is worth one new one.
      await world.advance(500);
      await world.socket.say({ type: "bye", code, reason: "no" });
    }
    assert.equal(channel.connection.state, "closed");
    const back = outcome(channel.reconnect());
    await world.advance(0);
    await world.socket.say({ type: "bye", code: 4009, reason: "no" });
    assert.deepEqual([back.error?.code, channel.connection.state], ["unauthenticated", "closed"]);
    void channel.reconnect();
    await world.advance(0);
    await world.socket.say(welcomeOf({ resume: "recovered" }));
    assert.equal(channel.connection.state, "open");
  }
  assert.deepEqual(asked.map(({ reason, signal }) => [reason, signal.aborted]), [
    ["join", false],
    ...Array.from({ length: 5 }, () => ["refused", false]),
  ]);
});

test("a5_a_token_that_is_asked_for_after_reconnect_is_given_up_by_close", async () => {
  const world = new World();
  const asked: TokenAsk[] = [];
  const channel = await world.open({ token: (ask) => (asked.push(ask), asked.length > 1 ? new Promise(() => {}) : "t") });
  await world.socket.say(removed);
  void channel.reconnect();
  await world.advance(0);
  void channel.close();
  assert.deepEqual(asked.map(({ signal }) => signal.aborted), [false, true]);
});

test("a5_a_sign_in_after_reconnect_is_who_joins", async () => {
  const world = new World();
  let asked = 0;
  const channel = await world.joining({ token: () => (asked++, null) });
  assert.equal(channel.connection.error?.code, "unauthenticated");
  void channel.reconnect();
  const signedIn = outcome(channel.signIn("ann's"));
  await world.advance(0);
  assert.deepEqual([asked, world.socket.protocols], [1, ["dormouse.v1", "bearer.ann's"]]);
  await world.socket.say(welcomeOf());
  assert.equal(signedIn.state, "done");
});

test("closed_is_another_promise_after_reconnect_and_the_old_one_stays_as_it_was", async () => {
  const world = new World();
  const channel = await givenUp(world);
  const first = channel.closed;
  void channel.reconnect();
  await world.advance(0);
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  const second = outcome(channel.closed);
  await world.settle();
  assert.equal(second.state, "pending");
  await world.socket.say(removed);
  assert.deepEqual([second.value?.code, (await first)?.code], ["removed", "gave_up"]);
});

test("reconnect_counts_attempts_anew_and_waits_as_at_first", async () => {
  const world = new World();
  const channel = await world.joining({ maxAttempts: 2 });
  const waits: unknown[] = [];
  channel.connection.on("state", ({ state, error, retryIn }) => void (retryIn !== undefined && waits.push(retryIn), state === "closed" && waits.push(error?.code)));
  const breakAll = async (): Promise<void> => {
    await world.socket.end(1006);
    while (channel.connection.state !== "closed") {
      await world.reconnected();
      await world.socket.end(1006);
    }
  };
  await breakAll();
  const back = outcome(channel.reconnect());
  await world.advance(0);
  await breakAll();
  assert.equal(back.error?.code, "gave_up");
  assert.deepEqual(waits, [250, 500, 1_000, "gave_up", 250, 500, 1_000, "gave_up"]);
});

test("r3_reconnect_does_not_come_before_retry_after", async () => {
  const world = new World();
  const channel = await world.joining({ maxAttempts: 0 });
  await world.socket.say({ type: "bye", code: 4100, reason: "over_capacity", retry_after: 5_000 });
  assert.equal(channel.connection.error?.code, "gave_up");
  void channel.reconnect();
  await world.advance(4_999);
  assert.deepEqual([channel.connection.state, world.sockets.length], ["waiting", 1]);
  await world.advance(1);
  assert.deepEqual([channel.connection.state, world.sockets.length], ["joining", 2]);
});

test("reconnect_called_as_the_end_is_told_takes_it_up_again", async () => {
  const world = new World();
  const channel = await world.open({ history: 3 }, { seq: 0 });
  let back: ReturnType<typeof outcome<void>> | undefined;
  channel.connection.once("state", ({ state }) => {
    assert.equal(state, "closed");
    back = outcome(channel.reconnect());
  });
  await world.socket.say(removed);
  await world.advance(0);
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  assert.deepEqual([back?.state, channel.connection.state], ["done", "open"]);
});

test("reconnect_of_what_is_not_over_is_start", async () => {
  const world = new World();
  const channel = await world.joining({ start: false });
  const back = outcome(channel.reconnect());
  await world.settle();
  await world.socket.say(welcomeOf());
  await channel.reconnect();
  assert.deepEqual([back.state, world.sockets.length], ["done", 1]);
});

for (const [name, close] of [
  ["by_close", (channel: Chat) => channel.close()],
  ["by_its_signal", (_: Chat, left: AbortController) => left.abort()],
] as const)
  for (const given of ["open", "over"] as const)
    test(`what_was_${given}_and_the_app_closed_${name}_stays_closed_and_holds_nothing`, async () => {
      const world = new World();
      const left = new AbortController();
      const channel = given === "over" ? await givenUp(world, { signal: left.signal }) : await world.open({ signal: left.signal });
      channel.on("say", () => {}, { signal: left.signal });
      const sockets = world.sockets.length;
      void close(channel, left);
      if (given === "open") await world.socket.end(1000);
      const back = outcome(channel.reconnect());
      await world.advance(60_000);
      assert.deepEqual([channel.connection.state, world.sockets.length, world.wakers, world.armed], ["closed", sockets, 0, 0]);
      assert.match(back.error?.code ?? "", /^(closed|aborted)$/);
      assert.deepEqual(getEventListeners(left.signal, "abort"), []);
    });

test("what_is_over_leaves_no_timer_and_hears_of_the_network_again_after_reconnect", async () => {
  const world = new World();
  const channel = await givenUp(world);
  assert.deepEqual([world.armed, world.wakers], [0, 0]);
  void channel.reconnect();
  await world.advance(0);
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  await world.wake();
  assert.deepEqual([world.wakers, world.socket.texts], [1, ["ping"]]);
});

test("presence_that_was_set_is_said_again_to_those_who_are_met_after_reconnect", async () => {
  const world = new World();
  const channel = await world.open();
  const set = outcome(channel.presence.set({ busy: true }));
  await world.settle();
  await world.socket.say({ type: "ack", id: world.socket.heardOne()["id"] });
  assert.equal(set.state, "done");
  await world.socket.say(removed);
  void channel.reconnect();
  await world.advance(0);
  await world.socket.say(welcomeOf({ connection: "c2", resume: "recovered" }));
  assert.deepEqual(world.socket.heardOne()["data"], { busy: true });
});
