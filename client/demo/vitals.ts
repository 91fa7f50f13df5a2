import type { StateChange } from "../src/index.ts";
import type { Chat } from "./messages.ts";
import { $ } from "./dom.ts";

/** How often the page asks for a sign of life, in milliseconds; it wakes no channel. */
const PING_MS = 4_000;
/** How many round trips the line shows. */
const SHOWN = 48;
/** After this much quiet, in milliseconds, the service puts a channel to sleep. */
const SLEEP_MS = 10_000;

const WORDS: Record<StateChange["state"], string> = {
  idle: "away",
  joining: "joining …",
  open: "connected",
  waiting: "waiting",
  closed: "closed",
};

/** The connection as it stands: state, round trip, place in the order; and whether the channel sleeps. */
export class Vitals {
  readonly #chat: Chat;
  readonly #trips: number[] = [];
  #spokenAt = Date.now();
  #retryAt: number | null = null;

  constructor(chat: Chat, signal: AbortSignal) {
    this.#chat = chat;
    chat.connection.on("state", (change) => this.#state(change), { signal });
    chat.connection.on("rtt", (ms) => this.#trip(ms), { signal });
    for (const event of ["say", "typing"] as const) chat.on(event, () => this.#spoken(), { signal });
    chat.presence.on("change", () => this.#spoken(), { signal });
    const timers = [setInterval(() => this.#tick(), 250), setInterval(() => document.hidden || chat.connection.ping(), PING_MS)];
    signal.addEventListener("abort", () => {
      for (const timer of timers) clearInterval(timer);
      $("mood").textContent = "Realtime channels that sleep between messages.";
      $("mouse").classList.remove("awake");
    });
    const drop = $<HTMLButtonElement>("drop");
    drop.addEventListener("click", () => (chat.connection.state === "idle" ? chat.connection.start() : chat.connection.pause()), {
      signal,
    });
    this.#state({ state: chat.connection.state, previous: "idle" });
  }

  /** Something was said, so the channel is awake. */
  #spoken(): void {
    this.#spokenAt = Date.now();
    this.#tick();
  }

  #state({ state, error, retryIn }: StateChange): void {
    this.#retryAt = retryIn === undefined ? null : Date.now() + retryIn;
    $("state").dataset["state"] = state;
    $("state-text").textContent = state === "closed" && error && error.code !== "closed" ? `closed: ${error.message}` : WORDS[state];
    $("state").title = error?.message ?? "";
    const drop = $<HTMLButtonElement>("drop");
    drop.disabled = state === "closed";
    drop.ariaPressed = String(state === "idle");
    drop.textContent = state === "idle" ? "Come back" : "Drop the connection";
    if (state === "open") {
      this.#spoken();
      this.#chat.connection.ping();
    }
    this.#tick();
  }

  #trip(ms: number): void {
    this.#trips.push(ms);
    if (this.#trips.length > SHOWN) this.#trips.shift();
    $("rtt").textContent = `${Math.round(ms)} ms`;
    const most = Math.max(20, ...this.#trips);
    const points = this.#trips.map((trip, at) => `${(160 * (SHOWN - this.#trips.length + at)) / (SHOWN - 1)} ${33 - (30 * trip) / most}`);
    $("spark-line").setAttribute("d", points.length ? `M${points.join("L")}` : "");
  }

  #tick(): void {
    const { position, connection } = this.#chat;
    set("seq", position ? String(position.seq) : "–");
    set("epoch", position?.epoch ?? "–");
    set("connection", connection.id ?? "–");
    if (this.#retryAt !== null && connection.state === "waiting") {
      const seconds = Math.max(0, Math.ceil((this.#retryAt - Date.now()) / 1000));
      set("state-text", `back in ${seconds} s`);
    }
    const quiet = Date.now() - this.#spokenAt;
    const asleep = quiet >= SLEEP_MS || connection.state !== "open";
    $("mouse").classList.toggle("awake", !asleep);
    set("mood", moodOf(connection.state, quiet));
  }
}

function moodOf(state: StateChange["state"], quiet: number): string {
  if (state === "idle") return "You are away. What is said meanwhile is kept for you.";
  if (state !== "open") return "On the way …";
  if (quiet < SLEEP_MS) return "The channel is awake.";
  return `Quiet for ${Math.floor(quiet / 1000)} s: the channel may sleep. Your socket stays open.`;
}

/** Sets text only where it is another, so that nothing is announced for nothing. */
function set(id: string, text: string): void {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
  element.title = text;
}
