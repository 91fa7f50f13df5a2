// Objects whose memory holds what would be missed: see memory.rs, the only one that calls this. It outlives wasm's memory,
// and an isolate that begins knows of none: where that one ended, the sockets of its objects did too.
const unclean = new Set();

export function is_clean(id) { return !unclean.has(id); }

export function note(id, clean) {
  if (clean) unclean.delete(id);
  else unclean.add(id);
}
