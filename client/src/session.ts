import { addressOf } from "./address.ts";
import { Channel } from "./channel.ts";
import type { ConnectOptions } from "./channel.ts";
import { Connection } from "./connection.ts";
import type { Contract } from "./contract.ts";
import { Emitter } from "./emitter.ts";
import { refusalOf } from "./errors.ts";
import type { ChannelError } from "./errors.ts";
import type { ChannelEvents, StateChange } from "./events.ts";
import { Joined } from "./joined.ts";
import { Link } from "./link.ts";
import type { LinkEvents, LinkLike } from "./link.ts";
import { logOf } from "./log.ts";
import { CLOSE_MS, NORMAL } from "./numbers.ts";
import type { ConnectionOptions, Host } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { known } from "./protocol.ts";
import type { AnswerFrame, JoinFields, Welcome } from "./protocol.ts";
import { platform } from "./runtime.ts";
import type { Runtime } from "./runtime.ts";
import type { ChannelOf, EventName, KnownName } from "./types.ts";

/** How a connection for many channels is made. */
export interface SessionOptions extends ConnectionOptions, Pick<ConnectOptions, "signal" | "start" | "runtime"> {}

/** How a channel of a session is joined: by the session's token, where it has none of its own. */
export type SessionChannelOptions<Event extends string = never> = Omit<ConnectOptions<Event>, "runtime" | "trace">;

/** A channel that has joined, or asked to, on the connection as it is. */
interface Member {
  readonly name: string;
  /** The id of its join. */
  readonly id: string;
  readonly events: LinkEvents;
  readonly outbox: Outbox;
}

const nothing = (): void => {};

/** One connection that many channels share: one socket, one token, one heartbeat and one way back (M1). */
export class Session<C = Contract> extends Joined {
  readonly connection: Connection;
  readonly #url: string;
  readonly #runtime: Runtime;
  readonly #options: SessionOptions;
  readonly #emitter = new Emitter<ChannelEvents>();
  readonly #outbox: Outbox;
  /** All channels that the app has not closed. */
  readonly #channels = new Map<string, Channel<never>>();
  /** Those that wait for the socket. */
  readonly #away = new Set<Connection>();
  readonly #members = new Map<string, Member>();
  /** The leaves that are not answered yet: what comes of these channels until then is from before. */
  readonly #leaving = new Map<string, Promise<unknown>>();
  /** Settles when the socket can send. */
  #ready!: Promise<void>;
  #go!: () => void;
  #renewal: Promise<void> | undefined;
  #send = (_: string): void => {};
  /** `closed` by the app, and for good. */
  #phase: "open" | "closed" = "open";
  /** What ended it last. */
  #over: ChannelError | undefined;

