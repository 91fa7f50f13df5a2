import { ChannelError } from "./errors.ts";
import type { Identity } from "./identity.ts";
import type { Ask } from "./lane.ts";
import { RENEW_AGAIN_MS, RENEW_MS } from "./numbers.ts";
import type { Runtime } from "./runtime.ts";
import { expiryOf } from "./tokens.ts";
import type { TokenAsk, Tokens } from "./tokens.ts";

/** What a renewal needs, and whom it tells. */
export interface RenewalPorts {
  /** The service's clock, in milliseconds since 1970. */
  now(): number;
  ask: Ask;
  /** No token that the service takes is to be had. */
  refused(error: ChannelError): void;
}

/** Replaces the grant of an open connection: before it expires, and at a sign-in (A5). */
export class Renewal {
  readonly #runtime: Runtime;
  readonly #ports: RenewalPorts;
  #callOff = (): void => {};
  #turn = 0;
  readonly #identity: Identity;
  /** Settles when no `auth` is under way. */
  #told: Promise<void> = Promise.resolve();

  constructor(runtime: Runtime, identity: Identity, ports: RenewalPorts) {
    this.#runtime = runtime;
    this.#identity = identity;
    this.#ports = ports;
  }

  /** Plans the next renewal; `expires` is by the service's clock. */
  start(tokens: Tokens, expires: number | null | undefined): void {
    this.#callOff();
    const end = expires ?? Infinity;
    const left = end - this.#ports.now();
    if (!tokens.renewable || !(left < Infinity)) return;
    // Spread, so that members who joined together do not all ask together.
    const ahead = Math.min(RENEW_MS, left / 5) * (1 + this.#runtime.random() / 2);
    this.#plan(left - ahead, tokens, "renew", end);
  }

  stop(): void {
    this.#turn++;
    this.#callOff();
  }

  /** Tells the service a token of these; asks once more where it is refused. A sign-in is tried once. */
  async renew(tokens: Tokens, reason: TokenAsk["reason"], expires = -Infinity): Promise<void> {
    const turn = this.#turn;
    // The connection is gone, and with it the question: the next join asks for itself. So does another source.
    const unwanted = (): boolean => turn !== this.#turn || !this.#identity.wants(tokens);
    try {
      const token = tokens.renewable ? await tokens.ask(reason) : tokens.current;
      const tell = (done: () => void, fail: (error: ChannelError) => void): void => {
        // The same token again would change nothing.
        if (unwanted() || (reason === "renew" && token === tokens.current)) return done();
        const accepted = (): void => {
          this.#identity.accepted(tokens, token as string);
          this.start(tokens, expiryOf(token as string));
          done();
        };
        this.#ports.ask({ type: "auth", token }, accepted, fail);
      };
      // One at a time: a renewal that is refused by rate and sent again would undo a sign-in that came after it.
      await (this.#told = this.#told.catch(() => {}).then(() => new Promise(tell)));
    } catch (error) {
      if (unwanted() || this.#identity.refused(tokens, error)) return;
      if (!(error instanceof ChannelError) || error.retryable)
        this.#plan(Math.max(RENEW_AGAIN_MS, (expires - this.#ports.now()) / 4 || 0), tokens, reason, expires);
      else if (tokens.renewable && reason !== "refused") await this.renew(tokens, "refused", expires);
      else this.#ports.refused(error);
    }
  }

  #plan(ms: number, tokens: Tokens, reason: TokenAsk["reason"], expires: number): void {
    this.#callOff = this.#runtime.after(ms, () => void this.renew(tokens, reason, expires));
  }
}
