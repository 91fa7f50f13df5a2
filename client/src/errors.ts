/**
 * The two vocabularies of trouble: error codes, which answer one request, and close codes, whose range says
 * what a client does next (R1, R3).
 */

/** Codes the service answers with (R1), and whether sending the same again can help. */
const SERVICE_CODES = {
  bad_frame: false,
  bad_name: false,
  unknown_type: false,
  unauthenticated: false,
  forbidden: false,
  not_found: false,
  unknown_event: false,
  method_not_allowed: false,
  conflict: false,
  not_kept: false,
  too_large: false,
  invalid_data: false,
  upgrade_required: false,
  rate_limited: true,
  internal: true,
  over_capacity: true,
} as const;

/** Codes this client makes itself, and whether sending the same again can help. */
const CLIENT_CODES = {
  /** The app gave up this request through its AbortSignal. */
  aborted: false,
  /** The channel was closed before the answer came. */
  closed: false,
  /** `maxAttempts` reconnects in a row failed. */
  gave_up: true,
  /** A volatile publish met a connection that is not open, or that broke before the answer. */
  offline: true,
  /** The service and this client do not understand each other. */
  protocol: false,
  /** More waits to be sent than the queue may hold. */
  queue_full: true,
  /** The service closed this member's connection for good. */
  removed: false,
  /** Another connection took this one's place. */
  replaced: false,
  /** The connection is alive, but no answer came within 30 s; whether the request was carried out is not known. */
  timeout: true,
  /** An iterator was read more slowly than messages came. */
  too_slow: false,
} as const;

/** Whether trying again can help, by code. */
export const RETRYABLE: ReadonlyMap<string, boolean> = new Map(
  Object.entries({ ...SERVICE_CODES, ...CLIENT_CODES }),
);

/** A code of the service's table or one of this client's own. */
export type ErrorCode = keyof typeof SERVICE_CODES | keyof typeof CLIENT_CODES;

/** What a refused request, or a channel that had to stop, is told with. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  /** The code; a service newer than this client may send one that is not in `ErrorCode`. */
  readonly code: ErrorCode | (string & {});
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** Milliseconds to wait before trying again, where the service said so. */
  readonly retryAfter: number | undefined;
  /** The channel's head, where a `conflict` with `ifSeq` told it. */
  readonly seq: number | undefined;

  constructor(code: ErrorCode | (string & {}), message: string, more: { retryAfter?: number | undefined; seq?: number | undefined } = {}) {
    super(message);
    this.code = code;
    this.retryable = RETRYABLE.get(code) ?? false;
    this.retryAfter = more.retryAfter;
    this.seq = more.seq;
  }
}

/** What a client does after its connection ended. */
export type Advice = 'stop' | 'back_off' | 'at_once' | 'new_token' | 'forget';

/** Says what a close code asks of the client (R3). */
export function advise(code: number): Advice {
  if (code >= 4000 && code < 4100) return 'stop';
  if (code >= 4200 && code < 4300) return 'at_once';
  if (code >= 4300 && code < 4400) return 'new_token';
  if (code >= 4400 && code < 4500) return 'forget';
  // 1005, 1006 and 1011 to 1013 are a broken way or a restarting service; so is what nobody has defined.
  return [1000, 1002, 1003, 1007, 1008, 1009].includes(code) ? 'stop' : 'back_off';
}

const CLOSE_CODES: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map<number, readonly [ErrorCode, string]>([
  [1000, ['closed', 'The service closed the channel.']],
  [4001, ['not_found', 'There is no such channel: its name fits no pattern of the contract.']],
  [4003, ['forbidden', 'The token does not allow joining this channel.']],
  [4008, ['removed', 'The service removed this member from the channel.']],
  [4009, ['unauthenticated', 'The service does not accept this token; sign in again.']],
  [4010, ['replaced', 'Another connection took this one’s place.']],
  [4300, ['unauthenticated', 'The token has expired and no new one is to be had; give `token` as a function to renew it.']],
]);

/** The error a channel ends with when its connection was closed for good. */
export function closeError(code: number, reason = ''): ChannelError {
  const [name, text] = CLOSE_CODES.get(code) ?? ['protocol', `The connection was closed for good (${code}${reason && ` ${reason}`}).`];
  return new ChannelError(name, text);
}
