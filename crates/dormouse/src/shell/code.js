// What an object's own code is doing, and what is done where it panics and all memory is lost: see code.rs and timer.js.

// The request that the code of an object runs over, by the object's id.
const running = new Map();
// Requests over which code has panicked, and when. A deploy begins with none; and one is tried again after as long as its
// id is known, since a timer or a member of the same name may be another by then.
const panicked = new Map();
const PANICKED_MAX = 1000;
const PANICKED_MS = 600_000;
// What waits in memory for wasm to go on: HTTP requests and calls for their answers, and timers that are set.
const waiting = new Set();
/** Timers that are set. */
export const timers = new Set();

const message = "Something went wrong on our side.";

/**
 * The code begins with a request, which came over the session's socket if it came over one. False where it has panicked
 * over it before, and would again.
 */
export function begins(id, request, table, session) {
  const before = panicked.get(`${id} ${request}`);
  if (before !== undefined && Date.now() - before < PANICKED_MS) return false;
  const note = {};
  running.set(id, note);
  // It comes to its end within this very event, or never. Another may have begun since, in the same event.
  queueMicrotask(() => {
    if (running.get(id) !== note) return;
    running.delete(id);
    hasPanicked(id, request, table, session);
  });
  return true;
}

/** It has come to its end with it. */
export function ended(id) {
  running.delete(id);
}

function hasPanicked(id, request, table, session) {
  if (panicked.size >= PANICKED_MAX) panicked.delete(panicked.keys().next().value);
  panicked.set(`${id} ${request}`, Date.now());
  if (session !== undefined) table.fail(session, JSON.parse(request)[1] ?? undefined, message);
  for (const lost of waiting) lost();
  waiting.clear();
  // What was accepted and not told yet is lost with the memory: its members come back, and send again.
  for (const timer of timers) timer.isLost = true;
}

/** What comes of a promise of wasm's whose memory was lost before it was kept. */
export const LOST = Symbol("lost");

/** What comes of a promise of wasm's, also where wasm cannot keep it any more. */
export async function outlive(promise) {
  let lost;
  const panic = new Promise((resolve) => { lost = () => resolve(LOST); });
  waiting.add(lost);
  try {
    return await Promise.race([promise, panic]);
  } finally {
    waiting.delete(lost);
  }
}

/** A response, also where wasm cannot make it any more. */
export async function survive(promise) {
  const response = await outlive(promise);
  // Made here and not where the panic is seen: that is in another request's context, whose streams nobody else may read.
  return response === LOST ? Response.json({ error: { code: "internal", message } }, { status: 500 }) : response;
}
