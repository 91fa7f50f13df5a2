import { ChannelError, offline } from "./errors.ts";
import { ANSWER_MS, KNOWN_MS, QUEUE_BYTES, QUEUE_FRAMES, RESTED_MS } from "./numbers.ts";
import type { Pace } from "./pace.ts";
import type { Ack, HistoryFrame, Limits, MessageFrame, Result, Resumed } from "./protocol.ts";
import type { Runtime } from "./runtime.ts";

/** A frame that answers a request. */
export type Answer = Ack | MessageFrame | Result | HistoryFrame | Resumed;

/** Asks for something on the connection as it is; exactly one of the two is called, within the turn of the answer. */
export type Ask = (fields: object, done: (answer: Answer) => void, fail: (error: ChannelError) => void) => void;

/** A request on its way: `done` or `fail` is called exactly once. */
export interface Request {
  readonly id: string;
  readonly text: string;
  readonly bytes: number;
  /** Of a call, its name. No replay tells of a call. */
  readonly call?: string | undefined;
  /** Without an answer where a later request takes its place. */
  done(answer?: Answer): void;
  fail(error: ChannelError): void;
  /** Ends the waiting for an answer. */
  callOff(): void;
  /** `refused` by rate: it goes again when all of its array is answered. */
  phase: "waiting" | "sent" | "refused";
  /** When it was sent last, by the service's clock; before all time where the service does not know its id again. */
  sentAt?: number;
  /** When it was first sent on a way that then broke: it may have been carried out. */
  doubtSince?: number | undefined;
  /** Whether no replay can tell any more if it was. */
  untold?: boolean;
  /** Whether its answer is overdue. */
  overdue?: boolean;
}

/** How a lane treats its requests. */
export interface LaneRules {
  /** Whether each travels alone, and not in an array with others. */
  readonly single?: boolean;
  /** Whether being carried out twice does harm: then what is in doubt waits for what a replay tells of it. */
  readonly once?: boolean;
  /** A pace of its own, slower than what the service takes. */
  readonly own?: Pace;
  /** Whether a request takes the place of those before it that were not sent yet. */
  readonly latest?: boolean;
  /**
   * - `always`: keeps the order, and without an answer to all of an array sends no other; sent again when it was refused
   *   by rate, or unanswered when the way broke
   * - `by_rate`: in no order; sent again when it was refused by rate
   * - `never`: in no order, and not again
   */
  readonly again: "always" | "by_rate" | "never";
  /** Whether `welcome.limits` paces it: the general rate is for everything but publishing (R5). */
  readonly paced?: boolean;
}

/** What all lanes share. */
export interface Way {
  readonly limits: Limits;
  readonly pace: Pace;
  /** Sends text. `alive` tells that a `ping` was answered, and with it all that was sent before. */
  send(text: string): void;
  /** The calls whose replies are given again to the same id (C3). */
  readonly remembers: readonly string[];
  /** The service's clock, in milliseconds since 1970, as far as it remembers ids by which to know a request again (D7). */
  now(): number;
}

/**
 * Requests that keep their order. An ordered lane has one array under way at a time: were a second one sent
 * before the answer to the first, a publish of it could pass one that the first had refused by rate.
 */
export class Lane {
  readonly #runtime: Runtime;
  readonly #rules: LaneRules;
  #callOff = (): void => {};
  /** Whether what is in doubt has to wait, because a replay may still tell of it. */
  #phase: "told" | "untold" = "told";
  /** All that is neither answered nor given up, in the order in which it was asked. */
  #requests: Request[] = [];
  /** Those that the channel's end has rejected and that may have been carried out: asked again under their id they are in doubt still. */
  #doubts: Request[] = [];
  #holdUntil = 0;
  /** Milliseconds from one request to the next, as refusals by rate have taught it; 0 while there were none. */
  #gap = 0;
  #sentAt = 0;
  #way: Way | null = null;
  /** The calls that may be sent again, as the last way had them. */
  #remembers: readonly string[] = [];

  constructor(runtime: Runtime, rules: LaneRules) {
    this.#runtime = runtime;
    this.#rules = rules;
  }

