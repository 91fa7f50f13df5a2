import { ChannelError } from "./errors.ts";

/** Why a token is asked for. */
export interface TokenAsk {
  /** `join`: none is at hand; `renew`: the one in use expires soon; `refused`: the service did not take the last one. */
  readonly reason: "join" | "renew" | "refused";
  /** Aborts when the channel is closed. */
  readonly signal: AbortSignal;
}

/**
 * A token, or the function that gets one: the client calls it before the token expires and after it was
 * refused. A function that throws is asked again later; one that gives `null` says that nobody is signed in.
 */
export type TokenSource = string | ((ask: TokenAsk) => string | null | Promise<string | null>);

/** Tokens that expire within this many milliseconds are not worth a join. */
const TOO_SHORT_MS = 1_000;

/** The token in use, and the asking for a new one, one at a time. */
export class Tokens {
  #source: TokenSource | undefined;
  #asking: Promise<string | null> | undefined;
  /** `spent`: refused or run out, to be replaced; `second`: the replacement, which is the last try. */
  #phase: "good" | "spent" | "second" = "good";
  readonly #signal: AbortSignal;
  /** The token the service was, or is to be, told; `null` while there is none. */
  current: string | null = null;

  constructor(source: TokenSource | undefined, signal: AbortSignal) {
    this.#signal = signal;
    this.use(source);
  }

  /** Whether the app gave a source at all. */
  get known(): boolean {
    return this.#source !== undefined;
  }

  /** Whether a new token can be had. */
  get renewable(): boolean {
    return typeof this.#source === "function";
  }

  /** Takes another source, as at a sign-in. */
  use(source: TokenSource | undefined): void {
    this.#source = source;
    this.#phase = "good";
    this.#asking = undefined;
    this.current = typeof source === "string" ? source : null;
  }

  /** The token to join with; `null` means joining without one. `now` is the service's clock, in milliseconds. */
  async forJoin(now: number): Promise<string | null> {
    const { current } = this;
    if (!this.renewable) return current;
    if (current !== null && this.#phase !== "spent" && (expiryOf(current) ?? Infinity) > now + TOO_SHORT_MS) return current;
    this.current = await this.ask(this.#phase === "spent" ? "refused" : "join");
    if (this.#phase === "spent") this.#phase = "second";
    return this.current;
  }

  /** Calls the app's function, unless a call is already under way; throws where nobody is signed in. */
  async ask(reason: TokenAsk["reason"]): Promise<string> {
    const source = this.#source;
    const asking = (this.#asking ??= (async () => (typeof source === "function" ? source({ reason, signal: this.#signal }) : null))());
    try {
      const token = await asking;
      if (token !== null) return token;
      throw new ChannelError("unauthenticated", "Nobody is signed in: the token function gave null.");
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
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
