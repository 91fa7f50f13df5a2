import { ChannelError } from "./errors.ts";
import type { Ask } from "./lane.ts";
import type { Runtime } from "./runtime.ts";
import { expiryOf } from "./tokens.ts";
import type { TokenAsk, Tokens } from "./tokens.ts";

/** A token is renewed this many milliseconds before it expires, or when four fifths of its time are over. */
const AHEAD_MS = 60_000;
/** Timers of all runtimes hold at least this many milliseconds. */
const LONGEST_TIMER_MS = 2_000_000_000;
/** A token function that failed is asked again after this many milliseconds at the earliest. */
const AGAIN_MS = 1_000;

/** What a renewal needs, and whom it tells. */
export interface RenewalPorts {
  /** The service's clock, in milliseconds since 1970. */
  now(): number;
  ask: Ask;
  /** No token that the service takes is to be had. */
  refused(error: ChannelError): void;
}

/** Replaces the grant of an open connection before it expires (A5). */
export class Renewal {
  readonly #runtime: Runtime;
  readonly #tokens: Tokens;
  readonly #ports: RenewalPorts;
  #turn = 0;
  #callOff = (): void => {};

  constructor(runtime: Runtime, tokens: Tokens, ports: RenewalPorts) {
    this.#runtime = runtime;
    this.#tokens = tokens;
    this.#ports = ports;
  }

  /** Plans the next renewal; `expires` is by the service's clock. */
  start(expires: number | null | undefined): void {
    this.#callOff();
    if (!this.#tokens.renewable || typeof expires !== "number") return;
    const left = expires - this.#ports.now();
    // Spread, so that members who joined together do not all ask together.
    const ahead = Math.min(AHEAD_MS, left / 5) * (1 + this.#runtime.random() / 2);
    this.#plan(left - ahead, expires, "renew");
  }

  stop(): void {
    this.#turn++;
    this.#callOff();
  }

  /** Tells the service the token of the source it has; asks once more where it is refused. */
  async renew(reason: TokenAsk["reason"], expires = Infinity): Promise<void> {
    const turn = this.#turn;
    try {
      await this.now(reason);
    } catch (error) {
      // The connection is gone, and with it the question: the next join asks for itself.
      if (turn !== this.#turn) return;
      if (!(error instanceof ChannelError) || error.retryable)
        this.#plan(Math.max(AGAIN_MS, (expires - this.#ports.now()) / 4), expires, reason);
      else if (this.#tokens.renewable && reason !== "refused") await this.renew("refused", expires);
      else this.#ports.refused(error);
    }
  }

  #plan(ms: number, expires: number, reason: TokenAsk["reason"]): void {
    this.#callOff = this.#runtime.after(Math.min(LONGEST_TIMER_MS, Math.max(0, ms)), () => void this.renew(reason, expires));
  }

  /** Tells the service a token of the source; rejects where it is refused. */
  async now(reason: TokenAsk["reason"]): Promise<void> {
    const turn = this.#turn;
    const token = this.#tokens.renewable ? await this.#tokens.ask(reason) : this.#tokens.current;
    // The same token again would change nothing.
    if (turn !== this.#turn || token === null || (reason === "renew" && token === this.#tokens.current)) return;
    await new Promise((done, fail) => this.#ports.ask({ type: "auth", token }, done, fail));
    this.#tokens.accepted(token);
    this.start(expiryOf(token));
  }
}
