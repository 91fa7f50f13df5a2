// The one pause that an object makes on purpose: see host.rs, the only one that calls this.
const breathing = new WeakSet();

/**
 * Takes no event for a millisecond. The platform hands over all that a socket has sent before it looks at another; what
 * has to wait for an object has it look at all of them, and they come in turn.
 */
export function breathe(ctx) {
  if (breathing.has(ctx)) return;
  breathing.add(ctx);
  const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
  ctx.blockConcurrencyWhile(pause).catch(() => {}).finally(() => breathing.delete(ctx));
}
