/** One token for all tabs that speak as the same user on the same channel, and one sign-out. */
import { onAbort } from "./emitter.ts";
import { ChannelError } from "./errors.ts";
import { LOCK_MS, SHARED_MS, TAB_MS } from "./numbers.ts";
import { claimsOf, expiryOf } from "./tokens.ts";
import type { TokenAsk } from "./tokens.ts";

/** Whose token is shared. */
export interface ShareOptions {
  /** The service, as given to `connect`. */
  readonly url: string | URL;
  /** The channel, as given to `connect`. */
  readonly channel: string;
  /** The user, who must be the token's `sub`. */
  readonly user: string;
  /** Gets a token; called in one tab at a time. */
  readonly get: (ask: TokenAsk) => string | null | Promise<string | null>;
}

/** A token that tabs share: hand `token` and `signal` to `connect`. */
export interface SharedToken {
  /** The token function. */
  readonly token: (ask: TokenAsk) => Promise<string | null>;
  /** Aborts when this or another tab signs out. */
  readonly signal: AbortSignal;
  /** Signs out here and in all other tabs. */
  signOut(): void;
  /** Ends the sharing in this tab alone. */
  close(): void;
}

type Note = { readonly type: "token"; readonly token: string } | { readonly type: "wanted" } | { readonly type: "signed_out" };

/**
 * Shares one token between tabs with equal url, channel and user: one tab gets it, under a Web Lock, and tells
 * the others by BroadcastChannel; it is kept in memory alone. Where the platform has neither, or the reader's settings
 * deny them, each tab asks for itself.
 */
export function shareToken(options: ShareOptions): SharedToken {
  return new Tab(options);
}

class Tab implements SharedToken {
  readonly #options: ShareOptions;
  readonly #name: string;
  #notes: BroadcastChannel | undefined;
  readonly #abort = new AbortController();
  /** The newest token known in this tab. */
  #known: string | null = null;
  /** The token this tab last handed out. */
  #given: string | null = null;
  #told: () => void = () => {};
  /** By how much the service's clock is ahead of one that nobody sets; before it told the time, nothing has expired. */
  #clockAhead = -Infinity;

  constructor(options: ShareOptions) {
    this.#options = options;
    this.#name = `dormouse ${JSON.stringify([String(options.url), options.channel, options.user])}`;
    this.#notes = this.#open();
    if (!this.#notes) return;
    this.#notes.onmessage = ({ data }: MessageEvent<Note>) => this.#hear(data);
    // In Node an open channel would keep the process alive.
    (this.#notes as { unref?: () => void }).unref?.();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  readonly token = async (ask: TokenAsk): Promise<string | null> => {
    if (this.signal.aborted) return null;
    if (ask.now > -Infinity) this.#clockAhead = ask.now - performance.now();
    const token = this.#newer() ?? (await this.#locked(ask.signal, () => this.#find(ask)));
    this.#given = token;
    return token;
  };

  signOut(): void {
    // Those who are still there are told by one who has left, too.
    this.#notes ??= this.#open();
    this.#tell({ type: "signed_out" });
    this.#end();
  }

  close(): void {
    this.#notes?.close();
    this.#notes = undefined;
  }

  /** With the lock held: what another tab got meanwhile, or has, or else a new one. */
  async #find(ask: TokenAsk): Promise<string | null> {
    if (this.#newer() === null && this.#notes) await this.#wanted();
    const known = this.#newer();
    if (known !== null) return known;
    const token = await Promise.race([this.#options.get(ask), given(ask.signal)]);
    if (this.signal.aborted) return null;
    // What is no token is for who asked to judge.
    if (typeof token !== "string") return token;
    if (userOf(token) !== this.#options.user) {
      throw new ChannelError("forbidden", `The token is not for '${this.#options.user}', who is signed in here.`);
    }
    this.#known = token;
    this.#tell({ type: "token", token });
    return token;
  }

  /** Asks the other tabs; settles at the first answer, or when none came in time. */
  async #wanted(): Promise<void> {
    this.#tell({ type: "wanted" });
    await new Promise<void>((settle) => {
      const timer = setTimeout(settle, TAB_MS);
      this.#told = () => (clearTimeout(timer), settle());
    });
  }

  /**
   * Runs with the lock of all tabs, in its turn; past a tab that holds it for too long, and without it where it is denied.
   * Leaves the line where nobody waits for the answer any more.
   */
  #locked<Value>(asked: AbortSignal, run: () => Promise<Value>): Promise<Value> {
    const locks = globalThis.navigator?.locks as LockManager | undefined;
    if (!locks) return run();
    return new Promise((settle, fail) => {
      const wait = new AbortController();
      const leave = (): void => wait.abort();
      const timer = setTimeout(leave, LOCK_MS * (1 + Math.random()));
      const forget = onAbort(asked, leave);
      let phase: "waiting" | "running" = "waiting";
      const begin = (): Promise<void> => {
        phase = "running";
        stay();
        return run().then(settle, fail);
      };
      const stay = (): void => (clearTimeout(timer), forget());
      // Rejects where the lock is not to be had, and also where it was taken away from us: then we go on all the same.
      const request = (options: LockOptions, otherwise: () => unknown): Promise<unknown> =>
        locks.request(this.#name, options, begin).catch(() => void (phase === "waiting" && (stay(), otherwise())));
      void request({ signal: wait.signal }, () => {
        if (asked.aborted) fail(asked.reason);
        else if (wait.signal.aborted) void request({ steal: true }, begin);
        else void begin();
      });
    });
  }

  /** The token known here, where it is another than the one this tab has used and still good for a while. */
  #newer(): string | null {
    return this.#known !== this.#given && this.#isGood(this.#known) ? this.#known : null;
  }

  #isGood(token: string | null): token is string {
    return token !== null && endOf(token) > performance.now() + this.#clockAhead + SHARED_MS;
  }

  #hear(note: Note): void {
    if (note.type === "signed_out") return this.#end();
    if (note.type === "wanted") {
      if (this.#isGood(this.#known)) this.#tell({ type: "token", token: this.#known });
      return;
    }
    if (userOf(note.token) !== this.#options.user || endOf(note.token) <= endOf(this.#known)) return;
    this.#known = note.token;
    this.#told();
  }

  #tell(note: Note): void {
    this.#notes?.postMessage(note);
  }

  #end(): void {
    this.#known = this.#given = null;
    this.#abort.abort(new ChannelError("closed", "Signed out."));
    this.close();
  }

  #open(): BroadcastChannel | undefined {
    try {
      return new BroadcastChannel(this.#name);
    } catch {
      // There is none, or the reader blocks site data.
      return undefined;
    }
  }
}

/** Rejects when the answer is not waited for any more. */
function given(asked: AbortSignal): Promise<never> {
  return new Promise((_, fail) => (asked.aborted ? fail(asked.reason) : onAbort(asked, () => fail(asked.reason))));
}

/** When a token expires, by the service's clock. */
function endOf(token: string | null): number {
  return token === null ? -Infinity : expiryOf(token);
}

function userOf(token: string): unknown {
  const { sub } = claimsOf(token);
  return typeof sub === "string" ? new TextDecoder().decode(Uint8Array.from(sub, (char) => char.charCodeAt(0))) : undefined;
}
