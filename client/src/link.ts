import { CLOSE_MS, ERROR_MS, SOCKET_OPEN } from "./numbers.ts";
import type { ServiceFrame } from "./protocol.ts";
import type { Runtime, SocketLike } from "./runtime.ts";

/** The sub-protocol this client speaks (E6). */
const PROTOCOL = "dormouse.v1";

/** What a way to the service tells. */
export interface LinkEvents {
  /** The socket can send. */
  open(): void;
  /** A text came; after `gone` it is of no interest. */
  text(text: string): void;
  /** Frames came that were taken out of a text already. */
  frames(frames: readonly ServiceFrame[]): void;
  /** The way is gone; told exactly once, even where the other side never finishes closing. */
  gone(code: number, reason: string): void;
}

/** A way to the service: a socket, or a share of one. */
export interface LinkLike {
  /** Sends text; where the other side has begun to close, the way ends instead. */
  send(text: string): void;
  /** Closes; `gone` follows within 2 s. */
  close(code?: number): void;
}

/** One WebSocket with a close that always ends. */
export class Link implements LinkLike {
  readonly #runtime: Runtime;
  readonly #events: LinkEvents;
  #callOff = (): void => {};
  #phase: "open" | "closing" | "closed" = "open";
  readonly #socket: SocketLike;

  constructor(runtime: Runtime, url: string, token: string | null, events: LinkEvents) {
    this.#runtime = runtime;
    this.#events = events;
    this.#socket = runtime.socket(url, token === null ? [PROTOCOL] : [PROTOCOL, `bearer.${token}`]);
    this.#socket.onopen = () => events.open();
    this.#socket.onmessage = ({ data }) => void (typeof data === "string" && events.text(data));
    this.#socket.onerror = () => this.#expectEnd(ERROR_MS);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  send(text: string): void {
    try {
      if (this.#socket.readyState === SOCKET_OPEN) return this.#socket.send(text);
    } catch {
      // A socket that cannot send is as good as closing, whatever it says of itself.
    }
    this.#expectEnd();
  }

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
