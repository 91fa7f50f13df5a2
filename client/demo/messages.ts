import type { Channel, ChannelError, ChannelOf, Contract, Lost, MessageOf } from "../src/index.ts";
import { $, clockOf, faceOf, make } from "./dom.ts";

export type Chat = Channel<ChannelOf<Contract, `chat:${string}`>>;
type Say = MessageOf<ChannelOf<Contract, `chat:${string}`>, "say">;

/** How many messages a look into the past brings. */
const PAGE = 40;
/** Who is at most this many pixels from the end sees what is new. */
const NEAR = 80;

/** The conversation: what was said, what is being said, and what the reader has not had answered yet. */
export class Messages {
  readonly #chat: Chat;
  readonly #user: string;
  readonly #log = $("log");
  readonly #past = $("past");
  readonly #seen: IntersectionObserver;
  #oldest: number | null = null;
  #reach: "unknown" | "loading" | "more" | "complete" = "unknown";

  constructor(chat: Chat, user: string, signal: AbortSignal) {
    this.#chat = chat;
    this.#user = user;
    this.#log.replaceChildren(this.#past);
    this.#past.textContent = "";
    chat.on("say", (message) => this.#arrive(message), { signal });
    chat.connection.on("state", ({ state }) => void (state === "open" && this.#reach === "unknown" && this.#begin()), { signal });
    chat.connection.on("recovered", ({ after, seq }) => void (seq > after && this.#note("good", caughtUp(seq - after))), { signal });
    chat.connection.on("lost", (event) => this.#lost(event), { signal });
    this.#seen = new IntersectionObserver(([entry]) => void (entry?.isIntersecting && this.#reach === "more" && this.#back()), {
      root: this.#log,
    });
    this.#seen.observe(this.#past);
    signal.addEventListener("abort", () => this.#seen.disconnect());
  }

  /** Says something: it is shown at once, and its fate beside it until it is answered. */
  say(text: string): void {
    const fate = make("span", "fate", this.#chat.connection.state === "open" ? "sending …" : "waits for the connection");
    const line = this.#line({ user: this.#user, text, at: Date.now() });
    line.classList.add("pending", "fresh");
    line.append(fate);
    this.#append(line, "always");
    this.#chat.publish("say", { text }).then(
      () => line.remove(),
      (error: ChannelError) => this.#refused(line, fate, text, error),
    );
  }

  #arrive({ seq, data, from, at }: Say): void {
    if (seq !== undefined) this.#oldest ??= seq;
    const line = this.#line({ user: from.user, text: data.text, at, seq });
    line.classList.add("fresh");
    this.#append(line, from.user === this.#user ? "always" : "where_near");
    this.#group(line);
  }

  #refused(line: HTMLElement, fate: HTMLElement, text: string, error: ChannelError): void {
    if (error.code === "closed") return line.remove();
    line.classList.replace("pending", "failed");
    const again = make("button", "plain", "Try again");
    again.type = "button";
    again.addEventListener("click", () => {
      line.remove();
      this.say(text);
    });
    fate.replaceChildren(`Not sent: ${error.message} `, again);
  }

  #begin(): void {
    this.#oldest = (this.#chat.position?.seq ?? 0) + 1;
    this.#back();
  }

  /** Loads what was said before the oldest line. */
  #back(): void {
    const before = this.#oldest;
    if (before === null || this.#reach === "loading") return;
    this.#reach = "loading";
    this.#past.textContent = "Looking back …";
    this.#chat.history({ before, limit: PAGE }).then(
      ({ messages, more }) => this.#prepend(messages.filter(({ event }) => event === "say") as Say[], more),
      (error: ChannelError) => {
        this.#reach = "unknown";
        this.#past.textContent = error.code === "closed" ? "" : `The past cannot be shown: ${error.message}`;
      },
    );
  }

  #prepend(messages: readonly Say[], more: boolean): void {
    this.#reach = more ? "more" : "complete";
    this.#oldest = messages[0]?.seq ?? this.#oldest;
    this.#past.textContent = more ? "Scroll up for more" : "This is where it began.";
    const end = this.#log.scrollHeight - this.#log.scrollTop;
    const lines = messages.map(({ seq, data, from, at }) => this.#line({ user: from.user, text: data.text, at, seq }));
    this.#past.after(...lines);
    for (const line of lines) this.#group(line);
    const next = lines.at(-1)?.nextElementSibling;
    if (next instanceof HTMLElement) this.#group(next);
    // The reader's place stays where it was, counted from the end.
    this.#log.scrollTop = this.#log.scrollHeight - end;
    // A page may be too short to fill the view, and then nobody scrolls.
    this.#seen.unobserve(this.#past);
    this.#seen.observe(this.#past);
  }

  #lost({ seq }: Lost): void {
    for (const line of [...this.#log.querySelectorAll(".line:not(.pending)")]) line.remove();
    this.#note("bad", "The channel’s history was cut meanwhile; this is what it still holds.");
    this.#oldest = seq + 1;
    this.#reach = "unknown";
    this.#back();
  }

  #line({ user, text, at, seq }: { user: string | null; text: string; at: number; seq?: number | undefined }): HTMLElement {
    const name = user ?? "somebody";
    const time = make("time", "", clockOf(at));
    time.dateTime = new Date(at).toISOString();
    const head = make("header", "", make("b", "", name), time, ...(seq === undefined ? [] : [make("span", "number", `#${seq}`)]));
    const line = make("article", `line${name === this.#user ? " mine" : ""}`, faceOf(name), head, make("p", "bubble", text));
    line.dataset["user"] = name;
    line.dataset["minute"] = String(Math.floor(at / 120_000));
    return line;
  }

  /** Lines of one person that follow each other closely are one group. */
  #group(line: HTMLElement): void {
    const before = line.previousElementSibling;
    const follows =
      before instanceof HTMLElement &&
      before.dataset["user"] === line.dataset["user"] &&
      before.dataset["minute"] === line.dataset["minute"];
    line.classList.toggle("follows", follows);
  }

  #note(kind: "good" | "bad", text: string): void {
    this.#append(make("p", `note ${kind}`, text), "where_near");
  }

  #append(line: HTMLElement, scroll: "always" | "where_near"): void {
    const near = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
    // What is answered stands before what still waits.
    const waiting = line.classList.contains("pending") ? null : this.#log.querySelector(".pending");
    this.#log.insertBefore(line, waiting);
    if (near || scroll === "always") this.#log.scrollTop = this.#log.scrollHeight;
  }
}

function caughtUp(count: number): string {
  const which = count === 1 ? "the one message" : count === 2 ? "both messages" : `all ${count} messages`;
  return `Back, with ${which} that ${count === 1 ? "was" : "were"} missed.`;
}
