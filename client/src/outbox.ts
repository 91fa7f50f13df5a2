import { ChannelError, closeError, offline } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import { Lane } from "./lane.ts";
import type { Answer, Way } from "./lane.ts";
import { Pace } from "./pace.ts";
import { LONE_SURROGATE } from "./protocol.ts";
import type { Limits, Refusal } from "./protocol.ts";
import type { Runtime } from "./runtime.ts";

/** How many requests may wait for their answer, and how many bytes of them; what is more is refused. */
const QUEUE_FRAMES = 1_000;
const QUEUE_BYTES = 1 << 20;
/** What the service takes where `welcome` did not say. */
const DEFAULT_LIMITS: Limits = { frame_bytes: 65_536, batch: 100, per_second: 20, burst: 40 };

/**
 * The lanes:
 * - `publish`: in order, again after a reconnect, again after `rate_limited`
 * - `volatile`: now or not at all
 * - `presence` and `history`: one after the other, again after a reconnect and after `rate_limited`
 * - `control`: the client's own requests, meant for one connection alone; needs no `welcome`
 */
export type LaneName = "publish" | "volatile" | "presence" | "history" | "control";

/** Who waits for an answer. */
export interface Waiter {
  done(answer: Answer): void;
  fail(error: ChannelError): void;
}

/** Everything this client has asked for and was not answered yet (F2). */
export class Outbox {
  readonly #runtime: Runtime;
  readonly #instance: string;
  readonly #lanes: ReadonlyMap<LaneName, Lane>;
  #counter = 0;
  #frames = 0;
  #bytes = 0;
  #limits = DEFAULT_LIMITS;
  #send: ((text: string) => void) | null = null;
  #phase: "down" | "linked" | "open" | "over" = "down";
  #over = closeError(1000);
  #turn: "none" | "due" = "none";

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#instance = runtime.instance();
    this.#lanes = new Map<LaneName, Lane>([
      ["control", new Lane(runtime, { batch: "unordered", again: "by_rate", paced: true })],
      ["publish", new Lane(runtime, { batch: "many", again: "always", paced: false })],
      ["volatile", new Lane(runtime, { batch: "unordered", again: "never", paced: false })],
      ["presence", new Lane(runtime, { batch: 1, again: "always", paced: true })],
      ["history", new Lane(runtime, { batch: 1, again: "always", paced: true })],
    ]);
  }

  /** Whether this lane has something to do. */
  busy(lane: LaneName): boolean {
    return this.#lanes.get(lane)?.busy ?? false;
  }

  /** Sends a request as soon as its lane may; all that is asked in one turn leaves together. Returns its id. */
  ask(lane: LaneName, fields: object, waiter: Waiter): string {
    const id = `${this.#instance}-${this.#counter++}`;
    const settle = (error: ChannelError): string => (waiter.fail(error), id);
    const fail = (code: ErrorCode, text: string): string => settle(new ChannelError(code, text));
    if (this.#phase === "over") return settle(this.#over);
    if ((lane === "volatile" && this.#phase !== "open") || (lane === "control" && this.#phase === "down")) return settle(offline());
    let text: string;
    try {
      text = JSON.stringify({ ...fields, id });
    } catch (error) {
      return fail("bad_frame", String(error));
    }
    // The service could not tell by id which request it refuses.
    if (LONE_SURROGATE.test(text)) return fail("bad_frame", "Half a surrogate pair is no text.");
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > this.#limits.frame_bytes) return fail("too_large", `A frame of ${bytes} bytes is larger than ${this.#limits.frame_bytes}.`);
    if (lane !== "control" && (this.#frames >= QUEUE_FRAMES || this.#bytes + bytes > QUEUE_BYTES))
      return fail("queue_full", "Too much waits.");
    this.#count(1, bytes);
    this.#lanes.get(lane)?.add({
      id,
      text,
      bytes,
      done: (answer) => (this.#count(-1, -bytes), waiter.done(answer)),
      fail: (error) => (this.#count(-1, -bytes), waiter.fail(error)),
    });
    this.#soon();
    return id;
  }

  /** Gives a request up. */
  withdraw(id: string, error: ChannelError): void {
    for (const lane of this.#lanes.values()) lane.withdraw(id, error);
  }

  /** Takes an answer or a refusal; says whether anyone waited for it. */
  take(id: string | undefined, answer: Answer | Refusal): boolean {
    return id !== undefined && [...this.#lanes.values()].some((lane) => lane.take(id, answer));
  }

  /** A link is there, though not more than a sign-in may go over it yet. */
  linked(send: (text: string) => void): void {
    this.#send = send;
    this.#phase = "linked";
    this.#lanes.get("control")?.open(this.#way(null));
  }

  /** The service said `welcome`: what waits goes out, what was unanswered first. */
  open(limits: Limits = DEFAULT_LIMITS): void {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#phase = "open";
    const way = this.#way(new Pace(this.#limits.per_second, this.#limits.burst, this.#runtime.now()));
    for (const lane of this.#lanes.values()) lane.open(way);
  }

  /** The link is gone. */
  down(): void {
    if (this.#phase === "over") return;
    this.#phase = "down";
    this.#send = null;
    for (const lane of this.#lanes.values()) lane.down();
  }

  /** The channel is over: nothing is answered any more. */
  finish(error: ChannelError): void {
    this.#phase = "over";
    this.#over = error;
    for (const lane of this.#lanes.values()) lane.down(error);
  }

  #count(frames: number, bytes: number): void {
    this.#frames += frames;
    this.#bytes += bytes;
  }

  #way(pace: Pace | null): Way {
    return { limits: this.#limits, pace, send: (text) => this.#send?.(text) };
  }

  #soon(): void {
    if (this.#turn === "due") return;
    this.#turn = "due";
    queueMicrotask(() => {
      this.#turn = "none";
      for (const lane of this.#lanes.values()) lane.flush();
    });
  }
}
