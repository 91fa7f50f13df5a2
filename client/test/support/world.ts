import { setImmediate } from "node:timers/promises";
import { platform } from "../../src/runtime.ts";
import type { Runtime } from "../../src/runtime.ts";
import { connect, connectSession } from "../../src/index.ts";
import { Relay } from "./relay.ts";
import { FakeSocket } from "./socket.ts";
import type { Frame } from "./socket.ts";
import type { Channel, ConnectOptions, Session } from "../../src/index.ts";
import type { ChannelOf, Contract, EventName, KnownName } from "../../src/index.ts";

export { FakeSocket } from "./socket.ts";
export type { Frame } from "./socket.ts";
export type Chat = Channel<ChannelOf<Contract, "chat:lobby">>;

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Whether it is the client's own; all others are the network's and the service's. */
  readonly of: "client" | "outside";
}

/** What a runtime's `setTimeout` takes; what is longer it runs at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A clock, a network and a service that do only what the test says. */
export class World {
  /** Whether channels have a connection each, a session each that carries them, with its token or their own, or one for all of a token. */
  static way: "direct" | "session" | "session with the channel's token" | "one session" = "direct";
  /** How much time has passed, in milliseconds from a beginning that means nothing; also the service's clock. */
  now = 1_700_000_000_000;
  /** By how much the clock of the device is ahead; a test steps it both ways. */
  deviceAhead = 0;
  random = 0.5;
  /** Whether sockets open by themselves. */
  opens = true;
  readonly sockets: FakeSocket[] = [];
  /** Called with each socket as it is made, in a turn of its own; a test sets it to have joins answered. */
  onSocket: (socket: FakeSocket) => void = () => {};
  readonly #timers = new Map<number, Timer>();
  readonly #sessions = new Map<unknown, Session<Contract>>();
  readonly #wakers = new Set<() => void>();
  readonly #losers = new Set<() => void>();
  #order = 0;
  #instances = 0;

  readonly runtime: Runtime = ((world: World) => ({
    socket: (url: string, protocols: string[]) => {
      const socket = new FakeSocket(url, protocols);
      if (World.way !== "direct" && socket.url.pathname.endsWith("/v1/connect")) new Relay(world, socket);
      else world.made(socket);
      socket.readyState = 0;
      queueMicrotask(() => world.opens && socket.open());
      return socket;
    },
    now: () => world.#asDevice(() => platform.now()),
    after: (ms: number, run: () => void) => {
      const off = world.#asDevice(() => platform.after(ms, run));
      return () => world.#asDevice(off);
    },
    random: () => world.random,
    instance: () => `me${world.#instances++}`,
    onWake: (woken: () => void, lost: () => void) => {
      world.#wakers.add(woken);
      world.#losers.add(lost);
      return () => void (world.#wakers.delete(woken), world.#losers.delete(lost));
    },
  }))(this);

  /** A socket was made, or in the place of one a share of one. */
  made(socket: FakeSocket): void {
    this.sockets.push(socket);
    queueMicrotask(() => this.onSocket(socket));
  }

  /** The socket made last. */
  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error("No socket was made.");
    return last;
  }

