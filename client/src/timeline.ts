import type { Channel } from "./channel.ts";
import { guarded } from "./emitter.ts";
import type { ChannelError } from "./errors.ts";
import { PAGE } from "./numbers.ts";
import type { Message, Position, Welcome } from "./protocol.ts";
import type { HistoryPage, MessageOf, PublishOptions, Receipt } from "./requests.ts";
import type { AnyChannel, DataOf, EventName } from "./types.ts";

/** What a timeline holds. */
export interface TimelineOptions<Event extends string = string> {
  /** How many of the newest kept messages it begins with; more come by `older`. 0 where it is left out. */
  readonly limit?: number | undefined;
  /** Only these events; all where it is left out. */
  readonly events?: readonly Event[] | undefined;
  /** Whether ephemeral and directed messages stand in it too, in the place where they were heard. */
  readonly ephemeral?: boolean | undefined;
}

/** Where a message of a timeline stands. */
export type Standing =
  /** The service has it, in this place of the one order. */
  | { readonly key: string; readonly status: "kept"; readonly seq: number }
  /** Heard, and kept nowhere. */
  | { readonly key: string; readonly status: "ephemeral"; readonly seq?: never }
  /** Sent from here, and not answered yet. */
  | { readonly key: string; readonly status: "sending"; readonly seq?: never }
  /** Sent from here, and refused or given up. */
  | { readonly key: string; readonly status: "failed"; readonly seq?: never; readonly error: ChannelError };

/** A message of a timeline; `key` is its own and stays, also when what was sent from here is kept. */
export type Entry<C = AnyChannel> = Placed<MessageOf<C>>;
type Placed<M> = M extends unknown ? Omit<M, "seq"> & Standing : never;

/** A timeline as it is: a new one for each change, the same objects for messages that did not change. */
export interface TimelineSnapshot<C = AnyChannel> {
  /** In the channel's one order, oldest first; then what was sent from here and is not kept yet. */
  readonly messages: readonly Entry<C>[];
  /**
   * What lies before the oldest: `loading`, `more`, nothing (`complete`), or it cannot be had: `refused`, with the
   * `error`; `older` asks again.
   */
  readonly past: "loading" | "more" | "complete" | "refused";
  readonly error: ChannelError | undefined;
}

/** How something is sent: it waits for the connection and is told apart from all else, so it is neither volatile nor directed. */
export type SendOptions = Omit<PublishOptions, "volatile">;

/** What a timeline needs of its channel. */
export interface TimelinePorts {
  /** An id that no request of any client has. */
  id(): string;
  /** Gives a request up. */
  forget(id: string): void;
  /** Calls `run` some time after a refusal, until the returned function is called. */
  later(error: ChannelError, run: () => void): () => void;
}

/** What was sent from here and is not in the order yet. */
interface Unsent {
  readonly entry: Entry;
  readonly options: SendOptions;
  /** Its place, where the answer was quicker than the order. */
  seq?: number | undefined;
}

/** What was said, as a list that lives: the newest of history, then what comes, and before both what `older` brings. */
export class Timeline<C = AnyChannel> {
  readonly #channel: Channel<C>;
  readonly #ports: TimelinePorts;
  readonly #options: TimelineOptions;
  readonly #listeners = new Set<{ tell(snapshot: TimelineSnapshot<C>): void }>();
  #begin!: () => void;
  /** Settles when it is known where the list begins, or that the channel is over. */
  #begun!: Promise<void>;
  /** Whether the channel was over since it was welcomed. */
  #over = false;
  #callOff = (): void => {};
  #loading: Promise<boolean> | undefined;
  /** Counts how often the list began anew, so that a page that was asked for before is not put into it. */
  #life = 0;
  #epoch: string | undefined;
  #told: Entry[] = [];
  #unsent: Unsent[] = [];
  /** The newest message that is in the list or that the list has passed; no number before it has begun. */
  #newest = NaN;
  /** All from here on is in the list. */
  #oldest = Infinity;
  #heard = 0;
  #past: TimelineSnapshot["past"] = "loading";
  #error: ChannelError | undefined;
  #snapshot: TimelineSnapshot<C> | undefined;
  #telling = false;

  /** Made by the channel, which tells it what comes; of one that is open already `position` is the last message told. */
  constructor(channel: Channel<C>, ports: TimelinePorts, options: TimelineOptions, position: Position | null) {
    this.#channel = channel;
    this.#ports = ports;
    this.#options = options;
    this.begin();
    if (position) {
      this.#epoch = position.epoch;
      this.#anew(position.seq);
    } else if (options.limit) void this.older();
  }

