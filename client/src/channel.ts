import { addressFrom, addressOf } from "./address.ts";
import { Backoff } from "./backoff.ts";
import { Connection } from "./connection.ts";
import { Delivery } from "./delivery.ts";
import type { Lost } from "./delivery.ts";
import { Emitter, onAbort } from "./emitter.ts";
import type { ListenOptions, Told } from "./emitter.ts";
import { aborted, ChannelError, quietly, refusalOf } from "./errors.ts";
import type { Refused } from "./errors.ts";
import type { ChannelEvents, ConnectionEvents } from "./events.ts";
import { Feed } from "./iterate.ts";
import type { Reader } from "./iterate.ts";
import { Joined } from "./joined.ts";
import { unanswered } from "./lane.ts";
import { Link } from "./link.ts";
import { logOf } from "./log.ts";
import { CALL_MS } from "./numbers.ts";
import type { ConnectionOptions, Host } from "./options.ts";
import { Outbox } from "./outbox.ts";
import type { LaneName } from "./outbox.ts";
import { Presence } from "./presence.ts";
import { bare, frozen } from "./protocol.ts";
import type { AnswerFrame, HistoryFrame, Message, MessageFrame, Position, Result, Welcome } from "./protocol.ts";
import { receiptOf } from "./requests.ts";
import type { CallOptions, DirectedOptions, HistoryPage, HistoryRange, Kept, MessageOf, PublishOptions, Receipt } from "./requests.ts";
import { patiently, platform } from "./runtime.ts";
import type { Runtime } from "./runtime.ts";
import { Timeline } from "./timeline.ts";
import type { TimelineOptions, TimelinePorts } from "./timeline.ts";
import type { AnyChannel, CallName, DataOf, EventName, InputOf, IsDirected, OutputOf, PresenceOf, ReasonOf, Sayable, SnapshotOf } from "./types.ts";

/** How a channel is joined that has these events. */
export interface ConnectOptions<Event extends string = never> extends ConnectionOptions {
  /** Has `timeline` begin with so many of the newest kept messages, at the first join, a reload and after a loss alike. */
  readonly history?: number | TimelineOptions<Event> | undefined;
  /** Where to go on from: the `position` of an earlier visit. */
  readonly position?: Position | null | undefined;
  /** Closes the channel when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** `false` leaves the channel idle until `connection.start()`. */
  readonly start?: boolean | undefined;
  /** Replaces parts of the surroundings, such as the socket where there is no global `WebSocket`. */
  readonly runtime?: Partial<Runtime> | undefined;
}

type Listeners<C> = { [Event in EventName<C> | "*"]: MessageOf<C, Event extends "*" ? EventName<C> : Event> };

/** One channel, joined: what is published goes out, what is said comes in, whatever the network does in between. */
export class Channel<C = AnyChannel> extends Joined {
  /** The channel's name. */
  readonly name: string;
  /** The connection's state, and what happens to it. */
  readonly connection: Connection;
  /** Who is here. */
  readonly presence: Presence<PresenceOf<C>>;
  readonly #runtime: Runtime;
  readonly #outbox: Outbox;
  readonly #delivery: Delivery;
  /** Ids this connection has, or had while something it sent is unanswered (F2). */
  readonly #ownIds = new Set<string>();
  readonly #emitter: Emitter<ChannelEvents>;
  readonly #timelinePorts: TimelinePorts;
  #timeline: Timeline<C> | undefined;
  #snapshot: unknown;

