import { ChannelError } from "./errors.ts";
import type { Runtime } from "./runtime.ts";
import { Tokens } from "./tokens.ts";
import type { TokenSource } from "./tokens.ts";

/** A sign-in that the service has not answered yet. */
interface SignIn {
  readonly tokens: Tokens;
  done(): void;
  fail(error: unknown): void;
}

/** Who a connection speaks as: the tokens in use, and those of a sign-in until the service has judged them (A5, A7). */
export class Identity {
  readonly #make: (source: TokenSource | undefined) => Tokens;
  #tokens: Tokens;
  #joined: Tokens;
  #signIn: SignIn | undefined;

  /** `over` aborts when the channel is; `now` is the service's clock. */
  constructor(source: TokenSource | undefined, runtime: Runtime, over: AbortSignal, now: () => number) {
    this.#make = (source) => new Tokens(source, runtime, over, now);
    this.#tokens = this.#joined = this.#make(source);
  }

  /** The tokens the service took last, or was given first. */
  get tokens(): Tokens {
    return this.#tokens;
  }

  /** The tokens of this join. */
  get joined(): Tokens {
    return this.#joined;
  }

  /** Whether this join is what a sign-in is judged by. */
  get trying(): boolean {
    return this.#signIn?.tokens === this.#joined;
  }

  /** Those to join with next: a sign-in's, where one is unanswered. */
  join(): Tokens {
    return (this.#joined = this.#signIn?.tokens ?? this.#tokens);
  }

  /** Whether the service is still to be told a token of these. */
  wants(tokens: Tokens): boolean {
    return tokens === this.#tokens || tokens === this.#signIn?.tokens;
  }

  /** Takes another source without asking anybody. */
  use(source: TokenSource): void {
    this.#supersede();
    this.#tokens = this.#make(source);
  }

  /** Takes another source once the service has taken a token of it; `answered` tells what came of it. */
  signIn(source: TokenSource): { readonly tokens: Tokens; readonly answered: Promise<void> } {
    this.#supersede();
    const tokens = this.#make(source);
    const answered = new Promise<void>((done, fail) => (this.#signIn = { tokens, done, fail }));
    return { tokens, answered };
  }

  /** The service took a token of these: from now on they are the ones in use. */
  accepted(tokens: Tokens, token: string | null): void {
    tokens.accepted(token);
    this.#tokens = tokens;
    if (this.#signIn?.tokens !== tokens) return;
    this.#signIn.done();
    this.#signIn = undefined;
  }

  /** The service welcomed whoever joined, or who has signed in since. */
  welcomed(): void {
    const tokens = this.trying ? this.#joined : this.#tokens;
    this.accepted(tokens, tokens.current);
  }

  /** Gives a sign-in up whose tokens these are; says whether there was one. The tokens in use stay. */
  refused(tokens: Tokens, error: unknown): boolean {
    const mine = this.#signIn?.tokens === tokens;
    if (mine) this.end(error);
    return mine;
  }

  /** Nobody waits for the sign-in any more, or nothing will come of it. */
  end(error: unknown): void {
    this.#signIn?.fail(error);
    this.#signIn = undefined;
  }

  #supersede(): void {
    this.end(new ChannelError("aborted", "Another sign-in took its place."));
  }
}
