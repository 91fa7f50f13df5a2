import { $, make } from "./dom.ts";

/** How many frames are kept on show. */
const SHOWN = 300;
/** Longer values are cut here. */
const LONGEST = 400;

/** Of the channel with code of its own: what is asked, and what comes of it. */
const CALLS = /"type":"(call|result|message|error)"/;

/** The frames of the channels as they pass. */
export class Wire {
  readonly #list = $("frames");
  readonly #pings = $<HTMLInputElement>("wire-pings");
  readonly #cursors = $<HTMLInputElement>("wire-cursors");
  #count = 0;

  constructor(signal: AbortSignal) {
    this.#list.replaceChildren();
    $("wire-clear").addEventListener("click", () => this.#list.replaceChildren(), { signal });
  }

  /** Shows a text that passed. */
  readonly chat = (direction: "in" | "out", text: string): void => this.#show(direction, text);

  /** Shows a text of the cursors, where the reader wants them. */
  readonly cursors = (direction: "in" | "out", text: string): void => void (this.#cursors.checked && this.#show(direction, text));

  /** Shows a text of the channel with code of its own, where it is about that. */
  readonly calls = (direction: "in" | "out", text: string): void => void (CALLS.test(text) && this.#show(direction, text));

  #show(direction: "in" | "out", text: string): void {
    $("wire-count").textContent = `${++this.#count} ${this.#count === 1 ? "frame" : "frames"}`;
    if (text === "ping" || text === "pong") {
      if (this.#pings.checked) this.#add(direction, text, {}, "");
      return;
    }
    for (const frame of parse(text)) {
      const { type, ...rest } = frame;
      // A token is a key to the house: it is never put on show.
      if ("token" in rest) rest["token"] = "…";
      const bad = type === "error" || type === "bye";
      this.#add(direction, String(type), rest, bad ? "bad" : "");
    }
  }

  #add(direction: "in" | "out", type: string, fields: Record<string, unknown>, kind: string): void {
    const near = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 60;
    const way = make("span", "way", direction === "in" ? "↓" : "↑");
    way.title = direction === "in" ? "received" : "sent";
    const body = make("span", "", make("b", "", type));
    for (const [name, value] of Object.entries(fields)) {
      const text = JSON.stringify(value);
      body.append(make("span", "field", `${name} `), `${text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text} `);
    }
    this.#list.append(make("li", `${direction} ${kind}`, way, body));
    while (this.#list.childElementCount > SHOWN) this.#list.firstElementChild?.remove();
    if (near) this.#list.scrollTop = this.#list.scrollHeight;
  }
}

function parse(text: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(text) as Record<string, unknown>].flat();
  } catch {
    return [{ type: "no JSON", text }];
  }
}
