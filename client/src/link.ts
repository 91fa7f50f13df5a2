import { CLOSE_MS, ERROR_MS, SOCKET_OPEN } from "./numbers.ts";
import type { Runtime, SocketLike } from "./runtime.ts";

/** What a link tells. */
export interface LinkEvents {
  /** A text came; after `gone` it is of no interest. */
  text(text: string): void;
  /** The way is gone; told exactly once, even where the other side never finishes closing. */
  gone(code: number, reason: string): void;
}

/** One WebSocket with a close that always ends. */
export class Link {
  readonly #runtime: Runtime;
  readonly #events: LinkEvents;
  #callOff = (): void => {};
  #phase: "open" | "closing" | "closed" = "open";
  readonly #socket: SocketLike;

  constructor(runtime: Runtime, url: string, protocols: string[], events: LinkEvents) {
    this.#runtime = runtime;
    this.#events = events;
    this.#socket = runtime.socket(url, protocols);
    this.#socket.onmessage = ({ data }) => void (typeof data === "string" && events.text(data));
    this.#socket.onerror = () => this.#expectEnd(ERROR_MS);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  /** Sends text; where the other side has begun to close, the link ends instead. */
  send(text: string): void {
    try {
      if (this.#socket.readyState === SOCKET_OPEN) return this.#socket.send(text);
    } catch {
      // A socket that cannot send is as good as closing, whatever it says of itself.
    }
    this.#expectEnd();
  }

  /** Closes; `gone` follows within 2 s. */
  close(code?: number): void {
    this.#expectEnd();
    try {
      this.#socket.close(code);
    } catch {
      // It is not heard any more in any case.
    }
  }

  #expectEnd(ms = CLOSE_MS): void {
    if (this.#phase !== "open") return;
    this.#phase = "closing";
    this.#callOff = this.#runtime.after(ms, () => this.#end(1006, ""));
  }

  #end(code: number, reason: string): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#callOff();
    this.#events.gone(code, reason);
  }
}
