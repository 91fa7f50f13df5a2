import assert from "node:assert/strict";
import { test } from "node:test";
import { ack, messageOf, outcome, own, refused, welcomeOf, World } from "./support/world.ts";

test("once_hears_one_and_off_ends_the_listening_of_a_listener_wherever_it_listens", async () => {
  const world = new World();
  const channel = await world.open();
  const told: unknown[] = [];
  const listener = ({ seq }: { readonly seq?: number }): unknown => told.push(seq);
  channel.once("say", ({ seq }) => told.push(`once ${seq}`));
  channel.once("typing", listener);
  channel.on("say", listener);
  channel.on("*", listener);
  await world.socket.say(messageOf(1), messageOf(2));
  assert.deepEqual(told, ["once 1", 1, 1, 2, 2]);
  channel.off(listener);
  await world.socket.say(messageOf(3), { type: "message", event: "typing", data: { on: true }, from: { user: "bob", connection: "b" }, at: 1 });
  assert.equal(told.length, 5);
  const states: unknown[] = [];
  const hear = ({ state }: { readonly state: string }): unknown => states.push(state);
  channel.connection.on("state", hear);
  channel.connection.once("state", hear);
  channel.connection.pause();
  channel.connection.off(hear);
  channel.connection.start();
  assert.deepEqual(states, ["idle", "idle"]);
});

test("presence_has_once_and_off_too", async () => {
  const world = new World();
  const channel = await world.open();
  const told: unknown[] = [];
  const join = (...connections: string[]): object => ({ type: "presence", join: connections.map((connection) => ({ user: "bob", connection })) });
  const hear = ({ connection }: { readonly connection: string }): unknown => told.push(connection);
  channel.presence.once("join", ({ connection }) => told.push(`once ${connection}`));
  channel.presence.on("join", hear);
  await world.socket.say(join("b1", "b2"));
  channel.presence.off(hear);
  await world.socket.say(join("b3"));
  assert.deepEqual(told, ["once b1", "b1", "b2"]);
});

test("when_state_settles_when_it_is_so_and_rejects_where_it_never_will_be", async () => {
  const world = new World();
  const channel = await world.joining();
  const { connection } = channel;
  const left = new AbortController();
  const seen = [outcome(connection.whenState("joining")), outcome(connection.whenState("open")), outcome(connection.whenState("idle", left))];
  await world.settle();
  assert.deepEqual(seen.map(({ state }) => state), ["done", "pending", "pending"]);
  await world.socket.say(welcomeOf());
  left.abort();
  await world.settle();
  assert.deepEqual(seen.map(({ state, error }) => error?.code ?? state), ["done", "done", "aborted"]);
  const [waiting, closed] = [outcome(connection.whenState("waiting")), outcome(connection.whenState("closed"))];
  void channel.close();
  await world.settle();
  assert.deepEqual([waiting.error?.code, closed.state, outcome(connection.whenState("closed")).times], ["closed", "done", 0]);
});

test("d7_an_id_of_the_callers_is_sent_and_told", async () => {
  const world = new World();
  const channel = await world.open();
  const said = outcome(channel.publish("say", { text: "hi" }, { id: "order-17" }));
  await world.settle();
  const frame = world.socket.heardOne();
  assert.equal(frame["id"], "order-17");
  await world.socket.say(own(frame, 1));
  assert.deepEqual(said.value, { id: "order-17", seq: 1, duplicate: undefined, delivered: undefined });
});

test("p1_presence_that_is_set_all_the_time_is_sent_ten_times_a_second", async () => {
  const world = new World();
  const channel = await world.open();
  let sent = 0;
  let last: unknown;
  for (let at = 0; at < 300; at++) {
    void channel.presence.set({ at });
    await world.advance(10);
    for (const frame of world.socket.heard()) {
      sent++;
      last = frame["data"];
      await world.socket.say(ack(frame));
    }
  }
  assert.ok(sent >= 35 && sent <= 41, `${sent} in 3 s`);
  await world.advance(100);
  assert.deepEqual(world.socket.heard().at(-1)?.["data"] ?? last, { at: 299 });
});

test("the_console_is_told_as_much_as_is_asked_for_and_no_token", async (context) => {
  for (const [logLevel, wanted] of [
    ["none", []],
    ["warn", ["warn error", "warn state"]],
    ["info", ["info state", "info state", "warn error", "warn state"]],
    ["debug", ["debug in", "debug out", "info state", "info state", "warn error", "warn state"]],
  ] as const) {
    const lines: unknown[][] = [];
    for (const level of ["debug", "info", "warn"] as const) context.mock.method(console, level, (...what: unknown[]) => lines.push([level, ...what]));
    const world = new World();
    const channel = await world.open({ logLevel, token: async () => "another.secret.of.mine" }, { user: null });
    const signing = channel.signIn("secret.of.mine");
    await world.settle();
    await world.socket.say(ack(world.socket.heardOne()));
    await signing;
    await world.socket.say(refused(undefined, "internal"));
    await world.socket.end(1006);
    context.mock.restoreAll();
    assert.deepEqual([...new Set(lines.map(([level, channelName, what]) => (assert.equal(channelName, "chat:lobby"), `${level} ${what}`)))].sort(), [...new Set(wanted)]);
    assert.doesNotMatch(JSON.stringify(lines), /secret/);
  }
});

test("a_page_that_is_put_aside_lets_its_connection_go_and_comes_back_with_it", async () => {
  const world = new World();
  let page = { left: (): void => {}, back: (): void => {}, watched: false };
  const onPage = (left: () => void, back: () => void): (() => void) => {
    page = { left, back, watched: true };
    return () => (page.watched = false);
  };
  const channel = await world.open({ runtime: { ...world.runtime, onPage } }, { seq: 3 });
  // As every page is shown once.
  page.back();
  assert.equal(channel.connection.state, "open");
  page.left();
  assert.deepEqual([channel.connection.state, world.socket.closedWith], ["idle", 1000]);
  page.back();
  await world.settle();
  assert.equal(channel.connection.state, "joining");
  assert.equal(world.socket.url.searchParams.get("after"), "3");
  channel.connection.pause();
  page.left();
  page.back();
  assert.equal(channel.connection.state, "idle", "what the app has paused stays so");
  void channel.close();
  assert.equal(page.watched, false);
});
