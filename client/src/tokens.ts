import { onAbort } from "./emitter.ts";
import { ChannelError } from "./errors.ts";
import { SLOW_MS, TOKEN_MS, TOO_SHORT_MS } from "./numbers.ts";
import type { Runtime } from "./runtime.ts";

/** Why a token is asked for. */
export interface TokenAsk {
  /** `join`: none is at hand; `renew`: the one in use expires soon; `refused`: the service did not take the last one. */
  readonly reason: "join" | "renew" | "refused";
  /** Aborts when nobody waits for the answer any more: the channel is closed, or 30 s are over. */
  readonly signal: AbortSignal;
  /** The service's clock, in milliseconds since 1970; `-Infinity` before it told the time, when nothing has expired. */
  readonly now: number;
}

/**
 * A token, or the function that gets one: the client calls it before the token expires and after it was
 * refused. A function that throws, or has no answer within 30 s, is asked again later; one that gives `null` says
 * that nobody is signed in.
 */
export type TokenSource = string | ((ask: TokenAsk) => string | null | Promise<string | null>);

type TokenFunction = Exclude<TokenSource, string>;

/** One source of tokens: the token in use, and the asking for a new one, one at a time. */
export class Tokens {
  readonly #runtime: Runtime;
  readonly #source: TokenSource | undefined;
  /** `spent`: refused or run out, to be replaced; `second`: the replacement, which is the last try. */
  #phase: "good" | "spent" | "second" = "good";
  readonly #over: AbortSignal;
  readonly #now: () => number;
  #call: Call | undefined;
  /** The token the service was, or is to be, told; `null` while there is none. */
  current: string | null;

  /** `over` aborts when the channel is; `now` is the service's clock. */
  constructor(source: TokenSource | undefined, runtime: Runtime, over: AbortSignal, now: () => number) {
    this.#now = now;
    this.#source = source;
    this.#runtime = runtime;
    this.#over = over;
    this.current = typeof source === "string" ? source : null;
  }

  /** Whether there is a token, or a way to one. */
  get known(): boolean {
    return this.renewable || this.current !== null;
  }

  /** Whether a new token can be had. */
  get renewable(): boolean {
    return typeof this.#source === "function";
  }

  /** Whether the function was asked, and has been silent for long. */
  get slow(): boolean {
    return this.#call?.slow ?? false;
  }

  /** The token to join with; `null` means joining without one. */
  async forJoin(): Promise<string | null> {
    const { current } = this;
    if (!this.renewable) return current;
    if (current !== null && this.#phase !== "spent" && (expiryOf(current) ?? Infinity) > this.#now() + TOO_SHORT_MS) return current;
    this.current = await this.ask(this.#phase === "spent" ? "refused" : "join");
    if (this.#phase === "spent") this.#phase = "second";
    return this.current;
  }

  /** Calls the app's function, unless a call is under way that may still be answered; throws where nobody is signed in. */
  async ask(reason: TokenAsk["reason"]): Promise<string> {
    if (this.slow) this.#call = void this.#call?.giveUp();
    const call = (this.#call ??= new Call(this.#source as TokenFunction, { reason, now: this.#now() }, this.#runtime, this.#over));
    try {
      const token = await call.answer;
      if (typeof token === "string" && token) return token;
      if (token === null) throw new ChannelError("unauthenticated", "The token function gave null: nobody is signed in.");
      // Told by its kind alone: what it holds may be a secret.
      throw new TypeError(`The token function gave ${typeof token}, where a token or null is wanted.`);
    } finally {
      if (this.#call === call) this.#call = undefined;
    }
  }

  /** The service took the token. */
  accepted(token: string | null): void {
    this.current = token;
    this.#phase = "good";
  }

  /** Whether one more token may be tried after a refusal, which is once. */
  get replaceable(): boolean {
    return this.renewable && this.#phase === "good";
  }

  /** The service refused the token, or it ran out. */
  spend(): void {
    this.#phase = "spent";
  }
}

/** One call of the app's function, which ends even where the function does not. */
class Call {
  /** What it gave, as it is. */
  readonly answer: Promise<unknown>;
  slow = false;
  giveUp = (): void => {};

  constructor(call: TokenFunction, ask: Omit<TokenAsk, "signal">, runtime: Runtime, over: AbortSignal) {
    const abort = new AbortController();
    this.answer = new Promise((settle, fail) => {
      this.giveUp = () => {
        abort.abort();
        fail(new ChannelError("timeout", "The token function does not answer."));
      };
      (async () => call({ ...ask, signal: abort.signal }))().then(settle, fail);
    });
    const ends = [
      runtime.after(SLOW_MS, () => (this.slow = true)),
      runtime.after(TOKEN_MS, this.giveUp),
      onAbort(over, this.giveUp),
    ];
    const end = (): void => ends.forEach((callOff) => callOff());
    this.answer.then(end, end);
  }
}

/** When a JWT expires, in milliseconds since 1970, read without checking it; `null` where it cannot be read. */
export function expiryOf(token: string): number | null {
  const exp = claimsOf(token)["exp"];
  return typeof exp === "number" ? exp * 1000 : null;
}

/** The claims of a JWT, read without checking them; none where it cannot be read. Text in them is UTF-8 bytes still. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"))) as Record<string, unknown>;
  } catch {
    return {};
  }
}
