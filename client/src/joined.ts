import type { Connection } from "./connection.ts";
import { onAbort } from "./emitter.ts";
import { aborted, closeError, quietly } from "./errors.ts";
import type { ChannelError } from "./errors.ts";
import type { TokenSource } from "./tokens.ts";

/** What a channel and a session have in common: they are joined until they are over. */
export abstract class Joined {
  /** The connection's state, and what happens to it. */
  abstract readonly connection: Connection;
  #forget = (): void => {};
  #closed!: Promise<ChannelError | null>;
  #settle!: (error: ChannelError | null) => void;

  constructor() {
    this.begin();
  }

  /**
   * Settles when it is over: with the error that ended it, or `null` where the app closed it. Never rejects; `reconnect`
   * makes it another one.
   */
  get closed(): Promise<ChannelError | null> {
    return this.#closed;
  }

  /** Settles once it is open; rejects where it ends before. */
  opened(): Promise<void> {
    return this.connection.whenState("open");
  }

  /** Signs in, or in anew, without a reconnect where there is a connection (A5, A7). */
  signIn(token: TokenSource): Promise<void> {
    return quietly((resolve, reject) => this.connection.signIn(token).then(resolve, reject));
  }

  /**
   * Takes it up again after it gave up, or was ended by a refusal: where it was, with its listeners, its timeline and a
   * new token. What was unanswered at the end has been rejected then, and is not sent again. Settles once it is open;
   * rejects where it is over again, which need not be caught. Where it is not over it does what `connection.start` does,
   * and what the app itself has closed stays closed.
   */
  reconnect(): Promise<void> {
    this.connection.reconnect();
    // Called by who is told of the end, it is over still in this turn.
    const opened = Promise.resolve().then(() => this.opened());
    opened.catch(() => {});
    return opened;
  }

  /**
   * Leaves for good: what is unanswered is rejected with `closed`, which is not reported as unhandled where nobody
   * awaits it, so await first what must be kept. Settles when that is done, after 2 s at most.
   */
  close(): Promise<void> {
    return this.connection.close(closeError(1000));
  }

  /** Connects, unless the app wants to say when, and ends with the signal. */
  protected start({ signal, start }: { readonly signal?: AbortSignal | undefined; readonly start?: boolean | undefined }): void {
    const abort = (): void => void this.connection.close(aborted());
    this.#forget = onAbort(signal, abort);
    if (signal?.aborted) abort();
    // In a turn of its own, so that whoever listens from the first turn on misses nothing.
    if (start !== false) queueMicrotask(() => this.connection.start());
  }

  /** The app has closed it. */
  protected release(): void {
    this.#forget();
  }

  /** It is to be joined, for the first time or after it was over. */
  protected begin(): void {
    this.#closed = new Promise((settle) => (this.#settle = settle));
  }

  /** It is over. */
  protected finish(error: ChannelError): void {
    this.#settle(error.code === "closed" ? null : error);
  }
}
