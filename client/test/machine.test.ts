import assert from "node:assert/strict";
import { test } from "node:test";
import { TABLE } from "../src/machine.ts";
import type { Happening, State } from "../src/machine.ts";
import { World, welcomeOf } from "./support/world.ts";
import type { Chat } from "./support/world.ts";

const token = async (): Promise<string> => "abc";

/** How a state is reached. */
const REACH: Record<State, (world: World) => Promise<Chat>> = {
  idle: (world) => world.joining({ token, start: false }),
  joining: (world) => world.joining({ token }),
  open: (world) => world.open({ token }),
  async waiting(world) {
    const channel = await world.joining({ token, maxAttempts: 1 });
    await world.socket.end(1006);
    return channel;
  },
  async closed(world) {
    const channel = await world.open({ token });
    await world.socket.say({ type: "bye", code: 4008, reason: "removed" });
    return channel;
  },
};

interface Given {
  readonly world: World;
  readonly channel: Chat;
}

const bye =
  (code: number) =>
  ({ world }: Given): Promise<void> =>
    world.socket.say({ type: "bye", code, reason: "test" });

/** What brings each happening about, from outside: through the app's calls, the fake service or the clock. */
const CAUSE: Record<Happening, (given: Given) => unknown> = {
  start: ({ channel }) => channel.connection.start(),
  pause: ({ channel }) => channel.connection.pause(),
  close: ({ channel }) => void channel.close(),
  reconnect: ({ channel }) => void channel.reconnect(),
  source: ({ channel }) => void channel.signIn("another").catch(() => {}),
  token: () => {},
  no_token: () => {},
  guest: ({ world }) => world.socket.say({ type: "welcome", channel: "chat:lobby", connection: "c1", user: null, can: [] }),
  welcome: ({ world }) => world.socket.say(welcomeOf()),
  end_stop: bye(4001),
  end_back_off: bye(4100),
  end_at_once: bye(4200),
  end_new_token: bye(4300),
  end_forget: bye(4400),
  late: ({ world }) => world.advance(10_000),
  silent: ({ world }) => world.advance(35_000),
  due: ({ world }) => world.advance(500),
  wake: ({ world }) => world.wake(),
  offline: ({ world }) => world.offline(),
  give_up: async ({ world }) => {
    await world.advance(500);
    await world.socket.end(1006);
  },
  away: ({ world }) => world.socket.end(1006),
};

/** What is seen of a row besides the state it leads to. */
const SEEN: Partial<Record<`${State} ${Happening}`, (given: Given, before: { sockets: number }) => void>> = {
  "idle start": ({ world }, { sockets }) => assert.equal(world.sockets.length, sockets + 1),
  "open pause": ({ world }) => assert.equal(world.socket.closedWith, 1000),
  "open close": ({ world }) => assert.equal(world.socket.closedWith, 1000),
  "joining pause": ({ world }) => assert.equal(world.socket.closedWith, 1000),
  "joining source": ({ world }, { sockets }) => assert.equal(world.sockets.length, sockets + 1),
  "joining late": ({ world }) => assert.equal(world.socket.closedWith, "none"),
  "open silent": ({ world }) => assert.equal(world.socket.closedWith, "none"),
  "open offline": ({ world }) => assert.deepEqual(world.socket.texts, ["ping"]),
  "open wake": ({ world }) => assert.deepEqual(world.socket.texts, ["ping"]),
  "waiting wake": ({ world }, { sockets }) => assert.equal(world.sockets.length, sockets),
  "open end_at_once": ({ world }) => assert.equal(world.socket.closedWith, 4200),
  "waiting due": ({ world }, { sockets }) => assert.equal(world.sockets.length, sockets + 1),
  "closed close": ({ channel }) => {
    void channel.reconnect();
    assert.equal(channel.connection.state, "closed");
  },
};

/** Rows that cannot be told apart from outside by the last state alone, and are driven in tests of their own below. */
const APART = new Set(["joining token", "joining no_token", "joining wake", "joining start", "waiting wake", "waiting start", "waiting source"]);

const { way } = World;

for (const [state, rows] of Object.entries(TABLE)) {
  for (const [happening, row] of Object.entries(rows)) {
    if (APART.has(`${state} ${happening}`)) continue;
    test(`state_${state}_${happening}_leads_to_${row[0]}`, async () => {
      // The connection that goes away is the one that a channel shares.
      if (happening === "away") World.way = "session";
      const given = await reach(state as State).finally(() => (World.way = way));
      const before = { sockets: given.world.sockets.length };
      await CAUSE[happening as Happening](given);
      await given.world.settle();
      assert.equal(given.channel.connection.state, row[0]);
      SEEN[`${state} ${happening}` as keyof typeof SEEN]?.(given, before);
    });
  }
}

