import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { connect } from "../src/index.ts";
import type { Lost } from "../src/index.ts";
import { chat } from "../examples/chat.ts";
import { FakeSocket, World, ack, messageOf, outcome, refused, say, welcomeOf } from "./support/world.ts";
import type { Chat } from "./support/world.ts";

/** Collects what the client throws outside of its own work. */
function uncaught(context: TestContext): string[] {
  const seen: string[] = [];
  const { queueMicrotask: real } = globalThis;
  context.mock.method(globalThis, "queueMicrotask", (run: () => void) =>
    real(() => {
      try {
        run();
      } catch (error) {
        seen.push((error as Error).message);
      }
    }),
  );
  return seen;
}

const member = (connection: string): object => ({ user: connection, connection });

/** A channel on which everything that takes a signal was given one. */
async function listening(world: World, signal: AbortSignal): Promise<Chat> {
  const channel = await world.open({ signal });
  channel.on("say", () => {}, { signal });
  channel.on("*", () => {}, { signal });
  channel.connection.on("state", () => {}, { signal });
  channel.presence.on("change", () => {}, { signal });
  channel.messages("say", { signal });
  channel.publish("say", { text: "unanswered" }, { signal }).catch(() => {});
  channel.history({ signal }).catch(() => {});
  return channel;
}

const ENDS: Record<string, (world: World, channel: Chat) => unknown> = {
  by_the_app: (_, channel) => channel.close(),
  by_the_service: (world) => world.socket.say({ type: "bye", code: 4008, reason: "removed" }),
  on_its_way_back: async (world) => {
    await world.socket.end(1006);
    await world.reconnected();
    await world.socket.end(1002);
  },
};

for (const [name, end] of Object.entries(ENDS)) {
  test(`a_channel_closed_${name}_leaves_nothing_on_the_callers_signal`, async () => {
    const world = new World();
    const caller = new AbortController();
    for (let visit = 0; visit < 3; visit++) {
      const channel = await listening(world, caller.signal);
      assert.ok(getEventListeners(caller.signal, "abort").length > 5);
      void end(world, channel);
      await channel.closed;
      // Until then `reconnect` might take it up again.
      void channel.close();
      await world.settle();
      assert.deepEqual(getEventListeners(caller.signal, "abort"), []);
      channel.on("say", () => {}, { signal: caller.signal });
      channel.messages("*", { signal: caller.signal });
      await channel.publish("say", { text: "late" }, { signal: caller.signal }).catch(() => {});
      await channel.signIn("late").catch(() => {});
      assert.deepEqual(getEventListeners(caller.signal, "abort"), []);
    }
    void connect("http://service.test", "chat:lobby", { runtime: world.runtime, signal: AbortSignal.abort() }).closed;
  });
}

test("a_trace_that_throws_is_reported_and_breaks_nothing", async (context) => {
  const seen = uncaught(context);
  const world = new World();
  const channel = await world.open({
    trace: (direction) => {
      throw new Error(direction);
    },
  });
  const heard: unknown[] = [];
  channel.on("say", ({ seq }) => heard.push(seq));
  const [said] = say(channel, "hi");
  await world.settle();
  await world.socket.say(ack(world.socket.heardOne()), messageOf(1));
  assert.deepEqual([channel.connection.state, said?.state, heard], ["open", "done", [1]]);
  await world.advance(25_000);
  await world.socket.text("pong");
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ seq: 1, resume: "recovered" }));
  assert.equal(channel.connection.state, "open");
  assert.deepEqual(seen, ["in", "out", "in", "out", "in", "in"]);
});

test("a_socket_that_throws_as_it_sends_or_closes_is_a_broken_way_and_not_a_half_open_state", async (context) => {
  const seen = uncaught(context);
  const world = new World();
  const channel = await world.open();
  const broken = (): never => {
    throw new Error("the socket is no more");
  };
  Object.assign(world.socket, { send: broken, close: broken });
  const [said] = say(channel, "hi");
  await world.advance(2_000);
  await world.reconnected();
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  await world.socket.say(ack(world.socket.heardOne(), { seq: 1 }));
  assert.deepEqual([channel.connection.state, said?.state, seen], ["open", "done", []]);
});

