import type { Delivery } from "./delivery.ts";
import type { Emitter } from "./emitter.ts";
import type { ChannelError } from "./errors.ts";
import type { ChannelEvents } from "./events.ts";
import type { Log, LogLevel } from "./log.ts";
import type { Outbox } from "./outbox.ts";
import type { Bye, ServiceFrame, Welcome } from "./protocol.ts";
import type { TokenSource } from "./tokens.ts";

/** What the channel does for its connection. */
export interface ConnectionPorts {
  /** Whom to tell what happens. */
  readonly emitter: Emitter<ChannelEvents>;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  /** The channel's address. */
  readonly base: string;
  /** A new connection is welcomed; `carried` says whether it goes on with the id of the one before. */
  adopt(welcome: Welcome, carried: boolean): void;
  frame(frame: Exclude<ServiceFrame, Welcome | Bye>): void;
  /** There is no connection any more. */
  away(): void;
  log: Log;
  /** The channel is over, for now at least. */
  finish(error: ChannelError): void;
  /** The app has closed it: nothing will happen any more. */
  release(): void;
  /** It is taken up again. */
  revive(): void;
}

/** How a connection is made. */
export interface ConnectionOptions {
  /** A token, or the function that gets one. Without it the client joins as nobody in particular. */
  readonly token?: TokenSource | undefined;
  /** How many attempts in a row may fail before the channel is closed with `gave_up`; no limit where it is left out. */
  readonly maxAttempts?: number | undefined;
  /** What the console is told: `warn` what went wrong, `info` each state too, `debug` each frame too, without tokens. Nothing where it is left out. */
  readonly logLevel?: LogLevel | undefined;
  /** Sees every text that passes, tokens included; for looking at the wire. */
  readonly trace?: ((direction: "in" | "out", text: string) => void) | undefined;
}