  constructor(url: string, name: string, options: ConnectOptions<EventName<C>> = {}, host?: Host) {
    super();
    const runtime: Runtime = { ...platform, ...options.runtime };
    this.#runtime = runtime;
    const again = new Backoff(runtime.random);
    const base = addressOf(url, name);
    this.name = name;
    const log = logOf(name, options.logLevel);
    this.#emitter = new Emitter(
      ["message", "snapshot", "recovered", "lost", "error"],
      (told) => this.#lose(told),
      (event, value) => {
        const bad = event === "error" || event === "lost" || (value as ConnectionEvents["state"]).error;
        if (event === "state" || bad) log(bad ? "warn" : "info", () => [event, value]);
      },
    );
    this.#outbox = new Outbox(runtime, host && name);
    this.presence = new Presence((data, done, failed) => this.#settled("presence", { data }, done, undefined, failed));
    const later = (error: ChannelError, run: () => void): (() => void) => {
      this.#emitter.emit("error", error);
      return runtime.after(error.retryAfter ?? again.next(), run);
    };
    this.#timelinePorts = { id: () => this.#outbox.id(), forget: (id) => this.#outbox.take(id, aborted()), later };
    this.#delivery = new Delivery(
      {
        ask: this.#outbox.control,
        deliver: (message: Message & { readonly type?: "ack" }) => {
          const heard = message.type !== "ack";
          if (heard) this.#answer(message);
          // First, so that whoever listens finds it there.
          this.#timeline?.message(bare(message));
          if (heard) this.#emitter.emit("message", message);
        },
        recovered: (event) => this.#emitter.emit("recovered", event),
        lost: (event) => {
          this.#outbox.lost(event.seq - (event.after ?? 0));
          this.#timeline?.lost(event.seq);
          this.#emitter.emit("lost", event);
        },
        snapshot: (snapshot) => this.#emitter.emit("snapshot", { snapshot: (this.#snapshot = frozen(snapshot)) }),
        told: () => (again.reset(), this.#outbox.told()),
        later,
      },
      options.position,
    );
    this.connection = new Connection(
      runtime,
      {
        emitter: this.#emitter,
        base,
        outbox: this.#outbox,
        delivery: this.#delivery,
        host,
        open: (token, before, events) => {
          const { position } = this;
          const fields = { ...(position && { epoch: position.epoch, after: position.seq }), ...(before && { connection: before }) };
          return host?.join({ ...fields, ...(token && { token }) }, events, this.#outbox) ?? new Link(runtime, addressFrom(base, fields), token, events);
        },
        adopt: (welcome, carried) => this.#adopt(welcome, carried),
        frame: (frame) => this.#frame(frame),
        away: () => this.presence.away(),
        alive: () => this.#outbox.alive(),
        log,
        finish: (error) => {
          this.#timeline?.end();
          this.finish(error);
        },
        release: () => {
          this.presence.end();
          this.release();
          host?.release();
        },
        revive: () => {
          this.begin();
          this.#timeline?.begin();
        },
      },
      options,
    );
    const { history } = options;
    if (history !== undefined) this.#timeline = this.#list(typeof history === "number" ? { limit: history } : history);
    this.start(options);
  }

  /**
   * The last message told, or waiting for its first listener; hand it to `connect` on the next visit to go on from
   * there. `null` before the first welcome.
   */
  get position(): Position | null {
    return this.#delivery.position;
  }

  /**
   * What the application shows of its state, as it was told last: at the first join, and after a `lost` or a gap that
   * was paged. A value that nobody changes; the messages since come on top of it. `undefined` before the first, and where
   * the channel shows nothing.
   */
  get snapshot(): SnapshotOf<C> | undefined {
    return this.#snapshot as SnapshotOf<C> | undefined;
  }

  /**
   * Calls `listener` for each snapshot, before the messages that come on top of it, until the returned function is called
   * or `signal` aborts.
   */
  onSnapshot(listener: (snapshot: SnapshotOf<C>) => void, options?: ListenOptions): () => void {
    return this.#emitter.on("snapshot", ({ snapshot }) => listener(snapshot as SnapshotOf<C>), options, listener);
  }

  /**
   * What was said, as a list that lives: it begins with as much of the past as `history` of `connect` says, without it
   * with what comes from its first use on; `older` brings more.
   */
  get timeline(): Timeline<C> {
    return (this.#timeline ??= this.#list({}));
  }

  /**
   * Says something. It is sent as soon as there is a connection, again after a break, and heard once; the
   * promise settles with the service's answer.
   */
  publish<Event extends Sayable<C>>(
    event: Event,
    data: DataOf<C, Event>,
    options: IsDirected<C, Event> extends true ? DirectedOptions : PublishOptions = {},
  ): Promise<Receipt> {
    const { id, to, echo, ifSeq, volatile, signal } = options as DirectedOptions;
    const fields = { id, type: "publish", event, data, to, echo, if_seq: ifSeq };
    const said = (answer: Receipt): Receipt => {
      // What is not heard stands in the timeline all the same.
      if (echo === false) Object.assign(answer, { event, data, from: { user: this.connection.user, connection: this.connection.id }, at: Date.now() });
      return receiptOf(answer);
    };
    const receipt = this.#settled(volatile ? "volatile" : "publish", fields, said, signal);
    // Whoever sends a cursor's every move need not wait for each.
    if (volatile) receipt.catch(() => {});
    return receipt;
  }

  /**
   * Asks the application's own code, and settles with its reply (C3). It waits for a connection as a publish does, in the
   * same order, and is sent again after `rate_limited`; after a break only where the contract remembers its reply: any
   * other rejects with `offline` then, since it may have run.
   */
  call<Name extends CallName<C>>(name: Name, data: InputOf<C, Name>, options: CallOptions = {}): Promise<OutputOf<C, Name>> {
    const { id } = options;
    return this.#settled("publish", { id, type: "call", name, data }, (reply: Result) => reply.data as OutputOf<C, Name>, options.signal, undefined, options);
  }

  /** Whether an error is the refusal of this event or call by the application's own code, with one of its reasons (C4). */
  isRefused<Name extends Sayable<C> | CallName<C>>(error: unknown, _name: Name): error is Refused<ReasonOf<C, Name>> {
    return error instanceof ChannelError && error.code === "refused";
  }

  /** Calls `listener` for each message of `event`, or of any with `'*'`, until the returned function is called or `signal` aborts. */
  on<Event extends EventName<C> | "*">(
    event: Event,
    listener: (message: Listeners<C>[Event]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#on(event, listener, options, listener);
  }

  /** Calls `listener` for the next such message only. */
  once<Event extends EventName<C> | "*">(
    event: Event,
    listener: (message: Listeners<C>[Event]) => void,
    options?: ListenOptions,
  ): () => void {
    const hear = (message: Listeners<C>[Event]): void => (off(), listener(message));
    const off = this.#on(event, hear, options, listener);
    return off;
  }

  /** Ends all listening of this listener to messages and snapshots. */
  off(listener: (message: never) => void): void {
    this.#emitter.off(listener);
  }

  #on<Event extends EventName<C> | "*">(
    event: Event,
    listener: (message: Listeners<C>[Event]) => void,
    options: ListenOptions | undefined,
    key: unknown,
  ): () => void {
    const hear = (message: Message): void => void ((event === "*" || message.event === event) && listener(message as never));
    return this.#emitter.on("message", hear, options, key);
  }

  /** The messages of one event, or of all, to be read with `for await`; ends when the channel does. */
  messages<Event extends EventName<C> | "*" = "*">(
    event: Event = "*" as Event,
    { signal }: ListenOptions = {},
  ): Reader<Listeners<C>[Event]> {
    const feed: Feed<Listeners<C>[Event]> = new Feed(() => offs.forEach((off) => off()));
    const leave = (): void => void feed.return();
    const offs = [
      onAbort(signal, leave),
      this.on(event, (message) => feed.push(message)),
      this.connection.on("state", ({ state, error }) => void (state === "closed" && feed.end(error))),
    ];
    if (signal?.aborted || this.connection.state === "closed") leave();
    return feed;
  }

  /** All messages. */
  [Symbol.asyncIterator](): Reader<Listeners<C>["*"]> {
    return this.messages("*");
  }

  /** A page of what was said before; give `before` the oldest seq you have to go further back. */
  history({ signal, ...range }: HistoryRange = {}): Promise<HistoryPage<MessageOf<C>>> {
    return this.#settled(
      "history",
      range,
      ({ messages, more }: HistoryFrame) => ({ messages: messages as readonly Kept<MessageOf<C>>[], more }),
      signal,
    );
  }

  #settled<Value>(
    lane: LaneName,
    fields: object,
    read: (answer: never) => Value,
    signal?: AbortSignal,
    failed: () => void = () => {},
    call?: CallOptions,
  ): Promise<Value> {
    return quietly((resolve, reject) => {
      const fail = (error: ChannelError): void => reject(error, call && signal?.aborted ? signal.reason : error);
      if (signal?.aborted) return fail(aborted());
      const offs = [
        onAbort(signal, () => this.#outbox.take(id, aborted())),
        ...(call ? [patiently(this.#runtime, call.timeout ?? CALL_MS, () => this.#outbox.take(id, unanswered()))] : []),
      ];
      const forget = (): void => offs.forEach((off) => off());
      const id = this.#outbox.ask(
        lane,
        fields,
        (answer) => (forget(), resolve(read(answer as never))),
        (error) => (forget(), failed(), fail(error)),
      );
    });
  }

  #list(options: TimelineOptions): Timeline<C> {
    return new Timeline(this, this.#timelinePorts, options, this.connection.state === "open" ? this.position : null);
  }

  #adopt(welcome: Welcome, carried: boolean): void {
    if (!this.#outbox.busy("publish")) this.#ownIds.clear();
    this.#ownIds.add(welcome.connection);
    this.#timeline?.welcome(welcome, this.position);
    this.#delivery.welcome(welcome);
    this.presence.welcome(welcome, carried, this.#outbox.busy("presence"));
  }

  #frame(frame: AnswerFrame): void {
    switch (frame.type) {
      case "message":
        this.#answer(frame);
        return this.#delivery.message(bare(frame));
      case "at":
        return this.#delivery.at(frame);
      case "presence":
        return this.presence.frame(frame);
      case "error": {
        const error = refusalOf(frame);
        if (!this.#outbox.take(frame.id, error) && frame.id === undefined) this.#emitter.emit("error", error);
        return;
      }
      case "history":
        return void this.#outbox.take(frame.id, { ...frame, messages: frame.messages.map(bare) });
      case "ack":
      case "result":
      case "resumed":
        this.#outbox.take(frame.id, frame);
        // It stands in the place of a message that its publisher does not want to hear (F5).
        if (frame.type === "ack" && frame.seq !== undefined && !frame.duplicate) this.#delivery.message(frame as unknown as Message);
    }
  }

  /** A message of one's own answers its publish, also where a page of what was missed holds it (F2). */
  #answer(message: Message): void {
    if (this.#ownIds.has(message.from?.connection ?? "")) this.#outbox.take(message.id, message as MessageFrame);
  }

  /** Nobody listened for so long that what waited is let go: whoever will is told what is missing. */
  #lose(told: Told<ChannelEvents>[]): Told<ChannelEvents>[] {
    let lost: Lost | undefined;
    for (const [name, value] of told) {
      const { seq = 0, after = seq - 1 } = value as Partial<Lost>;
      if (name === "lost" || (name === "message" && seq)) lost = { after, ...lost, seq, first: undefined };
    }
    return lost ? [["lost", lost]] : [];
  }
}
