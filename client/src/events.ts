/** What happens to a channel that an app can hear of. */
import type { Lost, Recovered } from "./delivery.ts";
import type { ChannelError } from "./errors.ts";
import type { State } from "./machine.ts";
import type { Message } from "./protocol.ts";

/** What can be heard of a connection. */
export interface ConnectionEvents {
  /** Another state, and why. */
  state: StateChange;
  /** The client came back, and every message it had missed has been told. */
  recovered: Recovered;
  /** Messages were missed that cannot be had any more: load anew what you show. */
  lost: Lost;
  /** Something went wrong that no promise told. */
  error: ChannelError;
  /** Milliseconds from a `ping` to its `pong`. */
  rtt: number;
}

/** All that a channel tells, in one order. */
export interface ChannelEvents extends ConnectionEvents {
  message: Message;
  /** What the application shows of its state; the messages that follow come on top of it. */
  snapshot: { readonly snapshot: unknown };
}

/** Another state, and why. */
export interface StateChange {
  readonly state: State;
  readonly previous: State;
  /** What ended the connection, where it ended. */
  readonly error?: ChannelError | undefined;
  /** Whole milliseconds until the next attempt, in `waiting`. */
  readonly retryIn?: number | undefined;
}
