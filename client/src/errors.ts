/**
 * The two vocabularies of trouble: error codes, which answer one request, and close codes, whose range says
 * what a client does next (R1, R3).
 */
import type { Refusal } from "./protocol.ts";

/** Codes the service answers with (R1). */
export type ServiceCode =
  | "bad_frame"
  | "bad_name"
  | "unknown_type"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "unknown_event"
  | "method_not_allowed"
  | "body_timeout"
  | "conflict"
  | "not_kept"
  | "too_large"
  | "invalid_data"
  | "refused"
  | "upgrade_required"
  | "rate_limited"
  | "internal"
  | "over_capacity";

/** Codes this client makes itself. */
export type ClientCode =
  /** The app gave up this request through its AbortSignal. */
  | "aborted"
  /** The channel was closed before the answer came. */
  | "closed"
  /** `maxAttempts` reconnects in a row failed. */
  | "gave_up"
  /**
   * A volatile publish met a connection that is not open, or that broke before the answer. Or the connection broke after
   * a call was sent that the service does not remember: it may have been carried out.
   */
  | "offline"
  /** The service and this client do not understand each other. */
  | "protocol"
  /** More waits to be sent than the queue may hold. */
  | "queue_full"
  /** The service closed this member's connection for good. */
  | "removed"
  /** Another connection took this one's place. */
  | "replaced"
  /**
   * The connection is alive, but no answer came within 30 s; or it broke, and what was said meanwhile is lost. Whether
   * the request was carried out is not known.
   */
  | "timeout"
  /** An iterator was read more slowly than messages came. */
  | "too_slow";

/** A code of the service's table or one of this client's own. */
export type ErrorCode = ServiceCode | ClientCode;

/** The codes after which the same request may succeed later; for all others trying again cannot help. */
export const RETRYABLE: ReadonlySet<string> = new Set<ErrorCode>([
  "body_timeout",
  "rate_limited",
  "internal",
  "over_capacity",
  "gave_up",
  "offline",
  "queue_full",
  "timeout",
]);

/** What a refused request, or a channel that had to stop, is told with. */
export class ChannelError extends Error {
  override readonly name = "ChannelError";
  /** The code; a service newer than this client may send one that is not in `ErrorCode`. */
  readonly code: ErrorCode | (string & {});
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** Milliseconds to wait before trying again, where the service said so. */
  readonly retryAfter: number | undefined;
  /** The channel's head, where a `conflict` with `ifSeq` told it. */
  readonly seq: number | undefined;
  /** Why the application's own code refused it, with the code `refused`. */
  readonly reason: string | undefined;

  constructor(code: ErrorCode | (string & {}), message: string, retryAfter?: number, seq?: number, reason?: string) {
    super(message);
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.retryAfter = retryAfter;
    this.seq = seq;
    this.reason = reason;
  }
}

/** What a frame of the service refuses with. */
export const refusalOf = ({ code, message, retry_after: retryAfter, seq, reason }: Refusal): ChannelError =>
  new ChannelError(code, message, retryAfter, seq, reason);

/** A refusal by the application's own code, for one of these reasons (C4). */
export type Refused<Reason extends string = string> = ChannelError & { readonly code: "refused"; readonly reason: Reason };

/** No connection, for now. */
export const offline = (message = "Not connected."): ChannelError =>
  new ChannelError("offline", message);

/** What a client does after its connection ended. */
export type Advice = "stop" | "back_off" | "at_once" | "new_token" | "forget";

const RANGES: readonly Advice[] = ["stop", "back_off", "at_once", "new_token", "forget"];

/** Says what a close code asks of the client (R3). */
export function advise(code: number): Advice {
  // 1005, 1006 and 1011 to 1013 are a broken way or a restarting service; so is what nobody has defined.
  return RANGES[Math.floor((code - 4000) / 100)] ?? (/^100[023789]$/.test(`${code}`) ? "stop" : "back_off");
}

const CLOSE_CODES: { readonly [code: number]: ErrorCode } = {
  1000: "closed",
  4001: "not_found",
  4003: "forbidden",
  4008: "removed",
  4009: "unauthenticated",
  4010: "replaced",
  4300: "unauthenticated",
};

/** What ended a connection, for good or for now; with the `address` that was tried where there was none yet. */
export function closeError(code: number, reason = "", address = ""): ChannelError {
  const name = CLOSE_CODES[code] ?? (advise(code) === "stop" ? "protocol" : "offline");
  const why = reason || (address && `is the service at ${address}, and does it allow this origin?`);
  return new ChannelError(name, `The connection is closed${why && `: ${why}`} (${code})`);
}

/** A promise. Where the app itself gives up or ends the channel, it knows that what is unanswered fails: nobody need catch that. */
export function quietly<Value>(run: (resolve: (value: Value) => void, reject: (error: ChannelError, reason?: unknown) => void) => void): Promise<Value> {
  const promise = new Promise<Value>((resolve, reject) =>
    run(resolve, (error, reason = error) => {
      reject(reason);
      if (["closed", "aborted"].includes(error.code)) queueMicrotask(() => promise.catch(() => {}));
    }),
  );
  return promise;
}

export const aborted = (): ChannelError => new ChannelError("aborted", "Its signal aborted.");
