import { ChannelError } from "./errors.ts";
import { Lane } from "./lane.ts";
import type { Answer, Ask, Request, Way } from "./lane.ts";
import { PRESENCE_BURST, PRESENCE_RATE, REMEMBERED } from "./numbers.ts";
import { Pace } from "./pace.ts";
import { bytesOf, textOf } from "./protocol.ts";
import type { Limits, Welcome } from "./protocol.ts";
import type { Runtime } from "./runtime.ts";

/** What the service takes where `welcome` did not say. */
const DEFAULT_LIMITS: Limits = { frame_bytes: 65_536, batch: 100, per_second: 20, burst: 40 };

/**
 * The lanes:
 * - `publish`: publishes and calls, in order, again after a reconnect, again after `rate_limited`; a call whose reply is not
 *   remembered not again once it was sent
 * - `volatile`: now or not at all
 * - `presence` and `history`: one after the other, again after a reconnect and after `rate_limited`; of `presence` the latest
 * - `control`: the client's own requests, meant for one connection alone; needs no `welcome`
 */
export type LaneName = "publish" | "volatile" | "presence" | "history" | "control";

/** Everything this client has asked for and was not answered yet (F2). */
export class Outbox {
  readonly #channel: string | undefined;
  readonly #instance: string;
  readonly #lanes: Readonly<Record<LaneName, Lane>>;
  readonly #all: readonly Lane[];
  #counter = 0;
  #limits = DEFAULT_LIMITS;
  /** What ended the channel. */
  #over: ChannelError | undefined;

  /** With a name, where the requests of several channels go one way (M3). */
  constructor(runtime: Runtime, channel?: string) {
    this.#channel = channel;
    this.#instance = runtime.instance();
    this.#lanes = {
      control: new Lane(runtime, { again: "by_rate", paced: true }),
      publish: new Lane(runtime, { again: "always", once: true }),
      volatile: new Lane(runtime, { again: "never" }),
      presence: new Lane(runtime, { again: "always", paced: true, single: true, latest: true, own: new Pace(PRESENCE_RATE, PRESENCE_BURST) }),
      history: new Lane(runtime, { again: "always", paced: true, single: true }),
    };
    this.#all = Object.values(this.#lanes);
  }

  /** Asks for something on the connection as it is. */
  readonly control: Ask = (fields, done, fail) => void this.ask("control", fields, done, fail);

  /** Whether this lane has something to do. */
  busy(lane: LaneName): boolean {
    return this.#lanes[lane].busy;
  }

  /** An id that no other request of any client has. */
  id(): string {
    return `${this.#instance}-${this.#counter++}`;
  }

  /**
   * Sends a request as soon as its lane may; all that is asked in one turn leaves together. Returns its id, which is made
   * where the fields have none.
   */
  ask(
    lane: LaneName,
    fields: { readonly type?: string; readonly id?: string | undefined; readonly name?: string; readonly channel?: string },
    done: (answer: never) => void,
    fail: (error: ChannelError) => void,
  ): string {
    const { id = this.id(), name: call } = fields;
    try {
      if (this.#over) throw this.#over;
      const text = textOf({ type: lane, channel: this.#channel, ...fields, id });
      const bytes = bytesOf(text);
      const most = this.#limits.frame_bytes;
      if (bytes > most) throw new ChannelError("too_large", `${bytes} bytes are more than the ${most} a frame may have.`);
      this.#lanes[lane].add({ id, text, bytes, call, phase: "waiting", callOff: () => {}, done: done as Request["done"], fail });
    } catch (error) {
      fail(error as ChannelError);
    }
    return id;
  }

  /** Whether a request of this id waits for its answer. */
  has(id: string): boolean {
    return this.#all.some((lane) => lane.has(id));
  }

  /** Takes an answer, or an error that ends the waiting for one; says whether anyone waited for it. */
  take(id: string | undefined, answer: Answer | ChannelError): boolean {
    return this.#all.some((lane) => lane.take(id, answer));
  }

  /**
   * The service said `welcome`: what waits goes out, what was unanswered first. Of who has still to sign in no more
   * than that goes over the link.
   */
  open({ limits: given, epoch, user, remembers = [] }: Welcome, link: Pick<Way, "send" | "now">): void {
    const limits = (this.#limits = { ...DEFAULT_LIMITS, ...given });
    const way = { ...link, limits, remembers, pace: new Pace(limits.per_second, limits.burst) };
    // Who is nobody in particular is known by its connection, and its ids are not known on the next (D7).
    if (user === null) way.now = () => -Infinity;
    for (const lane of this.#all) if (epoch !== undefined || lane === this.#lanes.control) lane.open(way);
  }

  /** So many messages that this client has missed cannot be told. */
  lost(count: number): void {
    this.#lanes.publish.lost(count > REMEMBERED);
  }

  /** Everything that was missed has been told, as far as it can be. */
  told(): void {
    this.#lanes.publish.told();
  }

  /** The link holds. */
  alive(): void {
    for (const lane of this.#all) lane.alive();
  }

  /** The link is gone; with an error so is the channel, and nothing is answered any more. */
  down(error?: ChannelError): void {
    this.#over = error;
    for (const lane of this.#all) lane.down(error);
  }
}
