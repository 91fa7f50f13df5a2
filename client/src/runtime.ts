import { LATE_MS, LONGEST_TIMER_MS, READ_MS } from "./numbers.ts";
/** What the client takes from its surroundings, so that tests can hand in a clock and a network of their own. */
export interface Runtime {
  /** Opens a socket. */
  socket(url: string, protocols: string[]): SocketLike;
  /** Milliseconds of a clock that nobody sets: it only goes forward. What it counts from means nothing. */
  now(): number;
  /** Calls `run` once after `ms`, however long that is; the returned function calls it off. */
  after(ms: number, run: () => void): () => void;
  /** Between 0 and 1. */
  random(): number;
  /** 96 random bits as text, to tell this instance's requests from all others. */
  instance(): string;
  /** Calls `woken` when the network is back or the page is seen again, `lost` when it is gone, until the returned function is called. */
  onWake(woken: () => void, lost: () => void): () => void;
  /** Calls `left` when the page is left or put aside, `back` when it is taken up again, until the returned function is called. */
  onPage?: ((left: () => void, back: () => void) => () => void) | undefined;
}

/** As much of a WebSocket as the client uses. */
export interface SocketLike {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown } & never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string } & never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Gives up after `ms`, but not before what came while the loop was blocked could be read. */
export function patiently(runtime: Runtime, ms: number, run: () => void): () => void {
  const due = runtime.now() + ms;
  let callOff = runtime.after(ms, () => {
    if (runtime.now() - due > LATE_MS) callOff = runtime.after(READ_MS, run);
    else run();
  });
  return () => callOff();
}

/** A browser, Node 22 or newer, Deno or Bun. */
export const platform: Runtime = {
  socket: (url, protocols) => new WebSocket(url, protocols) as unknown as SocketLike,
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  instance: () => Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join(""),
  onWake: (woken, lost) =>
    // The last bubbles from the document, where there is one.
    listening({ online: woken, offline: lost, visibilitychange: () => void (globalThis.document.hidden || woken()) }),
  onPage: (left, back) => listening({ pagehide: left, pageshow: back }),
};

function listening(events: { readonly [event: string]: () => void }): () => void {
  const off = new AbortController();
  for (const [event, run] of Object.entries(events)) globalThis.addEventListener?.(event, run, off);
  return () => off.abort();
}
