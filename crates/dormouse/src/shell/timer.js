// The one timer of an object: see timer.rs, the only one that calls this.
import { timers } from "./code.js";

/** Holds what it calls until it is told to forget it: a timeout that is still pending then finds nothing to call. */
export class Timer {
  constructor(fired, ctx) {
    this.fired = fired;
    this.ctx = ctx;
    this.fire = () => {
      timers.delete(this);
      if (this.isLost) this.restart();
      else this.fired?.();
    };
  }

  set(after) {
    clearTimeout(this.pending);
    this.pending = setTimeout(this.fire, after);
    timers.add(this);
  }

  forget() { this.fired = undefined; }

  /** What it was set for is lost with all memory: whoever waits for it comes back. */
  restart() {
    for (const socket of this.ctx.getWebSockets()) {
      try {
        socket.send(JSON.stringify({ type: "bye", code: 4200, reason: "restart" }));
        socket.close(4200, "restart");
      } catch { /* it is gone already */ }
    }
  }
}
