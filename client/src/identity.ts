import { ChannelError } from "./errors.ts";
import type { Ask } from "./lane.ts";
import { RENEW_AGAIN_MS, RENEW_MS } from "./numbers.ts";
import type { Runtime } from "./runtime.ts";
import { expiryOf, Tokens } from "./tokens.ts";
import type { TokenAsk, TokenPorts, TokenSource } from "./tokens.ts";

/** A sign-in that the service has not answered yet. */
interface SignIn {
  readonly tokens: Tokens;
  done(): void;
  fail(error: unknown): void;
}

/** What an identity needs, and whom it tells. */
export interface IdentityPorts extends TokenPorts {
  ask: Ask;
  /** No token that the service takes is to be had. */
  refused(error: ChannelError): void;
}

/**
 * Who a connection speaks as: the tokens in use, and those of a sign-in until the service has judged them (A5, A7).
 * Replaces the grant of an open connection before it expires, and at a sign-in.
 */
export class Identity {
  readonly #runtime: Runtime;
  readonly #ports: IdentityPorts;
  #callOff = (): void => {};
  /** Counts connections, so that what was asked for an older one is not told to the next. */
  #turn = 0;
  #tokens: Tokens;
  #joined: Tokens;
  #signIn: SignIn | undefined;
  /** Settles when no `auth` is under way. */
  #told: Promise<unknown> = Promise.resolve();

  constructor(runtime: Runtime, ports: IdentityPorts, source: TokenSource | undefined) {
    this.#runtime = runtime;
    this.#ports = ports;
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

  /** Those to speak as next: a sign-in's, where one is unanswered. */
  get next(): Tokens {
    return this.#signIn?.tokens ?? this.#tokens;
  }

  /** Whether this join is what a sign-in is judged by. */
  get trying(): boolean {
    return this.#signIn?.tokens === this.#joined;
  }

  /** Joins as who is next, and gets the token to join with. */
  join(): Promise<void> {
    return (this.#joined = this.next).prepare();
  }

  /** Takes another source without asking anybody. */
  use(source: TokenSource): void {
    this.#supersede();
    this.#tokens = this.#make(source);
  }

  /** Takes another source once the service has taken a token of it, and settles then. */
  signIn(source: TokenSource): Promise<void> {
    this.#supersede();
    return new Promise((done, fail) => (this.#signIn = { tokens: this.#make(source), done, fail }));
  }

  /** The service welcomed whoever joined, or who has signed in since; `expires` is by its clock. */
  welcomed(expires: number | null | undefined): void {
    const tokens = this.trying ? this.#joined : this.#tokens;
    this.#accepted(tokens, tokens.current, expires);
  }

  /** The connection is gone. */
  stop(): void {
    this.#turn++;
    this.#callOff();
  }

  /** Gives a sign-in up whose tokens these are, or this join's; says whether there was one. The tokens in use stay. */
  refused(error: unknown, tokens = this.#joined): boolean {
    const mine = this.#signIn?.tokens === tokens;
    if (mine) this.end(error);
    return mine;
  }

  /** Nothing will come of a sign-in any more. */
  end(error: unknown): void {
    this.#signIn?.fail(error);
    this.#signIn = undefined;
  }

  /** Tells the service a token of these; asks once more where it is refused. A sign-in is tried once. */
  async renew(tokens: Tokens, reason: TokenAsk["reason"], expires = -Infinity): Promise<void> {
    const turn = this.#turn;
    // The connection is gone, and with it the question: the next join asks for itself. So does another source.
    const unwanted = (): boolean => turn !== this.#turn || (tokens !== this.#tokens && tokens !== this.next);
    try {
      const token = tokens.renewable ? await tokens.ask(reason) : tokens.current;
      const tell = (done: () => void, fail: (error: ChannelError) => void): void => {
        // There is none, or the same again, which would change nothing.
        if (unwanted() || token === null || (reason === "renew" && token === tokens.current)) return done();
        const accepted = (): void => {
          this.#accepted(tokens, token, expiryOf(token));
          done();
        };
        this.#ports.ask({ type: "auth", token }, accepted, fail);
      };
      // One at a time: a renewal that is refused by rate and sent again would undo a sign-in that came after it.
      await (this.#told = this.#told.catch(() => {}).then(() => new Promise<void>(tell)));
    } catch (error) {
      if (unwanted() || this.refused(error, tokens)) return;
      if (!(error instanceof ChannelError) || error.retryable)
        this.#plan(Math.max(RENEW_AGAIN_MS, (expires - this.#ports.now()) / 4 || 0), tokens, reason, expires);
      else if (tokens.renewable && reason !== "refused") await this.renew(tokens, "refused", expires);
      else this.#ports.refused(error);
    }
  }

  /** The service took a token of these: from now on they are the ones in use, to be renewed before it expires. */
  #accepted(tokens: Tokens, token: string | null, expires: number | null | undefined): void {
    tokens.accepted(token);
    this.#tokens = tokens;
    if (this.#signIn?.tokens === tokens) {
      this.#signIn.done();
      this.#signIn = undefined;
    }
    this.#callOff();
    const end = expires ?? Infinity;
    const left = end - this.#ports.now();
    if (!tokens.renewable || !(left < Infinity)) return;
    // Spread, so that members who joined together do not all ask together.
    const ahead = Math.min(RENEW_MS, left / 5) * (1 + this.#runtime.random() / 2);
    this.#plan(left - ahead, tokens, "renew", end);
  }

  #plan(ms: number, tokens: Tokens, reason: TokenAsk["reason"], expires: number): void {
    this.#callOff = this.#runtime.after(ms, () => void this.renew(tokens, reason, expires));
  }

  #make(source: TokenSource | undefined): Tokens {
    return new Tokens(this.#runtime, this.#ports, source);
  }

  #supersede(): void {
    this.end(new ChannelError("aborted", "Another sign-in came."));
  }
}