test("who_is_let_go_within_an_emit_hears_nothing_any_more", async () => {
  const world = new World();
  const channel = await world.open();
  const heard: string[] = [];
  const gone = new AbortController();
  const offs = [channel.on("say", () => leave()), channel.on("say", () => heard.push("off"))];
  channel.on("say", () => heard.push("signal"), { signal: gone.signal });
  channel.on("*", () => heard.push("any"), { signal: gone.signal });
  channel.presence.on("join", () => gone.abort());
  channel.presence.on("join", () => heard.push("join"), { signal: gone.signal });
  channel.on("say", () => heard.push("stays"));
  const leave = (): void => (gone.abort(), offs.forEach((off) => off()));
  await world.socket.say(messageOf(1), { type: "presence", join: [member("b1")] });
  assert.deepEqual(heard, ["stays"]);
});

test("nobody_is_listed_while_away_and_back_again_only_what_changed_is_told", async () => {
  const world = new World();
  const channel = await world.open({}, { members: [member("b1"), member("c1")] });
  const told: string[] = [];
  const { members } = channel.presence;
  channel.presence.on("join", ({ connection }) => told.push(`join ${connection}`));
  channel.presence.on("leave", ({ connection }) => told.push(`leave ${connection}`));
  channel.presence.on("change", ({ size }) => told.push(`${size} here`));
  await world.socket.end(1006);
  assert.deepEqual([members.size, channel.presence.count, told.splice(0)], [0, 0, ["0 here"]]);
  await world.reconnected();
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ resume: "recovered", members: [member("c1"), member("d1")] }));
  assert.deepEqual([[...members.keys()].sort(), told.splice(0)], [["c1", "d1"], ["leave b1", "join d1", "2 here"]]);
  channel.connection.pause();
  assert.deepEqual([members.size, told.splice(0)], [0, ["0 here"]]);
  channel.connection.start();
  await world.settle();
  await world.socket.say(welcomeOf({ resume: "recovered", members: [member("c1"), member("d1")] }));
  assert.deepEqual([members.size, told.splice(0)], [2, ["2 here"]]);
  void channel.close();
  assert.deepEqual([members.size, told], [0, ["0 here"]]);
});

test("a_count_is_none_while_away_and_told_anew", async () => {
  const world = new World();
  const channel = await world.open({}, { members: undefined, count: 1_203 });
  const told: number[] = [];
  channel.presence.on("count", (count) => told.push(count));
  await world.socket.end(1006);
  assert.deepEqual([channel.presence.mode, channel.presence.count, told], ["count", 0, [0]]);
  await world.reconnected();
  await world.socket.say(welcomeOf({ members: undefined, count: 1_200, resume: "recovered" }));
  assert.deepEqual([channel.presence.count, told], [1_200, [0, 1_200]]);
});

test("a_device_that_says_offline_has_its_way_probed_at_once_and_a_wait_is_not_cut_short_by_it", async () => {
  const world = new World();
  const channel = await world.open();
  await world.offline();
  assert.deepEqual(world.socket.texts, ["ping"]);
  await world.socket.text("pong");
  await world.advance(10_000);
  assert.equal(channel.connection.state, "open");
  await world.offline();
  await world.advance(10_000);
  assert.equal(channel.connection.state, "waiting");
  await world.offline();
  await world.advance(0);
  assert.equal(channel.connection.state, "waiting");
  await world.wake();
  await world.advance(0);
  assert.equal(channel.connection.state, "joining");
});