  constructor(url: string, options: SessionOptions) {
    super();
    const base = addressOf(url);
    const runtime = { ...platform, ...options.runtime };
    this.#url = url;
    this.#options = options;
    this.#runtime = runtime;
    this.#outbox = new Outbox(runtime);
    this.#break();
    this.connection = new Connection(
      runtime,
      {
        emitter: this.#emitter,
        base,
        outbox: this.#outbox,
        open: (token, _, events) => new Link(runtime, base, token, events),
        opened: (way) => {
          this.#send = way.send;
          // Who joins need not wait for `hello`.
          this.#outbox.open({ epoch: "" } as Welcome, way);
          this.#go();
        },
        adopt: nothing,
        frame: (frame) => this.#frame(frame),
        delivery: { down: () => this.#break(), forget: nothing },
        away: nothing,
        alive: () => {
          for (const { outbox } of [{ outbox: this.#outbox }, ...this.#members.values()]) outbox.alive();
        },
        log: logOf(base, options.logLevel),
        finish: (error) => {
          this.#over = error;
          this.finish(error);
        },
        release: () => {
          this.#phase = "closed";
          this.release();
          this.#each((connection) => void connection.close(this.#over as ChannelError));
        },
        revive: () => {
          this.begin();
          this.#each((connection) => {
            if (connection.error !== this.#over) return;
            this.#away.add(connection);
            connection.reconnect();
          });
          this.#over = undefined;
        },
      },
      options,
    );
    this.connection.on("state", (change) => this.#follow(change));
    this.start(options);
  }

  /** Joins a channel of the contract, as `connect(url, name)` does. One that is joined already, or will be, is the same object. */
  channel<const Name extends string>(
    name: KnownName<C, Name>,
    options: SessionChannelOptions<EventName<ChannelOf<C, Name>>> = {},
  ): Channel<ChannelOf<C, Name>> {
    const before = this.#channels.get(name);
    if (before && before.connection.state !== "closed") return before as never;
    void before?.close();
    const { logLevel = this.#options.logLevel } = options;
    const shared = {
      ...options,
      // Each frame is told by the connection.
      logLevel: logLevel === "debug" ? "info" : logLevel,
      // It is the connection that is put aside with its page.
      runtime: { ...this.#runtime, onPage: undefined },
    };
    const channel = new Channel<ChannelOf<C, Name>>(this.#url, name, shared, this.#hostOf(name));
    this.#channels.set(name, channel as never);
    if (this.#phase === "closed") void channel.connection.close(this.#over as ChannelError);
    return channel;
  }

  #hostOf(name: string): Host {
    const { connection } = this;
    const { identity } = connection;
    return {
      get renewable() {
        return identity.tokens.renewable;
      },
      ready: () => Promise.all([this.#ready, this.#leaving.get(name)]),
      // Whether it begins at all is for the app to say.
      start: () => void (connection.state !== "idle" && connection.reconnect()),
      join: (fields, events, outbox) => this.#join(name, fields, events, outbox),
      // Once for all channels that were refused the token.
      renew: () => (this.#renewal ??= identity.renew(identity.tokens, "refused").finally(() => (this.#renewal = undefined))),
      ping: () => connection.ping(),
      release: () => void this.#channels.delete(name),
    };
  }

  #join(name: string, fields: JoinFields, events: LinkEvents, outbox: Outbox): LinkLike {
    const refused = (error: ChannelError): void => this.#end(member, error.retryable ? 4100 : error.code === "not_found" ? 4001 : 4000, error);
    const id = this.#outbox.id();
    const member: Member = { name, id, events, outbox };
    this.#members.set(name, member);
    this.#outbox.ask("volatile", { type: "join", channel: name, ...fields, id }, nothing, refused);
    return {
      send: this.#send,
      close: () => {
        const gone = (): void => events.gone(NORMAL, "");
        if (!this.#forget(member)) return gone();
        const callOff = this.#runtime.after(CLOSE_MS, gone);
        const left = new Promise<unknown>((done) => this.#outbox.ask("volatile", { type: "leave", channel: name }, done, done)).then(() => {
          this.#leaving.delete(name);
          callOff();
          gone();
        });
        this.#leaving.set(name, left);
      },
    };
  }

  /** Says whether it was there. */
  #forget(member: Member): boolean {
    return this.#members.get(member.name) === member && this.#members.delete(member.name);
  }

  #frame(frame: AnswerFrame): void {
    if (frame.type === "in") {
      const member = this.#members.get(frame.channel);
      if (!member) return;
      this.#outbox.take(member.id, frame as never);
      const frames = known(frame.frames);
      if (frames.some(({ type }) => type === "bye")) this.#forget(member);
      member.events.frames(frames);
    } else if (frame.type === "at") this.#members.get(frame.channel)?.events.frames([frame]);
    else if (frame.type === "ack") this.#outbox.take(frame.id, frame);
    else if (frame.type === "error") {
      const error = refusalOf(frame);
      const { id } = frame;
      if (id === undefined) return this.#emitter.emit("error", error);
      if (this.#outbox.take(id, error)) return;
      const member = [...this.#members.values()].find(({ outbox }) => outbox.has(id));
      if (!member) return;
      // What the service does not know as joined has ended there.
      if (error.code === "not_found") this.#end(member, 4200, error);
      else member.events.frames([frame]);
    }
  }

  /** The channel ends on this connection. */
  #end(member: Member, code: number, { message: reason, retryAfter }: ChannelError): void {
    if (this.#forget(member)) member.events.frames([{ type: "bye", code, reason, retry_after: retryAfter }]);
  }

  /** There is no socket any more. */
  #break(): void {
    this.#members.clear();
    this.#ready = new Promise((go) => (this.#go = go));
    // A sign-in while joining begins anew in the same state.
    if (this.connection?.state === "joining") for (const state of ["waiting", "joining"] as const) this.#follow({ state, previous: state });
  }

  /** The channels stand where their connection does; who is put away by it comes back with it, and nobody else. */
  #follow({ state, error, retryIn }: StateChange): void {
    this.#each((connection) => {
      if (state === "closed") for (const end of ["give_up", "end_stop"] as const) connection.happen(end, error);
      else if (state === "joining") this.#away.has(connection) && connection.happen("due");
      else if (state !== "open" && ["joining", "open"].includes(connection.state)) {
        this.#away.add(connection);
        connection.happen("away", error, retryIn);
      }
    });
    if (state === "joining") this.#away.clear();
  }

  #each(run: (connection: Connection) => void): void {
    for (const { connection } of [...this.#channels.values()]) run(connection);
  }
}