  /** Takes a request, to be sent when the turn is over. */
  add(request: Request): void {
    if (!this.#way && this.#rules.again !== "always") throw offline();
    this.#doubts = this.#doubts.filter(({ id, doubtSince, untold }) => id !== request.id || !Object.assign(request, { doubtSince, untold }));
    this.#requests.push(request);
    this.#trim();
    if (this.#requests.length > QUEUE_FRAMES || this.#requests.reduce((sum, { bytes }) => sum + bytes, 0) > QUEUE_BYTES) {
      this.#requests.pop();
      throw new ChannelError("queue_full", "Too much waits.");
    }
    queueMicrotask(() => this.flush());
  }

  /** Whether anything is neither answered nor given up. */
  get busy(): boolean {
    return this.#requests.length > 0;
  }

  /** A way is there: what waits goes out, save what is in doubt and everything behind it. */
  open(way: Way): void {
    this.#way = way;
    this.#remembers = way.remembers;
    this.#holdUntil = 0;
    this.#phase = "untold";
    this.flush();
  }

  /** Some of what was said meanwhile cannot be told; `most` of it or more than the service remembers (D7). */
  lost(most: boolean): void {
    for (const request of [...this.#requests, ...this.#doubts]) {
      // Replies are remembered for a time, however much is said meanwhile.
      if (request.call !== undefined) continue;
      // Of what was not sent yet nothing is in doubt: that is seen to when it is.
      request.untold = true;
      if (!most) continue;
      request.sentAt = -Infinity;
      request.doubtSince &&= -Infinity;
    }
  }

  /** All else that was said meanwhile has been told: what was not among it was not carried out. */
  told(): void {
    this.#phase = "told";
    for (const request of this.#are("waiting")) if (!request.untold) request.doubtSince = undefined;
    this.#doubts = this.#doubts.filter(({ untold }) => untold);
    this.flush();
  }

  /** The way holds: an answer that is overdue will not come. */
  alive(): void {
    for (const { id, overdue } of this.#are("sent")) if (overdue) this.take(id, unanswered());
  }

  /** The way broke: what may be sent again waits again, in its old place; with an error, nothing may. */
  down(error?: ChannelError): void {
    this.#way = null;
    this.#callOff();
    const goes = (request: Request): boolean => !error && this.#rules.again === "always" && (request.phase !== "sent" || this.#isKnownAgain(request));
    const over = this.#requests.filter((request) => !goes(request));
    this.#requests = this.#requests.filter(goes);
    for (const request of [...over, ...this.#requests]) {
      if (this.#rules.once && request.phase === "sent") request.doubtSince ??= request.sentAt;
      request.phase = "waiting";
      request.callOff();
    }
    this.#trim();
    for (const request of over) {
      if (error && request.doubtSince && this.#isKnownAgain(request)) this.#doubts.push(request);
      request.fail(error ?? offline("The connection broke before the answer."));
    }
  }

  /** Sends as much as the rules allow. */
  flush(): void {
    this.#again();
    const way = this.#way;
    if (!way || (this.#phase === "untold" && this.#are("waiting").some(({ doubtSince }) => doubtSince !== undefined))) return;
    // What may have been carried out, and would not be known again, is not sent again.
    for (const request of this.#are("waiting"))
      if (request.doubtSince !== undefined && !(this.#isKnownAgain(request) && way.now() - request.doubtSince <= KNOWN_MS)) this.take(request.id, unanswered());
    for (;;) {
      const waiting = this.#are("waiting");
      if (!waiting.length || (this.#rules.again === "always" && waiting.length < this.#requests.length)) return;
      const now = this.#runtime.now();
      if (now - this.#sentAt >= RESTED_MS) this.#gap = 0;
      const wait = Math.ceil(Math.max(this.#holdUntil, this.#sentAt + this.#gap, this.#rules.own?.next ?? 0, this.#rules.paced ? way.pace.next : 0) - now);
      if (wait > 0) {
        this.#callOff();
        this.#callOff = this.#runtime.after(wait, () => this.flush());
        return;
      }
      this.#launch(way, waiting);
    }
  }

  /** Whether a request of this id waits for its answer. */
  has(id: string): boolean {
    return this.#are("sent").some((any) => any.id === id);
  }

  /** Takes the answer to one request, or the error that ends it; says whether it waits for one here. */
  take(id: string | undefined, answer: Answer | ChannelError): boolean {
    const request = this.#requests.find((any) => any.id === id);
    if (!request) return false;
    request.callOff();
    if (answer instanceof ChannelError && answer.code === "rate_limited" && this.#rules.again !== "never") {
      request.phase = "refused";
      this.#holdUntil = Math.max(this.#holdUntil, this.#runtime.now() + (answer.retryAfter ?? 1_000));
    } else {
      this.#requests = this.#requests.filter((any) => any !== request);
      if (answer instanceof ChannelError) request.fail(answer);
      else request.done(answer);
    }
    this.flush();
    return true;
  }

  /** Whether the service would know it again: a call that it does not remember might run twice. */
  #isKnownAgain({ call }: Request): boolean {
    return call === undefined || this.#remembers.includes(call);
  }

  #are(phase: Request["phase"]): Request[] {
    return this.#requests.filter((request) => request.phase === phase);
  }

  #launch(way: Way, waiting: readonly Request[]): void {
    const most = this.#gap || this.#rules.single ? 1 : way.limits.batch;
    const now = this.#runtime.now();
    const texts: string[] = [];
    let size = 2;
    for (const request of waiting) {
      size += request.bytes + 1;
      // An array counts as a frame too, so it must fit; one request alone was measured when it was made.
      if (texts.length === most || (texts.length && size > way.limits.frame_bytes)) break;
      texts.push(request.text);
      request.phase = "sent";
      request.sentAt = way.now();
      request.untold = request.doubtSince !== undefined || request.call !== undefined;
      request.overdue = false;
      request.callOff = this.#runtime.after(ANSWER_MS, () => {
        // On a way that has died it is not the answer that is missing, and after a block it may wait to be read.
        request.overdue = true;
        way.send("ping");
      });
    }
    this.#sentAt = now;
    this.#rules.own?.spend(texts.length, now);
    if (this.#rules.paced) way.pace.spend(texts.length, now);
    way.send(texts.length > 1 ? `[${texts}]` : `${texts}`);
  }

  /** When all of an array is answered, what was refused by rate goes first again, one at a time. */
  #again(): void {
    const refused = this.#are("refused");
    if (!refused.length || (this.#rules.again === "always" && this.#are("sent").length)) return;
    for (const request of refused) request.phase = "waiting";
    this.#trim();
    // The one before passed `gap` earlier and this one would have now: together that is the service's interval.
    this.#gap += Math.max(1, this.#holdUntil - this.#runtime.now());
  }

  /** Of those that wait the latest takes the place of the others, where that is the rule. */
  #trim(): void {
    if (!this.#rules.latest) return;
    const before = this.#are("waiting").slice(0, -1);
    this.#requests = this.#requests.filter((request) => !before.includes(request));
    for (const request of before) request.done();
  }
}

/** Of three kinds: the way lives and has no answer, the service would not know it again, or its caller waits no longer. */
export const unanswered = (): ChannelError => new ChannelError("timeout", "No answer; it may have been carried out.");
