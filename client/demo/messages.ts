import type { ChannelFor } from "../src/index.ts";
import { $, clockOf, faceOf, make } from "./dom.ts";

export type Chat = ChannelFor<"chat:*">;
type List = ReturnType<Chat["timeline"]["getSnapshot"]>;
type Say = Extract<List["messages"][number], { readonly event: "say" }>;

/** How many messages the page begins with, and a look into the past brings. */
export const PAGE = 40;
/** Who is at most this many pixels from the end sees what is new. */
const NEAR = 80;

const PAST: Record<List["past"], string> = {
  loading: "Looking back …",
  more: "Scroll up for more",
  complete: "This is where it began.",
  refused: "The past cannot be shown",
};

/** The conversation: the channel's timeline, drawn. */
export class Messages {
  readonly #chat: Chat;
  readonly #user: string;
  readonly #log = $("log");
  readonly #past = $("past");
  readonly #seen: IntersectionObserver;
  readonly #lines = new Map<string, { readonly say: Say; readonly line: HTMLElement }>();

  constructor(chat: Chat, user: string, signal: AbortSignal) {
    this.#chat = chat;
    this.#user = user;
    this.#log.replaceChildren(this.#past);
    const { timeline, connection } = chat;
    signal.addEventListener("abort", timeline.subscribe((list) => this.#draw(list)));
    connection.on("recovered", ({ after, seq }) => void (seq > after && this.#note("good", caughtUp(seq - after))), { signal });
    connection.on("lost", () => this.#note("bad", "The channel’s history was cut meanwhile; this is what it still holds."), { signal });
    this.#seen = new IntersectionObserver(
      ([entry]) => void (entry?.isIntersecting && timeline.getSnapshot().past === "more" && timeline.older()),
      { root: this.#log },
    );
    signal.addEventListener("abort", () => this.#seen.disconnect());
    this.#draw(timeline.getSnapshot());
  }

  /** Says something: it is shown at once, and its fate beside it until it is answered. */
  say(text: string): void {
    void this.#chat.timeline.send("say", { text });
    this.#draw(this.#chat.timeline.getSnapshot());
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** Makes the lines what the list is; those that did not change stay as they are. */
  #draw({ messages, past, error }: List): void {
    const says = messages.filter((message): message is Say => message.event === "say");
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    const end = scrollHeight - scrollTop;
    const near = end - clientHeight < NEAR;
    const before = new Set(this.#lines.keys());
    let next: HTMLElement | null = null;
    for (const say of [...says].reverse()) {
      const known = this.#lines.get(say.key);
      const line: HTMLElement = known?.say === say ? known.line : this.#line(say);
      if (line !== known?.line) {
        known?.line.remove();
        this.#log.insertBefore(line, next);
        // What comes is seen to come; what was there before is there.
        if (past !== "loading" && say === says.at(-1)) line.classList.add("fresh");
        this.#lines.set(say.key, { say, line });
      }
      before.delete(say.key);
      next = line;
    }
    for (const key of before) {
      this.#lines.get(key)?.line.remove();
      this.#lines.delete(key);
    }
    for (const { line } of this.#lines.values()) group(line);
    this.#past.textContent = error && error.code !== "closed" ? `${PAST[past]}: ${error.message}` : PAST[past];
    // The reader's place stays where it was, counted from the end.
    this.#log.scrollTop = near ? this.#log.scrollHeight : this.#log.scrollHeight - end;
    // A page may be too short to fill the view, and then nobody scrolls.
    this.#seen.unobserve(this.#past);
    this.#seen.observe(this.#past);
  }

  #line(say: Say): HTMLElement {
    const { from, data, at, status, seq } = say;
    const name = from.user ?? this.#user;
    const time = make("time", "", clockOf(at));
    time.dateTime = new Date(at).toISOString();
    const head = make("header", "", make("b", "", name), time, ...(seq === undefined ? [] : [make("span", "number", `#${seq}`)]));
    const line = make("article", `line${name === this.#user ? " mine" : ""}`, faceOf(name), head, make("p", "bubble", data.text));
    line.dataset["user"] = name;
    line.dataset["minute"] = String(Math.floor(at / 120_000));
    if (status === "sending") {
      line.classList.add("pending");
      line.append(make("span", "fate", this.#chat.connection.state === "open" ? "sending …" : "waits for the connection"));
    } else if (status === "failed") {
      line.classList.add("failed");
      const { timeline } = this.#chat;
      const again = button("Try again", () => timeline.retry(say));
      line.append(make("span", "fate", `Not sent: ${say.error.message} `, again, " ", button("Remove", () => timeline.remove(say))));
    }
    return line;
  }

  /** A line of the page's own, behind what was said until now and before what still waits. */
  #note(kind: "good" | "bad", text: string): void {
    this.#draw(this.#chat.timeline.getSnapshot());
    const near = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
    this.#log.insertBefore(make("p", `note ${kind}`, text), this.#log.querySelector(".pending, .failed"));
    if (near) this.#log.scrollTop = this.#log.scrollHeight;
  }
}

function button(text: string, run: () => void): HTMLButtonElement {
  const made = make("button", "plain", text);
  made.type = "button";
  made.addEventListener("click", run);
  return made;
}

/** Lines of one person that follow each other closely are one group. */
function group(line: HTMLElement): void {
  const before = line.previousElementSibling;
  const follows =
    before instanceof HTMLElement && before.dataset["user"] === line.dataset["user"] && before.dataset["minute"] === line.dataset["minute"];
  line.classList.toggle("follows", follows);
}

function caughtUp(count: number): string {
  const which = count === 1 ? "the one message" : count === 2 ? "both messages" : `all ${count} messages`;
  return `Back, with ${which} that ${count === 1 ? "was" : "were"} missed.`;
}
