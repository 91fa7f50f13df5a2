import type { Channel, ChannelOf, Contract } from "../src/index.ts";
import { $, colourOf, make } from "./dom.ts";

export type CursorChannel = Channel<ChannelOf<Contract, `cursor:${string}`>>;

/** Moves are told at most this often, in milliseconds: half of what the contract allows. */
const EVERY_MS = 33;
/** A pointer that rests this long, in milliseconds, is not shown any more. */
const REST_MS = 6_000;

interface Cursor {
  readonly element: HTMLElement;
  rest: number;
}

/** Everyone's pointer over the conversation, on a channel of its own where nothing is kept. */
export class Cursors {
  readonly #channel: CursorChannel;
  readonly #stage = $("stage");
  readonly #layer = $("cursors");
  readonly #cursors = new Map<string, Cursor>();
  #told = 0;

  constructor(channel: CursorChannel, signal: AbortSignal) {
    this.#channel = channel;
    this.#layer.replaceChildren();
    channel.on("move", ({ data, from }) => this.#move(from.connection ?? "", from.user ?? "somebody", data), { signal });
    channel.presence.on("leave", ({ connection }) => this.#remove(connection), { signal });
    this.#stage.addEventListener("pointermove", (event) => this.#tell(event), { signal });
  }

  #tell(event: PointerEvent): void {
    const now = performance.now();
    if (now - this.#told < EVERY_MS || event.pointerType === "touch") return;
    this.#told = now;
    const { left, top, width, height } = this.#stage.getBoundingClientRect();
    const share = (value: number, all: number): number => Math.round(Math.min(1, Math.max(0, value / all)) * 10_000) / 10_000;
    void this.#channel.publish(
      "move",
      { x: share(event.clientX - left, width), y: share(event.clientY - top, height) },
      { volatile: true, echo: false },
    );
  }

  #move(connection: string, user: string, { x, y }: { x: number; y: number }): void {
    if (connection === this.#channel.connection.id) return;
    const cursor = this.#cursors.get(connection) ?? this.#add(connection, user);
    cursor.element.style.transform = `translate(${x * this.#stage.clientWidth}px, ${y * this.#stage.clientHeight}px)`;
    cursor.element.classList.remove("still");
    clearTimeout(cursor.rest);
    cursor.rest = window.setTimeout(() => cursor.element.classList.add("still"), REST_MS);
  }

  #add(connection: string, user: string): Cursor {
    const name = make("span", "", user);
    name.style.backgroundColor = colourOf(user);
    const element = make("div", "cursor", arrow(colourOf(user)), name);
    const cursor = { element, rest: 0 };
    this.#cursors.set(connection, cursor);
    this.#layer.append(element);
    return cursor;
  }

  #remove(connection: string): void {
    const cursor = this.#cursors.get(connection);
    clearTimeout(cursor?.rest);
    cursor?.element.remove();
    this.#cursors.delete(connection);
  }
}

function arrow(colour: string): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 18 18");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M1 1l15 6-6.500 2.500L7 16z");
  path.setAttribute("fill", colour);
  path.setAttribute("stroke", "#fff");
  picture.append(path);
  return picture;
}
