// The one timer of an object: see timer.rs, the only one that calls this.
import { timers } from "./code.js";

/** Holds what it calls until it is told to forget it: a timeout that is still pending then finds nothing to call. */
export class Timer {
  constructor(fired, ctx, wakes) {
    this.fired = fired;
    this.ctx = ctx;
    this.fire = () => {
      timers.delete(this);
      // What it was set for is lost with all memory.
      if (this.isLost) (wakes ? wake : restart)(this.ctx);
      else this.fired?.();
    };
  }

  set(after) {
    clearTimeout(this.pending);
    this.pending = setTimeout(this.fire, after);
    timers.add(this);
  }

  forget() { this.fired = undefined; }
}

/** Has whoever waits come back. */
function restart(ctx) {
  for (const socket of ctx.getWebSockets()) {
    try {
      socket.send(JSON.stringify({ type: "bye", code: 4200, reason: "restart" }));
      socket.close(4200, "restart");
    } catch { /* it is gone already */ }
  }
}

/** Has an object wake with a memory of its own, by the one event that it can give itself. */
export function wake(ctx) {
  ctx.storage.setAlarm(Date.now()).catch(() => {});
}
