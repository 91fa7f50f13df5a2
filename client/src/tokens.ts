import { onAbort } from "./emitter.ts";
import { ChannelError } from "./errors.ts";
import { SLOW_MS, TOKEN_MS, TOO_SHORT_MS } from "./numbers.ts";
import type { Host } from "./options.ts";
import type { Runtime } from "./runtime.ts";

/** Why a token is asked for. */
export interface TokenAsk {
  /** `join`: none is at hand; `renew`: the one in use expires soon; `refused`: the service did not take the last one, or the channel was over. */
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

/** One call of the app's function. */
interface Call {
  /** What it gave, as it is. */
  readonly answer: Promise<unknown>;
  slow: boolean;
  giveUp(): void;
}

/** What tokens need. */
export interface TokenPorts {
  /** Aborts when the channel is over; another one each time it is taken up again. */
  over(): AbortSignal;
  /** The service's clock, in milliseconds since 1970. */
  now(): number;
  /** The connection that is shared, whose token holds where there is none of one's own. */
  readonly host?: Pick<Host, "renewable" | "renew"> | undefined;
}

/** One source of tokens: the token in use, and the asking for a new one, one at a time. */
export class Tokens {
  readonly #runtime: Runtime;
  readonly #ports: TokenPorts;
  readonly #source: TokenSource | undefined;
  /** `spent`: refused or run out, to be replaced; `second`: the replacement, which is the last try. */
  #phase: "good" | "spent" | "second" = "good";
  #call: Call | undefined;
  /** The token the service was, or is to be, told; `null` while there is none. */
  current: string | null;

  constructor(runtime: Runtime, ports: TokenPorts, source: TokenSource | undefined) {
    this.#runtime = runtime;
    this.#ports = ports;
    this.#source = source;
    this.current = typeof source === "string" ? source : null;
  }

  /** Whether a new token can be had. */
  get renewable(): boolean {
    return typeof this.#source === "function";
  }

  /** Whether the function was asked, and has been silent for long. */
  get slow(): boolean {
    return this.#call?.slow ?? false;
  }

  /** Sees to it that the token in use is one to join with; `null` means joining without one. */
  async prepare(): Promise<void> {
    const { current } = this;
    const reason = this.#phase === "spent" ? "refused" : "join";
    if (this.#hosted && reason === "refused") await this.#ports.host?.renew();
    if (!this.renewable || (current !== null && reason === "join" && expiryOf(current) > this.#ports.now() + TOO_SHORT_MS)) return;
    this.current = await this.ask(reason);
    if (this.#phase === "spent") this.#phase = "second";
  }

  /** Calls the app's function, unless a call is under way that may still be answered; throws where nobody is signed in. */
  async ask(reason: TokenAsk["reason"]): Promise<string> {
    if (this.slow) this.#call = void this.#call?.giveUp();
    const token = await (this.#call ??= this.#begin(reason)).answer;
    if (typeof token === "string" && token) return token;
    if (token === null) throw new ChannelError("unauthenticated", "Nobody is signed in.");
    // Told by its kind alone: what it holds may be a secret.
    throw new TypeError(`The token function gave ${typeof token}, where a token or null is wanted.`);
  }

  /** The service took the token. */
  accepted(token: string | null): void {
    this.current = token;
    this.#phase = "good";
  }

  /** Whether one more token may be tried after a refusal, which is once. */
  get replaceable(): boolean {
    return (this.renewable || this.#hosted) && this.#phase === "good";
  }

  /** Whether it is the token of a shared connection that holds, and can be renewed. */
  get #hosted(): boolean {
    return this.#source === undefined && this.#ports.host?.renewable === true;
  }

  /** The service refused the token, or it ran out. */
  spend(): void {
    this.#phase = "spent";
  }

  /** Calls the app's function; the call ends even where the function does not. */
  #begin(reason: TokenAsk["reason"]): Call {
    const asked = new AbortController();
    const { signal } = asked;
    const giveUp = (): void => asked.abort();
    const call: Call = {
      slow: false,
      giveUp,
      answer: new Promise((settle, fail) => {
        onAbort(signal, () => fail(new ChannelError("timeout", "The token function does not answer.")));
        (async () => (this.#source as TokenFunction)({ reason, signal, now: this.#ports.now() }))().then(settle, fail);
      }),
    };
    const ends = [
      this.#runtime.after(SLOW_MS, () => (call.slow = true)),
      this.#runtime.after(TOKEN_MS, giveUp),
      onAbort(this.#ports.over(), giveUp),
    ];
    const end = (): void => {
      for (const callOff of ends) callOff();
      if (this.#call === call) this.#call = undefined;
    };
    call.answer.then(end, end);
    return call;
  }
}

/** When a JWT expires, in milliseconds since 1970, read without checking it; never, as far as can be read. */
export function expiryOf(token: string): number {
  const exp = claimsOf(token)["exp"];
  return typeof exp === "number" ? exp * 1000 : Infinity;
}

/** The claims of a JWT, read without checking them; none where it cannot be read. Text in them is UTF-8 bytes still. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/"))) as Record<string, unknown>;
  } catch {
    return {};
  }
}
