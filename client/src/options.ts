import type { Delivery } from "./delivery.ts";
import type { Emitter } from "./emitter.ts";
import type { ChannelError } from "./errors.ts";
import type { ChannelEvents } from "./events.ts";
import type { Log, LogLevel } from "./log.ts";
import type { Way } from "./lane.ts";
import type { LinkEvents, LinkLike } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import type { AnswerFrame, JoinFields, Welcome } from "./protocol.ts";
import type { TokenSource } from "./tokens.ts";

/** The connection that a channel shares with others. */
export interface Host {
  /** Settles when the channel may join. */
  ready(): Promise<unknown>;
  /** Cuts a wait of the connection short, and takes it up again where it was refused. */
  start(): void;
  /** Joins: what is sent that way has the channel's name in it already. */
  join(fields: JoinFields & { readonly token?: string }, events: LinkEvents, outbox: Outbox): LinkLike;
  /** Whether another token can be had. */
  readonly renewable: boolean;
  /** Has the service take another token in the place of the one that the connection was made with. */
  renew(): Promise<void>;
  ping(): void;
  /** The app has closed the channel. */
  release(): void;
}

/** What is joined does this for its connection. */
export interface ConnectionPorts {
  /** Whom to tell what happens. */
  readonly emitter: Emitter<ChannelEvents>;
  readonly outbox: Outbox;
  readonly delivery: Pick<Delivery, "down" | "forget">;
  /** The address, to be told where nobody answers there. */
  readonly base: string;
  /** Where the connection is not its own. */
  readonly host?: Omit<Host, "join" | "release"> | undefined;
  /** Opens a way with this token; `before` is the id of the connection before. */
  open(token: string | null, before: string | null, events: LinkEvents): LinkLike;
  /** The way can be used, though nobody has said `welcome` yet. */
  opened?(way: Pick<Way, "send" | "now">): void;
  /** A new connection is welcomed; `carried` says whether it goes on with the id of the one before. */
  adopt(welcome: Welcome, carried: boolean): void;
  frame(frame: AnswerFrame): void;
  /** There is no connection any more. */
  away(): void;
  /** All that was sent up to a while ago has been heard. */
  alive(): void;
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
