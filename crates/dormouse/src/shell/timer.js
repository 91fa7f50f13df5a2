// The one timer of an object: see timer.rs, the only one that calls this.

/** Holds what it calls until it is told to forget it: a timeout that is still pending then finds nothing to call. */
export class Timer {
  constructor(fired) {
    this.fired = fired;
    this.fire = () => this.fired?.();
  }

  set(after) {
    clearTimeout(this.pending);
    this.pending = setTimeout(this.fire, after);
  }

  forget() { this.fired = undefined; }
}
