import { PONG_MS, QUIET_MS } from "./numbers.ts";
import { patiently } from "./runtime.ts";
import type { Runtime } from "./runtime.ts";

/** What a heartbeat needs and tells. */
export interface HeartbeatEvents {
  ping(): void;
  /** The way is broken. */
  silent(): void;
  /** A `pong` came, so many milliseconds after its `ping`. */
  rtt(ms: number): void;
}

/**
 * Notices that a way is broken, and keeps the service from taking this client for gone: it counts what the
 * client sends, so that a client which only listens must speak up too.
 */
export class Heartbeat {
  readonly #runtime: Runtime;
  readonly #events: HeartbeatEvents;
  #callOff = (): void => {};
  #phase: "closed" | "open" | "asked" = "closed";
  #heardAt = 0;
  #sentAt = 0;
  #texts = 0;

  constructor(runtime: Runtime, events: HeartbeatEvents) {
    this.#runtime = runtime;
    this.#events = events;
  }

  /** Begins to watch a way that was just opened. */
  start(): void {
    this.#heardAt = this.#sentAt = this.#runtime.now();
    this.#watch();
  }

  stop(): void {
    this.#phase = "closed";
    this.#callOff();
  }

  heard(text: string): void {
    this.#heardAt = this.#runtime.now();
    this.#texts++;
    if (text !== "pong" || this.#phase !== "asked") return;
    this.#events.rtt(this.#heardAt - this.#sentAt);
    this.#watch();
  }

  sent(): void {
    // While a pong is awaited this holds the ping's own time.
    if (this.#phase !== "asked") this.#sentAt = this.#runtime.now();
  }

  /** Asks now whether the way still holds; while an answer is awaited it does not ask again. */
  ping(): void {
    if (this.#phase !== "open") return;
    this.#phase = "asked";
    this.#sentAt = this.#runtime.now();
    const texts = this.#texts;
    this.#callOff();
    this.#callOff = patiently(this.#runtime, PONG_MS, () => {
      if (this.#texts === texts) this.#events.silent();
      else this.#watch();
    });
    this.#events.ping();
  }

  #watch(): void {
    this.#phase = "open";
    this.#callOff();
    const due = Math.min(this.#heardAt, this.#sentAt) + QUIET_MS - this.#runtime.now();
    if (due <= 0) this.ping();
    else this.#callOff = this.#runtime.after(due, () => this.#watch());
  }
}
