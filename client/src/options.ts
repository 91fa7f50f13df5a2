import type { LogLevel } from "./log.ts";
import type { TokenSource } from "./tokens.ts";

/** How a connection is made. */
export interface ConnectionOptions {
  /** A token, or the function that gets one. Without it the client joins as nobody in particular. */
  readonly token?: TokenSource | undefined;
  /** How many attempts in a row may fail before the channel is closed; no limit where it is left out. */
  readonly maxAttempts?: number | undefined;
  /** What the console is told: `warn` what went wrong, `info` each state too, `debug` each frame too, without tokens. Nothing where it is left out. */
  readonly logLevel?: LogLevel | undefined;
  /** Sees every text that passes, tokens included; for looking at the wire. */
  readonly trace?: ((direction: "in" | "out", text: string) => void) | undefined;
}
