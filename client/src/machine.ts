/** The connection as a table: in which state what happens, where that leads, and what is done on the way. */

/**
 * - `idle`: not connected, and not trying to be
 * - `joining`: getting a token, opening a socket, waiting for `welcome`
 * - `open`: welcomed; what is published goes out
 * - `waiting`: away; comes back by itself
 * - `closed`: over, by the app, and then for good; or by a refusal, and then `reconnect` takes it up again
 */
export type State = "idle" | "joining" | "open" | "waiting" | "closed";

/** What can happen to a connection. */
export type Happening =
  /** The app wants to be connected. */
  | "start"
  /** The app wants to be away for now. */
  | "pause"
  /** The app is done. */
  | "close"
  /** The app, or a person, wants what was over to be taken up again. */
  | "reconnect"
  /** The app signed in anew before anybody could be told. */
  | "source"
  /** A token is at hand, or none is needed. */
  | "token"
  /** The token function failed; later it may not. */
  | "no_token"
  /** The service said `welcome` and waits for a sign-in (A7). */
  | "guest"
  /** The service said `welcome`. */
  | "welcome"
  /** The connection ended, or is about to; what follows is R3's advice. */
  | "end_stop"
  | "end_back_off"
  | "end_at_once"
  | "end_new_token"
  | "end_forget"
  /** Joining took too long. */
  | "late"
  /** Nothing was heard, not even the answer to `ping`. */
  | "silent"
  /** The wait is over. */
  | "due"
  /** The network is back, or the page is seen again. */
  | "wake"
  /** The device says that the network is gone. */
  | "offline"
  /** One attempt more than the app allows. */
  | "give_up"
  /** The connection that it shares is gone, and brings it back. */
  | "away";

/** What is done on the way, in this order. */
export type Effect =
  | "ask_token"
  /** Asks anew where the token function has been silent for long. */
  | "ask_anew"
  | "open_socket"
  | "sign_in"
  | "adopt"
  | "probe"
  /** Drops the socket, takes back what is unanswered. */
  | "drop"
  /** Counts the token in use as spent. */
  | "spend_token"
  /** Forgets the position. */
  | "forget"
  /** Arms the long wait. */
  | "back_off"
  /** Arms the short wait. */
  | "soon"
  /** Cuts the wait short, though not shorter than the service asked. */
  | "hasten"
  /** Settles everything. */
  | "finish"
  /** Lets go of who listens: nothing leads out of `closed` any more. */
  | "release"
  /** Takes up again what was finished. */
  | "revive";

/** Where a happening leads, and what is done. */
export type Row = readonly [to: State, ...effects: Effect[]];

type Rows = Readonly<Partial<Record<Happening, Row>>>;

/** How every connection that has begun may end. */
const ENDS: Rows = {
  end_back_off: ["waiting", "drop", "back_off"],
  end_at_once: ["waiting", "drop", "soon"],
  end_new_token: ["waiting", "drop", "spend_token", "soon"],
  end_forget: ["waiting", "drop", "forget", "soon"],
  end_stop: ["closed", "drop", "finish"],
  away: ["waiting", "drop"],
  pause: ["idle", "drop"],
  close: ["closed", "drop", "finish", "release"],
};

/** The table. A happening that has no row in a state means nothing there. */
export const TABLE: Readonly<Record<State, Rows>> = {
  idle: {
    start: ["joining", "ask_token"],
    close: ["closed", "finish", "release"],
  },
  joining: {
    ...ENDS,
    start: ["joining", "ask_anew"],
    wake: ["joining", "ask_anew"],
    source: ["joining", "drop", "ask_token"],
    token: ["joining", "open_socket"],
    no_token: ["waiting", "back_off"],
    guest: ["joining", "sign_in"],
    welcome: ["open", "adopt"],
    late: ["waiting", "drop", "back_off"],
  },
  open: {
    ...ENDS,
    wake: ["open", "probe"],
    offline: ["open", "probe"],
    silent: ["waiting", "drop", "soon"],
  },
  waiting: {
    due: ["joining", "ask_token"],
    start: ["waiting", "hasten"],
    wake: ["waiting", "hasten"],
    source: ["waiting", "hasten"],
    give_up: ["closed", "finish"],
    pause: ["idle", "drop"],
    close: ["closed", "drop", "finish", "release"],
  },
  closed: {
    // What was refused may be granted to another token.
    reconnect: ["waiting", "revive", "spend_token", "hasten"],
    close: ["closed", "release"],
  },
};
