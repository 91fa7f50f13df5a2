// Two places where the same story can happen: the real service, and the fake one of the client's tests.
import { FakeService } from "../../../client/test/support/service.ts";
import { fair } from "../../../client/test/support/weather.ts";
import { World } from "../../../client/test/support/world.ts";
import { type AnyContract, type Channel, type ConnectOptions, type Runtime, connectWith } from "../../../client/src/index.ts";
import { Proxy } from "./proxy.ts";
import { Service } from "./service.ts";
import { token } from "./tokens.ts";

/** How long anything may take before it counts as not happening, in milliseconds. */
const PATIENCE = 10_000;

/** Where a story happens. */
export interface Place {
  readonly url: string;
  readonly runtime: Partial<Runtime>;
  /** Breaks every connection. */
  cut(): Promise<void>;
  /** Lets time pass until a promise has settled. */
  pass<Value>(promise: Promise<Value>): Promise<Value>;
  stop(): Promise<void>;
}

/** The real service behind a way that can be cut; the client waits a hundredth of what it would. */
export async function real(): Promise<Place> {
  const service = await Service.start();
  const proxy = await Proxy.start(service.url);
  return {
    url: proxy.url,
    runtime: { random: () => Math.random() / 100 },
    cut: () => proxy.make("cut"),
    pass: async (promise) => {
      const late = AbortSignal.timeout(PATIENCE);
      return await Promise.race([promise, new Promise<never>((_, reject) => late.addEventListener("abort", () => reject(late.reason)))]);
    },
    stop: async () => {
      await proxy.stop();
      await service.stop();
    },
  };
}

/** The fake service on a good day, in a time of its own. */
export function fake(): Place {
  const world = new World();
  const service = new FakeService(world, fair);
  return {
    url: "http://service.test",
    runtime: { ...world.runtime, random: () => 0.01, instance: () => Math.random().toString(36).slice(2) },
    cut: async () => service.cut(),
    pass: async (promise) => {
      let settled = false;
      void promise.catch(() => {}).then(() => settled = true);
      for (let passed = 0; !settled && passed < PATIENCE; passed += 10) await world.advance(10);
      if (!settled) throw new Error("it did not happen");
      return await promise;
    },
    stop: async () => {},
  };
}

/** How a member of a story joins. */
export interface Joining extends ConnectOptions {
  readonly can?: readonly string[];
}

/** A member of a story, and everything the application is told of it, without what differs from run to run. */
export class Told {
  readonly channel: Channel;
  readonly messages: string[] = [];
  readonly states: string[] = [];
  readonly members: string[] = [];
  readonly losses: string[] = [];
  readonly answers: string[] = [];
  readonly #place: Place;
  readonly #news = new EventTarget();

  private constructor(place: Place, channel: Channel) {
    this.#place = place;
    this.channel = channel;
    const told = (list: string[], what: string): void => {
      list.push(what);
      this.#news.dispatchEvent(new Event("news"));
    };
    channel.on("*", ({ seq, event, data, from }) => told(this.messages, `${seq ?? "-"} ${event} of ${from.user}: ${JSON.stringify(data).slice(0, 60)}`));
    channel.connection.on("state", ({ state, error }) => told(this.states, error ? `${state} ${error.code}` : state));
    channel.connection.on("lost", ({ after, seq, first }) => told(this.losses, `lost ${after} to ${seq}, held from ${first}`));
    channel.connection.on("recovered", ({ after, seq }) => told(this.losses, `recovered ${after} to ${seq}`));
    channel.connection.on("error", ({ code }) => told(this.losses, code));
    for (const what of ["join", "update", "leave"] as const)
      channel.presence.on(what, ({ user, data }) => told(this.members, `${what} ${user} ${JSON.stringify(data) ?? ""}`));
  }

  /** Connects, and waits for nothing. */
  static async connect(place: Place, name: string, user: string, { can = ["join", "publish", "presence", "history"], ...options }: Joining = {}): Promise<Told> {
    const given = options.token ?? (await token(user, { can: { "**": [...can] } }));
    const runtime = { ...place.runtime, ...options.runtime };
    return new Told(place, connectWith<AnyContract>()(place.url, name, { ...options, token: given, runtime }));
  }

  /** Connects, and waits until it is open. */
  static async join(place: Place, name: string, user: string, options?: Joining): Promise<Told> {
    const told = await Told.connect(place, name, user, options);
    await place.pass(told.channel.opened());
    return told;
  }

  /** Waits for an answer, and keeps what it was. */
  async answer(what: string, promise: Promise<unknown>): Promise<void> {
    const come = this.#place.pass(promise).then(readable, ({ code, message, seq }) => `${code ?? message}${seq === undefined ? "" : ` at ${seq}`}`);
    this.answers.push(`${what}: ${await come}`);
  }

  /** Waits until so many messages, members or losses have been told. */
  async until(list: "messages" | "members" | "losses" | "states", count: number): Promise<void> {
    const come = new Promise<void>((resolve) => {
      const look = (): void => void (this[list].length >= count && resolve());
      this.#news.addEventListener("news", look);
      look();
    });
    await this.#place.pass(come).catch((error: Error) => {
      throw new Error(`${list} are ${JSON.stringify(this[list])}, ${count} were awaited: ${error.message}`);
    });
  }

  /** All that was told; in which order a list names its members is not promised. */
  get all(): object {
    const { messages, states, members, losses, answers } = this;
    return { messages, states, members: members.toSorted(), losses, answers };
  }
}

/** An answer without ids and times. */
function readable(answer: unknown): string {
  return JSON.stringify(answer, (key, value: unknown) => (["id", "at", "connection"].includes(key) ? undefined : value))?.slice(0, 300) ?? "done";
}