  /** The list as it is. */
  readonly getSnapshot = (): TimelineSnapshot<C> =>
    (this.#snapshot ??= {
      messages: [...this.#told, ...this.#unsent.map(({ entry }) => entry)] as unknown as Entry<C>[],
      past: this.#past,
      error: this.#error,
    });

  /** Calls `listener` after each turn that has changed the list, until the returned function is called. */
  readonly subscribe = (listener: (snapshot: TimelineSnapshot<C>) => void): (() => void) => {
    const entry = { tell: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  };

  /**
   * Puts so many more of what was said before to the beginning, and settles when they are there, with whether there is
   * still more. Never rejects: where nothing is to be had the snapshot says why.
   */
  older(limit = this.#options.limit || PAGE / 2): Promise<boolean> {
    if (this.#past === "complete") return Promise.resolve(false);
    return (this.#loading ??= this.#load(limit));
  }

  /** Lets go of all but so many of the newest; `older` brings them back. */
  trim(most: number): void {
    const kept = this.#told.slice(-most).find(({ seq }) => seq !== undefined);
    if (this.#told.length <= most || this.#loading || !kept?.seq) return;
    this.#told = this.#told.slice(-most);
    this.#oldest = kept.seq;
    this.#reach("more");
  }

  /**
   * Says something and shows it at once: as `sending` behind all that is kept, then in its place in the order, or as
   * `failed` with its error. The promise is that of `publish`, and its rejection may be ignored.
   */
  send<Event extends EventName<C>>(event: Event, data: DataOf<C, Event>, options: SendOptions = {}): Promise<Receipt> {
    const { id = this.#ports.id() } = options;
    const { user, id: connection } = this.#channel.connection;
    const from = { user, ...(connection && { connection }) };
    const entry: Entry = { id, key: id, event, data, from, at: Date.now(), status: "sending" };
    this.#unsent = [...this.#unsent.filter(({ entry: { key } }) => key !== id), { entry, options: { ...options, id } }];
    this.#changed();
    const receipt = this.#channel.publish(event, data, { ...options, id } as never);
    receipt.then(
      ({ seq }) => this.#answered(id, seq),
      (error: ChannelError) => this.#answered(id, undefined, error),
    );
    return receipt;
  }

  /** Sends what failed again, under its own id: what was kept after all is not said twice within the 10 minutes of D7. */
  retry({ key }: { readonly key: string }): void {
    const failed = this.#unsent.find(({ entry }) => entry.key === key && entry.status === "failed");
    if (failed) void this.send(failed.entry.event as EventName<C>, failed.entry.data as never, failed.options);
  }

  /** Takes out what was sent from here and is not kept; what is on its way may be carried out all the same. */
  remove({ key }: { readonly key: string }): void {
    this.#unsent = this.#unsent.filter(({ entry }) => entry.key !== key);
    this.#ports.forget(key);
    this.#changed();
  }

  /**
   * The channel will be welcomed, for the first time or after it was over.
   * @internal
   */
  begin(): void {
    if (!(this.#newest >= 0)) this.#begun = new Promise((begin) => (this.#begin = begin));
  }

  /**
   * A connection was welcomed; `position` is what it was asked to go on from.
   * @internal
   */
  welcome({ epoch, seq = 0, resume }: Welcome, position: Position | null): void {
    const afresh = resume !== "recovered" && resume !== "behind";
    // A person has asked for it, maybe with another token.
    const again = this.#over && this.#past === "refused";
    this.#over = false;
    // Of what is `behind` the newest are loaded; the rest is further back.
    if (!this.#epoch) this.#start(resume === "recovered" && position ? position.seq : seq);
    else if (afresh && (epoch !== this.#epoch || seq !== this.#newest)) this.#anew(seq, Infinity);
    this.#epoch = epoch;
    if (again) void this.older();
  }

  /**
   * Nothing up to this seq will be told any more.
   * @internal
   */
  lost(seq: number): void {
    if (seq > this.#newest) this.#anew(seq);
  }

  /**
   * A message comes in its turn.
   * @internal
   */
  message(message: Message): void {
    const { seq } = message;
    if (seq === undefined) {
      if (this.#options.ephemeral && this.#wants(message)) {
        this.#told.push({ ...message, key: this.#claim(message) ?? `~${this.#heard++}`, status: "ephemeral" } as Entry);
        this.#changed();
      }
    } else if (seq > this.#newest) {
      this.#newest = seq;
      this.#told.push(...this.#entries([message]));
      this.#changed();
    }
  }

  /**
   * The channel is over.
   * @internal
   */
  end(): void {
    this.#over = true;
    this.#begin();
    this.#callOff();
  }

  /** The list begins behind this seq. */
  #start(seq: number): void {
    this.#newest = seq;
    this.#oldest = seq + 1;
    if (!this.#loading) this.#reach(seq ? "more" : "complete");
    this.#begin();
  }

  /** What the list holds is torn from what follows: it begins behind this seq; what was `kept` up to there is not waited for. */
  #anew(seq: number, kept = seq): void {
    this.#life++;
    this.#callOff();
    this.#told = [];
    // What was kept stands in the history, or is gone.
    this.#unsent = this.#unsent.filter((unsent) => unsent.seq === undefined || unsent.seq > kept);
    this.#loading = undefined;
    this.#start(seq);
    if (this.#options.limit) void this.older();
  }

  async #load(want: number): Promise<boolean> {
    const life = this.#life;
    this.#reach("loading");
    // It is another one where the channel was over meanwhile.
    while (this.#channel.connection.state !== "closed" && !(this.#newest >= 0)) await this.#begun;
    let left = want;
    while (life === this.#life && this.#past === "loading") {
      try {
        const page = this.#oldest > 1 && (await this.#channel.history({ before: this.#oldest, limit: Math.min(left, PAGE) }));
        if (life === this.#life) left -= this.#page(page || { messages: [], more: false }, left);
      } catch (error) {
        if (life === this.#life) await this.#refused(error as ChannelError);
      }
    }
    if (life === this.#life) this.#loading = undefined;
    // Where it began anew meanwhile, that is what is waited for.
    return this.#loading ?? this.#past === "more";
  }

  /** Puts a page to the beginning; returns how many of it are shown. */
  #page({ messages, more }: HistoryPage, want: number): number {
    const entries = this.#entries(messages);
    this.#told.unshift(...entries);
    this.#oldest = messages[0]?.seq ?? this.#oldest;
    this.#reach(more && messages.length ? (entries.length < want ? "loading" : "more") : "complete");
    return entries.length;
  }

  /** Asks again later, or never where that is of no use. */
  async #refused(error: ChannelError): Promise<void> {
    if (error.code === "not_kept") this.#reach("complete");
    else if (!error.retryable || this.#channel.connection.state === "closed") this.#reach("refused", error);
    else
      await new Promise<void>((again) => {
        const off = this.#ports.later(error, again);
        this.#callOff = () => (off(), again());
      });
  }

  /** What was sent was answered: it leaves the list unless its place is still to be told. */
  #answered(id: string, seq: number | undefined, error?: ChannelError): void {
    const at = this.#unsent.findIndex(({ entry: { key } }) => key === id);
    const unsent = this.#unsent[at];
    if (!unsent) return;
    const next = [...this.#unsent];
    if (error) next[at] = { ...unsent, entry: { ...unsent.entry, status: "failed", error } as Entry };
    else if (seq !== undefined && !(seq <= this.#newest)) next[at] = { ...unsent, seq };
    else next.splice(at, 1);
    this.#unsent = next;
    this.#changed();
  }

  /** Of these kept messages those that are shown; what was sent from here goes to its place. */
  #entries(messages: readonly Message[]): Entry[] {
    return messages
      .map((message) => ({ ...message, key: this.#claim(message) ?? `#${message.seq}`, status: "kept" }) as Entry)
      .filter((entry) => this.#wants(entry));
  }

  /** The key of what was sent from here, where this is it: it stands in the order from now on. */
  #claim({ id, seq, from }: Message): string | undefined {
    const { user, id: connection } = this.#channel.connection;
    // Without a user it is the connection that an id belongs to (D7).
    const mine = from.user === user && (user !== null || from.connection === connection);
    const found = this.#unsent.find((unsent) => (mine && unsent.entry.key === id) || (seq !== undefined && unsent.seq === seq));
    this.#unsent = this.#unsent.filter((unsent) => unsent !== found);
    return found?.entry.key;
  }

  #wants({ event }: { readonly event: string }): boolean {
    return this.#options.events?.includes(event) ?? true;
  }

  #reach(past: TimelineSnapshot["past"], error?: ChannelError): void {
    this.#past = past;
    this.#error = error;
    this.#changed();
  }

  /** Tells the listeners once a turn. */
  #changed(): void {
    this.#snapshot = undefined;
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const { tell } of [...this.#listeners]) guarded(() => tell(this.getSnapshot()));
    });
  }
}