test("max_attempts_counts_failed_attempts_in_a_row_and_no_connection_that_worked", async () => {
  const world = new World();
  const channel = await world.open({ maxAttempts: 2 });
  for (let round = 0; round < 10; round++) {
    await world.socket.end(1006);
    await world.reconnected();
    await world.socket.say(welcomeOf({ resume: "recovered" }));
  }
  assert.equal(channel.connection.state, "open");
  const fail = async (): Promise<void> => {
    await world.reconnected();
    await world.socket.end(1006);
  };
  await world.socket.end(1006);
  await fail();
  await fail();
  assert.equal(channel.connection.state, "waiting");
  channel.connection.pause();
  channel.connection.start();
  await world.settle();
  await world.socket.end(1006);
  await fail();
  assert.equal(channel.connection.state, "waiting");
  await fail();
  assert.equal((await channel.closed)?.code, "gave_up");
});

/** What is said before anybody listens: two messages that were missed, and that they were all. */
const missed = [welcomeOf({ seq: 4, resume: "recovered" }), messageOf(3), messageOf(4)];

test("what_is_told_before_the_first_listener_waits_for_it_in_order", async () => {
  const world = new World();
  const channel = await world.joining({ position: { epoch: "e1", seq: 2 } });
  const opened = channel.opened();
  await world.socket.say(...missed);
  await opened;
  const told: unknown[] = [];
  channel.connection.on("recovered", ({ after, seq }) => told.push(`recovered ${after}-${seq}`));
  channel.on("*", ({ seq }) => told.push(`any ${seq}`));
  channel.on("say", ({ seq }) => told.push(`say ${seq}`));
  await world.socket.say(messageOf(5));
  assert.deepEqual(told, ["any 3", "say 3", "any 4", "say 4", "recovered 2-4", "any 5", "say 5"]);
  channel.on("say", ({ seq }) => told.push(`late ${seq}`));
  await world.settle();
  assert.equal(told.length, 7, "it waits for the first alone");
});

test("what_is_told_before_the_first_listener_waits_for_an_iterator_too_and_for_one_who_comes_after_the_end", async () => {
  const world = new World();
  const position = { epoch: "e1", seq: 2 };
  const [early, late] = [await world.joining({ position }), await world.joining({ position })];
  for (const socket of world.sockets) await socket.say(...missed);
  const reading = early[Symbol.asyncIterator]();
  assert.deepEqual([(await reading.next()).value?.seq, (await reading.next()).value?.seq], [3, 4]);
  void late.close();
  const told: unknown[] = [];
  late.on("say", ({ seq }) => told.push(seq));
  await world.settle();
  assert.deepEqual(told, [3, 4]);
});

test("lost_waits_for_its_first_listener", async () => {
  const world = new World();
  const channel = await world.joining({ position: { epoch: "e0", seq: 9 } });
  channel.on("say", () => {});
  await world.socket.say(welcomeOf({ seq: 4, resume: "lost" }));
  await channel.opened();
  const told: Lost[] = [];
  channel.connection.on("lost", (lost) => told.push(lost));
  await world.settle();
  assert.deepEqual(
    told.map(({ after, seq }) => [after, seq]),
    [[9, 4]],
  );
});

test("of_more_than_a_thousand_messages_that_nobody_listens_to_the_loss_is_told", async () => {
  const world = new World();
  const channel = await world.open();
  const typing = { type: "message", event: "typing", data: { on: true }, from: { user: "bob", connection: "b1" }, at: 1 };
  const hundred = (seq: number): object[] => Array.from({ length: 100 }, (_, at) => messageOf(seq + at));
  for (let seq = 1; seq <= 2_500; seq += 100) await world.socket.say(typing, ...hundred(seq));
  const told: string[] = [];
  channel.connection.on("lost", ({ after, seq }) => told.push(`lost ${after}-${seq}`));
  const heard: number[] = [];
  channel.on("say", ({ seq }) => heard.push(seq ?? 0));
  await world.settle();
  const [first = 0] = heard;
  assert.deepEqual(told, [`lost 0-${first - 1}`]);
  assert.ok(heard.length > 400 && heard.length <= 1_000);
  assert.deepEqual(
    heard,
    heard.map((_, at) => first + at),
  );
  assert.equal(heard.at(-1), 2_500);
});

