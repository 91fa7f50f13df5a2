import { ChannelError, offline } from "./errors.ts";
import type { Pace } from "./pace.ts";
import type { Ack, HistoryFrame, Limits, MessageFrame, Refusal, Resumed } from "./protocol.ts";
import type { Runtime } from "./runtime.ts";

/** A frame that answers a request. */
export type Answer = Ack | MessageFrame | HistoryFrame | Resumed;

/** Asks for something on the connection as it is; exactly one of the two is called, within the turn of the answer. */
export type Ask = (fields: object, done: (answer: Answer) => void, fail: (error: ChannelError) => void) => void;

/** A request on its way: `done` or `fail` is called exactly once. */
export interface Request {
  readonly id: string;
  /** Its place in the order in which requests were made. */
  readonly place: number;
  readonly text: string;
  readonly bytes: number;
  done(answer: Answer): void;
  fail(error: ChannelError): void;
  /** Ends the waiting for an answer. */
  callOff(): void;
}

/** How a lane treats its requests. */
export interface LaneRules {
  /** How many frames may travel in one array; without an answer to all of them no other array is sent. */
  readonly batch: 1 | "many" | "unordered";
  /** Whether what was refused by rate is sent again, and what was unanswered when the way broke. */
  readonly again: "always" | "by_rate" | "never";
  /** Whether `welcome.limits` paces it: the general rate is for everything but publishing (R5). */
  readonly paced: boolean;
}

/** What all lanes share. */
export interface Way {
  readonly limits: Limits;
  readonly pace?: Pace;
  send(text: string): void;
}

/** An answer that has not come after this many milliseconds on a living connection will not come. */
const ANSWER_MS = 30_000;
/** A lane that was refused by rate and then sent nothing for this many milliseconds tries its full speed again. */
const RESTED_MS = 10_000;

/**
 * Requests that keep their order. An ordered lane has one array under way at a time: were a second one sent
 * before the answer to the first, a publish of it could pass one that the first had refused by rate.
 */
export class Lane {
  readonly #rules: LaneRules;
  readonly #runtime: Runtime;
  #queue: Request[] = [];
  #flying = new Map<string, Request>();
  #refused: Request[] = [];
  #holdUntil = 0;
  /** Milliseconds from one request to the next, as refusals by rate have taught it; 0 while there were none. */
  #gap = 0;
  #sentAt = 0;
  #way: Way | null = null;
  #callOff = (): void => {};

  constructor(runtime: Runtime, rules: LaneRules) {
    this.#runtime = runtime;
    this.#rules = rules;
  }

  /** Takes a request, to be sent when the turn is over. */
  add(request: Request): void {
    this.#queue.push(request);
    queueMicrotask(() => this.flush());
  }

  /** Whether anything is neither answered nor given up. */
  get busy(): boolean {
    return this.#queue.length + this.#flying.size + this.#refused.length > 0;
  }

  /** A way is there: what waits goes out. */
  open(way: Way): void {
    this.#way = way;
    this.#holdUntil = 0;
    this.flush();
  }

  /** The way broke: what may be sent again goes back to the front of the queue, in its old order; with an error, nothing may. */
  down(error?: ChannelError): void {
    this.#way = null;
    this.#callOff();
    const back = [...this.#flying.values(), ...this.#refused, ...this.#queue].sort((a, b) => a.place - b.place);
    this.#flying.clear();
    this.#refused = [];
    this.#queue = [];
    for (const request of back) request.callOff();
    if (this.#rules.again === "always" && !error) this.#queue = back;
    else for (const request of back) request.fail(error ?? offline());
  }

  /** Sends as much as the rules allow. */
  flush(): void {
    const way = this.#way;
    if (!way) return;
    while (this.#queue.length && (this.#rules.batch === "unordered" || !(this.#flying.size + this.#refused.length))) {
      const now = this.#runtime.now();
      if (now - this.#sentAt >= RESTED_MS) this.#gap = 0;
      const wait = Math.max(
        this.#holdUntil - now,
        // Without a gap the clock may have been set back.
        this.#gap && this.#sentAt + this.#gap - now,
        (this.#rules.paced && way.pace?.wait(now)) || 0,
      );
      if (wait > 0) {
        this.#callOff();
        this.#callOff = this.#runtime.after(wait, () => this.flush());
        return;
      }
      this.#launch(way);
    }
  }

  /** Takes the answer to one request; says whether it waits for one here. */
  take(id: string, answer: Answer | Refusal): boolean {
    const request = this.#landed(id);
    if (!request) return false;
    if (answer.type !== "error") {
      request.done(answer);
    } else if (answer.code === "rate_limited" && this.#rules.again !== "never") {
      this.#refused.push(request);
      this.#holdUntil = Math.max(this.#holdUntil, this.#runtime.now() + (answer.retry_after ?? 1_000));
    } else {
      request.fail(new ChannelError(answer.code, answer.message, answer.retry_after, answer.seq));
    }
    this.#settle();
    return true;
  }

  /** Gives one request up; it may be carried out all the same if it was sent already. */
  withdraw(id: string, error: ChannelError): void {
    const request = this.#landed(id) ?? [...this.#queue, ...this.#refused].find((waiting) => waiting.id === id);
    if (!request) return;
    this.#queue = this.#queue.filter((waiting) => waiting !== request);
    this.#refused = this.#refused.filter((waiting) => waiting !== request);
    request.fail(error);
    this.#settle();
  }

  #launch(way: Way): void {
    const most = this.#gap || this.#rules.batch === 1 ? 1 : way.limits.batch;
    let bytes = 2;
    let count = 0;
    while (count < most && count < this.#queue.length) {
      bytes += (this.#queue[count]?.bytes ?? 0) + 1;
      // An array counts as a frame too, so it must fit; one request alone was measured when it was made.
      if (count && bytes > way.limits.frame_bytes) break;
      count++;
    }
    const batch = this.#queue.splice(0, count);
    for (const request of batch) {
      this.#flying.set(request.id, request);
      request.callOff = this.#runtime.after(ANSWER_MS, () =>
        this.withdraw(request.id, new ChannelError("timeout", "No answer in 30 s; it may have been carried out.")),
      );
    }
    this.#sentAt = this.#runtime.now();
    if (this.#rules.paced) way.pace?.spend(count, this.#sentAt);
    const texts = batch.map(({ text }) => text).join();
    way.send(count > 1 ? `[${texts}]` : texts);
  }

  #landed(id: string): Request | undefined {
    const request = this.#flying.get(id);
    this.#flying.delete(id);
    request?.callOff();
    return request;
  }

  /** When all of an array is answered, what was refused by rate goes first again, one at a time. */
  #settle(): void {
    if (this.#rules.batch === "unordered" ? !this.#refused.length : this.#flying.size) return;
    if (this.#refused.length) {
      this.#queue = [...this.#refused.sort((a, b) => a.place - b.place), ...this.#queue];
      this.#refused = [];
      // The one before passed `gap` earlier and this one would have now: together that is the service's interval.
      this.#gap += Math.max(1, this.#holdUntil - this.#runtime.now());
    }
    this.flush();
  }
}
