/** For how long nobody hears one who sends spam, and a reply is known again, in milliseconds. */
const [MUTED_MS, KNOWN_MS] = [60_000, 600_000];

/** A reply that is given again to the same request. */
interface Reply {
  readonly about: string;
  readonly data: unknown;
  readonly at: number;
}

/** What a turn says besides its reply. */
export interface Said {
  readonly event: string;
  readonly data: unknown;
}

/** The application's own code on one channel, as `demo:*` of the real service has it (C1 to C6). */
export class Code {
  /** Which calls ran, by the id of their request: each once for each time. */
  readonly runs: string[] = [];
  readonly #random: () => number;
  readonly #muted = new Map<string, number>();
  readonly #replies = new Map<string, Reply>();
  #count = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** What joiners are shown (C5). */
  shown(now: number): { readonly count: number; readonly muted: readonly string[] } {
    for (const [one, until] of this.#muted) if (until <= now) this.#muted.delete(one);
    return { count: this.#count, muted: [...this.#muted.keys()].sort() };
  }

  /** What is said in the place of a text; a reason where it is refused. */
  judge(user: string, text: string, now: number): { readonly text: string } | { readonly reason: string } {
    if ((this.#muted.get(user) ?? 0) > now) return { reason: "muted" };
    if (!text.includes("spam")) return { text };
    this.#muted.set(user, now + MUTED_MS);
    return { text: "…" };
  }

  /** The reply that a request was given, where it is still known; `other` where it asked something else. */
  replied(user: string, id: unknown, about: string, now: number): Reply | "other" | undefined {
    const reply = this.#replies.get(`${user} ${id}`);
    if (!reply || now - reply.at > KNOWN_MS) return undefined;
    return reply.about === about ? reply : "other";
  }

  remember(user: string, id: unknown, reply: Reply): void {
    this.#replies.set(`${user} ${id}`, reply);
  }

  /** Runs a call: what it replies, what it says, and what it says later. */
  run(user: string, id: unknown, name: string, input: Record<string, unknown>): { reply: unknown; said?: Said; later?: Said & { readonly ms: number } } {
    this.runs.push(String(id));
    switch (name) {
      case "roll": {
        const data = { by: user, n: 1 + Math.floor(this.#random() * Number(input["sides"])) };
        return { reply: data, said: { event: "rolled", data } };
      }
      case "remind":
        return { reply: {}, later: { event: "reminded", data: { by: user, text: input["text"] }, ms: Number(input["after_ms"]) } };
      default:
        return { reply: { count: ++this.#count } };
    }
  }
}

/** The calls of `demo:*`: what they take, and whether they are remembered. */
export const CALLS: { readonly [name: string]: { readonly remembered: boolean; takes(data: Record<string, unknown>): boolean } } = {
  roll: { remembered: false, takes: ({ sides }) => Number.isInteger(sides) && Number(sides) >= 2 && Number(sides) <= 1_000 },
  count: { remembered: true, takes: (data) => Object.keys(data).length === 0 },
  remind: { remembered: false, takes: ({ after_ms, text }) => Number.isInteger(after_ms) && typeof text === "string" && text !== "" },
};

/** The calls that may be sent again, as `welcome` names them. */
export const REMEMBERED_CALLS = Object.keys(CALLS).filter((name) => CALLS[name]?.remembered);