test("an_app_that_listens_to_no_message_is_told_of_no_loss_until_it_does", async () => {
  const world = new World();
  const channel = await world.open();
  const told: string[] = [];
  channel.connection.on("lost", ({ after, seq }) => told.push(`lost ${after}-${seq}`));
  for (let seq = 1; seq <= 3_000; seq += 100)
    await world.socket.say(...Array.from({ length: 100 }, (_, at) => messageOf(seq + at)));
  await world.settle();
  assert.deepEqual(told, []);
  const heard: number[] = [];
  channel.on("say", ({ seq }) => heard.push(seq ?? 0));
  await world.settle();
  assert.deepEqual(told, [`lost 0-${(heard[0] ?? 0) - 1}`]);
  assert.equal(heard.at(-1), 3_000);
});

/** What Node would end a process for. */
async function unhandled(context: TestContext, run: () => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (error: Error & { code?: string }) => seen.push(error.code ?? error.message));
  context.after(() => {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  });
  await run();
  await new Promise((settle) => setImmediate(settle));
  return seen;
}

test("what_nobody_awaits_may_end_unanswered_where_the_app_closes_and_no_refusal_is_hidden", async (context) => {
  const seen = await unhandled(context, async () => {
    const world = new World();
    const gone = new AbortController();
    for (const [at, channel] of [await world.open(), await world.open({ signal: gone.signal }), await world.joining()].entries()) {
      void channel.publish("say", { text: "sent" });
      await world.settle();
      void channel.publish("say", { text: "queued" });
      void channel.presence.set({ a: 1 });
      void channel.history();
      void channel.signIn("new");
      void channel.opened();
      if (at === 1) gone.abort();
      else void channel.close();
      void channel.publish("say", { text: "late" });
      void channel.signIn("late");
      void channel.opened();
    }
    await world.settle();
  });
  assert.deepEqual(seen, []);
  const told = await unhandled(context, async () => {
    const world = new World();
    const channel = await world.open();
    void channel.publish("say", { text: "" });
    await world.settle();
    await world.socket.say(refused(world.socket.heardOne(), "invalid_data"));
    void channel.publish("say", { text: "hi" });
    await world.socket.say({ type: "bye", code: 4008, reason: "removed" });
  });
  assert.deepEqual(told, ["invalid_data", "removed"]);
});

test("the_readmes_own_handlers_end_no_process_whatever_becomes_of_the_channel", async (context) => {
  const { WebSocket: real } = globalThis;
  context.after(() => (globalThis.WebSocket = real));
  const sockets: FakeSocket[] = [];
  globalThis.WebSocket = class extends FakeSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  } as unknown as typeof WebSocket;
  context.mock.method(console, "log", () => {});
  const world = new World();
  const seen = await unhandled(context, async () => {
    const publish = chat("http://service.test", "lobby", async () => "token");
    await world.settle();
    const [socket] = sockets;
    await socket?.say(welcomeOf({ seq: 3 }));
    const said = outcome(publish("hi"));
    // A gap, and what it leaves cannot be had.
    await socket?.say(messageOf(9));
    const heard = socket?.heard() ?? [];
    const [asked, history] = ["resume", "history"].map((one) => heard.find(({ type }) => type === one));
    assert.ok(history, "the example asks for what was said before");
    await socket?.say(refused(history, "forbidden"));
    await socket?.say({ type: "resumed", id: asked?.["id"], resume: "lost", seq: 9, first: 9 });
    const anew = socket?.heard().find(({ type }) => type === "history");
    assert.ok(anew, "the example asks for what it can show instead");
    await socket?.say(refused(anew, "forbidden"));
    await socket?.say(messageOf(20));
    const again = socket?.heard().find(({ type }) => type === "resume");
    await socket?.say({ type: "resumed", id: again?.["id"], resume: "lost", seq: 20, first: 20 });
    await socket?.say({ type: "bye", code: 4008, reason: "removed" });
    assert.equal(said.error?.code, "removed");
  });
  assert.deepEqual(seen, []);
});
