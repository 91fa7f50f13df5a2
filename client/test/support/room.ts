/** A message that is kept. */
export interface Kept {
  readonly seq: number;
  readonly id: string | undefined;
  readonly event: string;
  readonly data: unknown;
  /** What its publisher wrote, where code of the channel's own judged it. */
  readonly asked?: unknown;
  readonly from: { readonly user: string | null; readonly connection?: string; readonly service?: true };
  readonly at: number;
}

/** An id is known again for this long, in milliseconds, and among this many of the last kept messages (D7). */
export const KNOWN_MS = 600_000;
const KNOWN = 1_000;
/** The most bytes one replay or one page carries (D4). */
const REPLAY_BYTES = 262_144;

/** One channel's history: one order, what of it is held, and which ids are known again. */
export class Room {
  readonly epoch: string;
  readonly kept: Kept[] = [];
  readonly #bounds: { readonly held: number; readonly replay: number };

  constructor(epoch: string, bounds: { readonly held: number; readonly replay: number }) {
    this.epoch = epoch;
    this.#bounds = bounds;
  }

  /** The newest seq. */
  get head(): number {
    return this.kept.length;
  }

  /** The oldest seq that is held. */
  get first(): number {
    return Math.max(1, this.head - this.#bounds.held + 1);
  }

  /** Keeps a message. */
  keep(message: Omit<Kept, "seq">): Kept {
    const kept = { seq: this.head + 1, ...message };
    this.kept.push(kept);
    return kept;
  }

  /** The message that this user (without one: this connection) has said with this id, where it is still known (D7). */
  known(id: unknown, user: string | null, connection: string, now: number): Kept | undefined {
    const window = this.kept.slice(-KNOWN).filter(({ at }) => now - at < KNOWN_MS);
    return window.find(({ id: other, from }) => other === id && from.user === user && (user !== null || from.connection === connection));
  }

  /** Whether an id was said and is known no more. */
  forgot(id: unknown, user: string | null): boolean {
    return this.kept.some(({ id: other, from }) => other === id && from.user === user);
  }

  /** What becomes of a position, and the messages that follow (D4). */
  resume(epoch: unknown, after: number): { readonly resume: "recovered" | "behind" | "lost"; readonly messages: readonly Kept[] } {
    if (epoch !== this.epoch || !(after <= this.head) || after + 1 < this.first) return { resume: "lost", messages: [] };
    const messages = this.kept.slice(after);
    if (messages.length > this.#bounds.replay || sizeOf(messages) > REPLAY_BYTES) return { resume: "behind", messages: [] };
    return { resume: "recovered", messages };
  }

  /** A page of history, oldest first. */
  page({ before, after, limit = 50 }: { before?: number; after?: number; limit?: number }): { messages: readonly Kept[]; more: boolean } {
    const held = this.kept.slice(this.first - 1);
    const found = held.filter(({ seq }) => seq > (after ?? 0) && seq < (before ?? Infinity));
    let count = Math.min(limit, 100, found.length, Math.max(1, Math.ceil(this.#bounds.replay / 3)));
    const cut = (): Kept[] => (after === undefined ? found.slice(found.length - count) : found.slice(0, count));
    while (sizeOf(cut()) > REPLAY_BYTES) count--;
    return { messages: cut(), more: count < found.length };
  }
}

const sizeOf = (messages: readonly Kept[]): number => (messages.length ? JSON.stringify(messages).length : 0);
