import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { platform } from "../src/runtime.ts";
import { World, jwt, messageOf, outcome, refused, say, welcomeOf } from "./support/world.ts";

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

const steps = [
  ["back_two_hours", -2 * HOUR],
  ["ahead_two_hours", 2 * HOUR],
  ["back_forty_days", -40 * DAY],
  ["ahead_forty_days", 40 * DAY],
] as const;

for (const [name, step] of steps) {
  test(`r6_a_clock_set_${name}_changes_no_ping`, async () => {
    const world = new World();
    const channel = await world.open();
    const rtts: number[] = [];
    channel.connection.on("rtt", (ms) => rtts.push(ms));
    await world.advance(5_000);
    world.deviceAhead += step;
    await world.advance(19_999);
    assert.deepEqual(world.socket.texts, []);
    await world.advance(1);
    assert.deepEqual(world.socket.texts, ["ping"]);
    world.deviceAhead += step;
    await world.advance(40);
    await world.socket.text("pong");
    assert.deepEqual(rtts, [40]);
  });

  test(`r5_a_clock_set_${name}_holds_up_neither_history_nor_a_paced_publish`, async () => {
    const world = new World();
    const channel = await world.open({}, { limits: { frame_bytes: 65_536, batch: 100, per_second: 2, burst: 1 } });
    const pages = [outcome(channel.history()), outcome(channel.history())];
    say(channel, "a", "b");
    await world.settle();
    for (const frame of world.socket.heard()) {
      if (frame.type === "history") await world.socket.say({ type: "history", id: frame["id"], messages: [], more: false });
      else await world.socket.say(refused(frame, "rate_limited", { retry_after: 300 }));
    }
    world.deviceAhead += step;
    await world.advance(600);
    const types = world.socket.heard().map(({ type }) => type);
    assert.deepEqual(types.sort(), ["history", "publish"]);
    assert.equal(pages[0]?.state, "done");
  });

  test(`a_wait_that_is_cut_short_after_the_clock_was_set_${name}_is_cut_short`, async () => {
    const world = new World();
    world.random = 1;
    const channel = await world.open();
    await world.socket.say({ type: "bye", code: 4100, reason: "over_capacity", retry_after: 2_000 });
    world.deviceAhead += step;
    await world.advance(1_000);
    assert.equal(channel.connection.state, "waiting");
    await world.wake();
    await world.advance(1_000);
    assert.equal(channel.connection.state, "joining");
  });
}

test("the_token_function_is_asked_once_however_far_ahead_the_clock_is_while_the_service_is_away", async () => {
  const world = new World();
  world.deviceAhead = 5 * HOUR;
  const asked: string[] = [];
  await world.joining({
    token: ({ reason }) => {
      asked.push(reason);
      return jwt({ sub: "ann", exp: (world.now + HOUR) / 1_000 });
    },
  });
  for (let attempt = 0; attempt < 5; attempt++) {
    await world.socket.end(1006);
    await world.reconnected();
  }
  assert.deepEqual(asked, ["join"]);
  // One that has run out meanwhile is the service's to refuse.
  await world.socket.say({ type: "bye", code: 4300, reason: "token_expired" });
  await world.reconnected();
  assert.deepEqual(asked, ["join", "refused"]);
});

test("a_wait_longer_than_a_timer_holds_does_not_end_at_once", async () => {
  const world = new World();
  const channel = await world.open();
  await world.socket.say({ type: "bye", code: 4100, reason: "over_capacity", retry_after: 30 * DAY });
  await world.advance(HOUR);
  assert.deepEqual([channel.connection.state, world.sockets.length], ["waiting", 1]);
  const other = new World();
  const busy = await other.open();
  const page = outcome(busy.history());
  await other.settle();
  await other.socket.say(refused(other.socket.heardOne(), "rate_limited", { retry_after: 30 * DAY }));
  await other.advance(10_000);
  assert.deepEqual([other.socket.heard(), page.state], [[], "pending"]);
});

test("the_platforms_clock_is_not_the_one_that_people_set", () => {
  const before = platform.now();
  mock.timers.enable({ apis: ["Date"], now: 0 });
  const after = platform.now();
  mock.timers.reset();
  assert.ok(after >= before && after - before < MINUTE, `${after - before} ms passed`);
});

for (const [name, before] of [["right_after_a_ping", 25_000], ["just_before_its_patience_ends", 34_800]] as const) {
  test(`r6_a_loop_blocked_for_31_s_${name}_reads_what_has_arrived_before_it_gives_up`, async () => {
    const world = new World();
    const channel = await world.open();
    await world.advance(before);
    world.after(100, () => void world.socket.text("pong"));
    await world.block(31_000);
    await world.advance(5_000);
    assert.deepEqual([channel.connection.state, world.sockets.length], ["open", 1]);
    // Where nothing has arrived it gives up.
    await world.advance(7_000);
    assert.equal(channel.connection.state, "joining");
  });
}

test("a_loop_blocked_while_joining_reads_the_welcome_that_has_arrived", async () => {
  const world = new World();
  const channel = await world.joining();
  await world.advance(100);
  world.after(100, () => void world.socket.say(welcomeOf()));
  world.after(100, () => void world.socket.say(messageOf(1)));
  await world.block(31_000);
  assert.deepEqual([channel.connection.state, channel.position?.seq], ["open", 1]);
  const late = await world.joining();
  await world.block(31_000);
  await world.advance(1_000);
  assert.equal(late.connection.state, "waiting");
});