  /** Timers of the client that are armed. */
  get armed(): number {
    return [...this.#timers.values()].filter(({ of }) => of === "client").length;
  }

  /** Who listens to the network's return. */
  get wakers(): number {
    return this.#wakers.size;
  }

  /** Lets everything that is due now happen: promises and what hangs on them, not the clock. */
  async settle(): Promise<void> {
    await setImmediate();
  }

  /** Lets time pass, timer by timer. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await this.settle();
    for (;;) {
      let due: Timer | undefined;
      for (const timer of this.#timers.values()) {
        if (timer.at <= end && (!due || timer.at < due.at || (timer.at === due.at && timer.order < due.order))) due = timer;
      }
      if (!due) break;
      this.#timers.delete(due.order);
      this.now = Math.max(this.now, due.at);
      due.run();
      await this.settle();
    }
    this.now = end;
    await this.settle();
  }

  /** Lets time pass until the client opens its next socket. */
  async reconnected(): Promise<void> {
    const before = this.sockets.length;
    for (let waited = 0; this.sockets.length === before; waited += 50) {
      if (waited > 60_000) throw new Error("No socket was opened within a minute.");
      await this.advance(50);
    }
  }

  /** The loop is blocked: time passes and nothing runs; then what is due runs before anything that came meanwhile is read. */
  async block(ms: number): Promise<void> {
    this.now += ms;
    for (const [order, timer] of [...this.#timers]) {
      if (timer.of === "client" || timer.at > this.now) continue;
      this.#timers.delete(order);
      this.after(0, timer.run);
    }
    await this.advance(0);
  }

  /** Does something after so many milliseconds that is no business of the client's: the network's, or the service's. */
  after(ms: number, run: () => void): void {
    this.#arm(ms, run, "outside");
  }

  #arm(ms: number, run: () => void, of: Timer["of"]): () => void {
    const order = this.#order++;
    this.#timers.set(order, { at: this.now + Math.max(0, ms), order, run, of });
    return () => void this.#timers.delete(order);
  }

  /** Runs a part of the client's own platform with the clocks and timers of this world in place of the real ones. */
  #asDevice<Value>(run: () => Value): Value {
    const real = { setTimeout, clearTimeout, dateNow: Date.now, steady: performance.now };
    Date.now = () => this.now + this.deviceAhead;
    performance.now = () => this.now;
    globalThis.setTimeout = ((due: () => void, ms: number) =>
      this.#arm(ms > LONGEST_TIMER_MS ? 1 : ms, due, "client")) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((off: () => void) => off()) as unknown as typeof clearTimeout;
    try {
      return run();
    } finally {
      globalThis.setTimeout = real.setTimeout;
      globalThis.clearTimeout = real.clearTimeout;
      Date.now = real.dateNow;
      performance.now = real.steady;
    }
  }

  /** The network is back, or the page is seen again. */
  async wake(): Promise<void> {
    for (const woken of [...this.#wakers]) woken();
    await this.settle();
  }

  /** The network is gone, as the device tells it. */
  async offline(): Promise<void> {
    for (const lost of [...this.#losers]) lost();
    await this.settle();
  }

  /** A channel that has its first socket, on which nothing was said yet. */
  async joining(options: ConnectOptions<EventName<Contract["chat:*"]>> = {}): Promise<Chat> {
    const channel = this.connect("chat:lobby", { token: "token", ...options });
    await this.settle();
    return channel;
  }

  /** Joins a channel, by a connection or a session of its own. */
  connect<const Name extends string>(
    name: KnownName<Contract, Name>,
    options: ConnectOptions<EventName<ChannelOf<Contract, Name>>>,
  ): Channel<ChannelOf<Contract, Name>> {
    const runtime = { ...this.runtime, ...options.runtime };
    if (World.way === "direct") return connect("http://service.test", name, { ...options, runtime });
    const { token, trace, maxAttempts, runtime: _, ...others } = options;
    const own = World.way === "session with the channel's token";
    const known = World.way === "one session" ? this.#sessions.get(token) : undefined;
    const session = known ?? connectSession("http://service.test", { maxAttempts, trace, runtime, ...(!own && { token }) });
    this.#sessions.set(token, session);
    return session.channel(name, { ...others, maxAttempts, ...(own && { token }) });
  }

  /** A channel that was welcomed. */
  async open(options: ConnectOptions<EventName<Contract["chat:*"]>> = {}, welcome: object = {}): Promise<Chat> {
    const channel = await this.joining(options);
    await this.socket.say(welcomeOf(welcome));
    await this.settle();
    return channel;
  }
}

/** A `welcome` with what a test does not care about filled in. */
export function welcomeOf(fields: object = {}): object {
  return {
    type: "welcome",
    channel: "chat:lobby",
    connection: "c1",
    user: "ann",
    epoch: "e1",
    seq: 0,
    first: 1,
    resume: "fresh",
    expires: 1_700_003_600_000,
    can: ["join", "publish", "presence", "history"],
    members: [],
    limits: { frame_bytes: 65_536, batch: 100, per_second: 20, burst: 40 },
    now: 1_700_000_000_000,
    ...fields,
  };
}

/** A kept message of somebody else. */
export function messageOf(seq: number, fields: object = {}): object {
  return {
    type: "message",
    seq,
    id: `their-${seq}`,
    event: "say",
    data: { text: `m${seq}` },
    from: { user: "bob", connection: "b1" },
    at: 1,
    ...fields,
  };
}

/** What a promise came to: tests look at it without waiting. */
export function outcome<Value>(promise: Promise<Value>): {
  value?: Value;
  error?: Error & { code?: string };
  state: "pending" | "done" | "failed";
  times: number;
} {
  const seen: ReturnType<typeof outcome<Value>> = { state: "pending", times: 0 };
  promise.then(
    (value) => Object.assign(seen, { value, state: "done", times: seen.times + 1 }),
    (error) => Object.assign(seen, { error, state: "failed", times: seen.times + 1 }),
  );
  return seen;
}

/** A token that looks like a JWT and says when it expires; nobody checks it. */
export function jwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256" })}.${part(claims)}.sig`;
}

/** A kept message of this client, which answers its publish. */
export const own = (frame: Frame | undefined, seq: number, connection = "c1"): object => ({
  type: "message",
  seq,
  id: frame?.["id"],
  event: frame?.["event"],
  data: frame?.["data"],
  from: { user: "ann", connection },
  at: 1,
});

/** An `ack` of a request. */
export const ack = (frame: Frame | undefined, fields: object = {}): object => ({ type: "ack", id: frame?.["id"], ...fields });

/** A refusal of a request. */
export const refused = (frame: Frame | undefined, code: string, fields: object = {}): object => ({
  type: "error",
  id: frame?.["id"],
  code,
  message: code,
  ...fields,
});

/** Publishes texts in one turn. */
export const say = (channel: Chat, ...texts: string[]): ReturnType<typeof outcome>[] =>
  texts.map((text) => outcome(channel.publish("say", { text })));

/** The texts in what was published. */
export const textsOf = (frames: readonly Frame[]): unknown[] => frames.map((frame) => (frame["data"] as { text: string }).text);
