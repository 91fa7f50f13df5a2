// What an object's own code is doing, noted where a panic does not reach: see code.rs, the only one that calls this.

// The request that the code of an object runs over, by the object's id.
const running = new Map();
// Requests over which code has panicked. A deploy begins with none.
const panicked = new Set();
const PANICKED_MAX = 1000;

/** The code begins with a request. False where it has panicked over it before, and would again. */
export function begins(id, request) {
  const before = running.get(id);
  // What has not come to its end was ended by a panic, with the memory of all objects here.
  if (before !== undefined) {
    running.delete(id);
    if (panicked.size >= PANICKED_MAX) panicked.delete(panicked.values().next().value);
    panicked.add(`${id} ${before}`);
  }
  if (panicked.has(`${id} ${request}`)) return false;
  running.set(id, request);
  return true;
}

/** It has come to its end with it. */
export function ended(id) {
  running.delete(id);
}