test("state_joining_token_opens_a_socket_only_once_the_token_is_there", async () => {
  const world = new World();
  let give: (token: string) => void = () => {};
  const channel = await world.joining({ token: () => new Promise((resolve) => (give = resolve)) });
  assert.equal(channel.connection.state, "joining");
  assert.equal(world.sockets.length, 0);
  give("abc");
  await world.settle();
  assert.deepEqual(world.socket.protocols, ["dormouse.v1", "bearer.abc"]);
  assert.equal(channel.connection.state, "joining");
});

test("state_joining_no_token_waits_and_asks_again", async () => {
  const world = new World();
  let asked = 0;
  const channel = await world.joining({
    token: async () => {
      if (asked++ === 0) throw new Error("the token endpoint is down");
      return "abc";
    },
  });
  assert.equal(channel.connection.state, "waiting");
  assert.equal(world.sockets.length, 0);
  await world.advance(500);
  assert.equal(channel.connection.state, "joining");
  assert.equal(asked, 2);
  assert.equal(world.sockets.length, 1);
});

for (const happening of ["wake", "start", "source"] as const) {
  test(`state_waiting_${happening}_cuts_the_wait_short`, async () => {
    const given = await reach("waiting");
    await CAUSE[happening](given);
    await given.world.advance(0);
    assert.equal(given.channel.connection.state, "joining");
    assert.equal(given.world.sockets.length, 2);
  });
}

test("state_waiting_wake_does_not_come_before_retry_after", async () => {
  const world = new World();
  const channel = await world.open();
  await world.socket.say({ type: "bye", code: 4100, reason: "over_capacity", retry_after: 5_000 });
  await world.wake();
  await world.advance(4_999);
  assert.equal(channel.connection.state, "waiting");
  await world.advance(1);
  assert.equal(channel.connection.state, "joining");
});

test("state_closed_is_left_by_reconnect_alone", async () => {
  const world = new World();
  const channel = await world.open();
  await world.socket.say({ type: "bye", code: 4008, reason: "removed" });
  channel.connection.start();
  channel.connection.pause();
  await world.wake();
  await world.advance(120_000);
  assert.equal(channel.connection.state, "closed");
  assert.equal(world.sockets.length, 1);
});

test("states_are_observed_with_their_reason_and_the_wait", async () => {
  const world = new World();
  const channel = await world.joining({ start: false });
  const seen: unknown[] = [];
  channel.connection.on("state", ({ state, previous, error, retryIn }) => seen.push([previous, state, error?.code, retryIn]));
  channel.connection.start();
  await world.settle();
  await world.socket.say(welcomeOf());
  await world.socket.end(1006);
  await world.advance(250);
  await world.socket.say({ type: "bye", code: 4003, reason: "forbidden" });
  assert.deepEqual(seen, [
    ["idle", "joining", undefined, undefined],
    ["joining", "open", undefined, undefined],
    ["open", "waiting", "offline", 250],
    ["waiting", "joining", undefined, undefined],
    ["joining", "closed", "forbidden", undefined],
  ]);
  assert.equal((await channel.closed)?.code, "forbidden");
});

test("closed_leaves_no_timer_and_no_listener_behind", async () => {
  const world = new World();
  const channel = await world.open();
  void channel.publish("say", { text: "unanswered" }).catch(() => {});
  await world.settle();
  const closing = channel.close();
  await world.socket.end(1000);
  await closing;
  assert.equal(world.armed, 0);
  assert.equal(world.wakers, 0);
  assert.equal(await channel.closed, null);
});

test("close_is_over_after_two_seconds_where_the_other_side_never_answers", async () => {
  const world = new World();
  const channel = await world.open();
  let over = "no";
  void channel.close().then(() => (over = "yes"));
  await world.advance(1_999);
  assert.equal(over, "no");
  await world.advance(1);
  assert.equal(over, "yes");
});

test("a_socket_that_begins_to_close_from_the_other_side_is_given_two_seconds", async () => {
  const world = new World();
  const channel = await world.open();
  world.socket.readyState = 2;
  void channel.publish("say", { text: "hi" });
  await world.advance(1_999);
  assert.equal(channel.connection.state, "open");
  await world.advance(1);
  assert.equal(channel.connection.state, "waiting");
});

async function reach(state: State): Promise<Given> {
  const world = new World();
  const channel = await REACH[state](world);
  assert.equal(channel.connection.state, state);
  return { world, channel };
}
