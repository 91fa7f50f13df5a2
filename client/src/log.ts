/** How much is told to the console. */
export type LogLevel = "none" | "warn" | "info" | "debug";

/** Tells the console something, which is made only where that is wanted. */
export type Log = (level: "warn" | "info" | "debug", what: () => readonly unknown[]) => void;

const LEVELS: readonly LogLevel[] = ["none", "warn", "info", "debug"];

/** What tells the console of a channel. */
export const logOf =
  (name: string, most: LogLevel = "none"): Log =>
  (level, what) =>
    void (LEVELS.indexOf(level) <= LEVELS.indexOf(most) && console[level](name, ...what()));

/** A frame as the console may hold it. */
export const withoutToken = (text: string): string => text.replaceAll(/"token":"[^"]*"/g, '"token":"…"');
