/** The numbers the client goes by: waits, all in milliseconds, counts, and close codes. */

// The way back.

/** The first wait is at most this long. */
export const FIRST_WAIT_MS = 500;
/** No wait is longer than this. */
export const LONGEST_WAIT_MS = 30_000;
/** "At once" still means spread over this time, so that a restart is not met by all in one instant. */
export const SOON_MS = 200;
/** A connection that has lasted this long makes the next wait a short one again. */
export const LASTED_MS = 10_000;

// The connection.

/** From opening the socket to `welcome`. */
export const JOIN_MS = 10_000;
/** Silence in either direction after which the client says `ping` (R6). */
export const QUIET_MS = 25_000;
/** Silence after a `ping` that means the way is broken. */
export const PONG_MS = 10_000;
/** The `readyState` of a socket that sends. */
export const SOCKET_OPEN = 1;
/** A closing handshake that takes longer than this is not waited for. */
export const CLOSE_MS = 2_000;
/** After an error `close` follows at once; the WebSocket of Node 22 leaves it out where it could not connect. */
export const ERROR_MS = 100;
/** The close code of who leaves on purpose. */
export const NORMAL = 1000;
/** The close code for a token that does not allow to join here. */
export const FORBIDDEN = 4003;
/** The close code for a token that the service does not take; it is worth one new token. */
export const BAD_TOKEN = 4009;

// Timers.

/** Timers of all runtimes hold this long; they fire at once where they are to hold longer. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** A wait that ends later than it should by more than this ended in a loop that was blocked. */
export const LATE_MS = 500;
/** So long what came while the loop was blocked may take to be read. */
export const READ_MS = 1_000;

// Tokens.

/** Tokens that expire within this time are not worth a join. */
export const TOO_SHORT_MS = 1_000;
/** A token function that has been silent for this long is not waited for where one may ask anew. */
export const SLOW_MS = 5_000;
/** A token function that has been silent for this long is not waited for at all. */
export const TOKEN_MS = 30_000;
/** A token is renewed this long before it expires, or when four fifths of its time are over. */
export const RENEW_MS = 60_000;
/** A token function that failed is asked again after this time at the earliest. */
export const RENEW_AGAIN_MS = 1_000;
/** A tab that has a token answers within this time, or is taken for asleep. */
export const TAB_MS = 150;
/** A tab that holds the lock for this long, or up to twice as long so that not all lose patience at once, is frozen. */
export const LOCK_MS = 10_000;
/** A token with less than this left is not worth sharing. */
export const SHARED_MS = 2_000;

// Requests.

/** How many requests of a lane may be unanswered, and how many bytes of them; what is more is refused. */
export const QUEUE_FRAMES = 1_000;
export const QUEUE_BYTES = 1 << 20;
/** An answer that has not come after this time on a living connection will not come. */
export const ANSWER_MS = 30_000;
/** A call that was not answered after this time is given up, connected or not, where its caller says nothing else. */
export const CALL_MS = 60_000;
/** So long the service knows an id again (D7), less what sending may take. */
export const KNOWN_MS = 570_000;
/** The service knows an id again among this many of the last messages (D7), less those of the time until it is sent. */
export const REMEMBERED = 500;
/** A lane that was refused by rate and then sent nothing for this long tries its full speed again. */
export const RESTED_MS = 10_000;
/** What one says of oneself is sent this often a second at most, and so often at once, so that something else may be asked too. */
export const PRESENCE_RATE = 10;
export const PRESENCE_BURST = 10;
/** How deep a frame may nest: one less than the service takes, since an array of frames counts as well. */
export const DEEPEST = 63;

// Messages.

/** Messages a page of history may have. */
export const PAGE = 100;
/** Messages that are held while something before them is missing. */
export const HELD = 1_000;
/** Values that wait for their first listener; of more, all that wait are let go, and what tells of that waits for them. */
export const UNHEARD = 1_000;
/** An iterator that lags this far behind is ended with an error rather than growing on. */
export const BACKLOG = 10_000;
