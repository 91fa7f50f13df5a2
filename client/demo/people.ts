import type { Chat } from "./messages.ts";
import { $, faceOf, make } from "./dom.ts";

/** How long a "typing" holds where no end of it is heard, in milliseconds. */
const TYPING_MS = 5_000;
/** How often "typing" is said again while someone types, in milliseconds. */
const AGAIN_MS = 2_500;

/** Who is here, by name; who has several windows open is here once. */
export class People {
  readonly #chat: Chat;
  readonly #list = $("people");
  readonly #count = $("count");

  constructor(chat: Chat, signal: AbortSignal) {
    this.#chat = chat;
    chat.presence.on("change", () => this.#show(), { signal });
    this.#show();
  }

  #show(): void {
    const { mode, members, count } = this.#chat.presence;
    this.#count.textContent = count ? String(count) : "";
    const names = [...new Set([...members.values()].map(({ user }) => user ?? "somebody"))].sort((a, b) => a.localeCompare(b));
    this.#list.replaceChildren(
      ...names.map((name) => make("li", "", faceOf(name), make("span", name === this.#chat.connection.user ? "me" : "", name))),
    );
    if (mode === "count") this.#list.replaceChildren(make("li", "quiet", "Too many to be named."));
  }
}

/** Who is about to say something; said and heard as a volatile event, which nobody keeps. */
export class Typing {
  readonly #chat: Chat;
  readonly #line = $("typing");
  readonly #typists = new Map<string, number>();
  #said: { on: boolean; at: number } = { on: false, at: 0 };

  constructor(chat: Chat, signal: AbortSignal) {
    this.#chat = chat;
    chat.on("typing", ({ data, from }) => this.#hear(from.connection ?? "", from.user, data.on), { signal });
    chat.on("say", ({ from }) => this.#hear(from.connection ?? "", from.user, false), { signal });
    chat.presence.on("leave", ({ connection, user }) => this.#hear(connection, user, false), { signal });
  }

  /** Tells the others, no more often than they need it. */
  say(on: boolean): void {
    const now = Date.now();
    if (on === this.#said.on && (!on || now - this.#said.at < AGAIN_MS)) return;
    this.#said = { on, at: now };
    void this.#chat.publish("typing", { on }, { volatile: true, echo: false });
  }

  #hear(connection: string, user: string | null, on: boolean): void {
    if (connection === this.#chat.connection.id) return;
    const key = JSON.stringify([connection, user ?? "somebody"]);
    clearTimeout(this.#typists.get(key));
    this.#typists.delete(key);
    if (on)
      this.#typists.set(
        key,
        window.setTimeout(() => this.#hear(connection, user, false), TYPING_MS),
      );
    this.#show();
  }

  #show(): void {
    const names = [...new Set([...this.#typists.keys()].map((key) => (JSON.parse(key) as [string, string])[1]))];
    this.#line.textContent = names.length
      ? `${names.slice(0, 3).join(", ")}${names.length > 3 ? " and others" : ""} ${names.length === 1 ? "is" : "are"} typing …`
      : "";
  }
}
