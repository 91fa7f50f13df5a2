import type { ChannelError } from "./errors.ts";
import type { Answer, Ask } from "./lane.ts";
import { HELD, PAGE } from "./numbers.ts";
import type { At, HistoryFrame, Message, Position, Resume, Resumed, Welcome } from "./protocol.ts";

/** The client came back, and has told every message it had missed. */
export interface Recovered {
  /** The last message told before. */
  readonly after: number;
  /** The last of those that were missed; equal to `after` where nothing was. */
  readonly seq: number;
}

/** Messages were missed that the service does not hold any more. */
export interface Lost {
  /** The last message told before; `null` where no position was known. */
  readonly after: number | null;
  /** Nothing up to this `seq` will be told any more; what follows it will. */
  readonly seq: number;
  /** The oldest message the service still holds, to be had with `history`. */
  readonly first: number | undefined;
}

/** What delivery needs, and whom it tells; answers come back within the turn in which they are read. */
export interface DeliveryPorts {
  deliver(message: Message): void;
  recovered(event: Recovered): void;
  lost(event: Lost): void;
  /** The application's state as of the message told last (C5). */
  snapshot(value: unknown): void;
  /** All that this connection missed has been told. */
  told(): void;
  ask: Ask;
  /** Calls `run` some time after a refusal, until the returned function is called. */
  later(error: ChannelError, run: () => void): () => void;
}

/**
 * - `live`: what comes is told
 * - `asked`: a gap was seen and `resume` sent; what comes is held (D6)
 * - `replay`: the service is sending what was missed, up to the target (D4)
 * - `paging`: too much was missed to be sent unasked; it is pulled page by page, what is live is held (D4)
 */
type Phase = "live" | "asked" | "replay" | "paging";

/** Tells each kept message once and in order, whatever the connection does, or says that it cannot (D4, D6). */
export class Delivery {
  readonly #ports: DeliveryPorts;
  /** The last message told. */
  #seq: number;
  #callOff = (): void => {};
  #phase: Phase = "live";
  /** Counts connections, so that an answer to an older one is not mistaken for news. */
  #turn = 0;
  /** The life of the history that is told; `undefined` while no position is known. */
  #epoch: string | undefined;
  #held: Message[] = [];
  #target = 0;
  /** A snapshot, to be told once all up to its seq is. */
  #shown: { readonly seq: number; readonly snapshot: unknown } | undefined;
  /** Where this catching up began. */
  #since: number | null = null;
  /** Whether a replay that promised everything has left the same gap as before. */
  #askedAfter = -1;

  constructor(ports: DeliveryPorts, position: Position | null | undefined) {
    this.#ports = ports;
    this.#epoch = position?.epoch;
    this.#seq = position?.seq ?? 0;
  }

  /** The last message told, which is what to come back with. */
  get position(): Position | null {
    return this.#epoch === undefined ? null : { epoch: this.#epoch, seq: this.#seq };
  }

  /** A connection was welcomed. */
  welcome({ epoch = "", seq = 0, first, resume, snapshot }: Welcome): void {
    // `fresh` is no answer to a position, known or forgotten (4400): unless it is the very same one, what was said since is gone.
    const same = this.#epoch === epoch && this.#seq === seq;
    if (this.#epoch !== undefined) this.#since = this.#seq;
    this.#epoch = epoch;
    this.#target = seq;
    if (snapshot !== undefined) this.#shown = { seq, snapshot };
    if (resume === "recovered" || resume === "behind") return this.#catchUp(resume);
    this.#seq = seq;
    if (resume === "lost" || (this.#since !== null && !same)) this.#ports.lost({ after: this.#since, seq, first });
    this.#since = null;
    this.#show();
    this.#ports.told();
  }

  /** A message came. */
  message(message: Message): void {
    const { seq } = message;
    if (seq === undefined || this.#epoch === undefined) {
      // An ephemeral one keeps its place behind what is held.
      if (this.#phase === "live") this.#ports.deliver(message);
      else this.#hold(message);
    } else if (seq > this.#seq) {
      if (seq === this.#seq + 1) {
        this.#take(message);
        this.#advance();
      } else {
        this.#hold(message);
        if (this.#phase === "live" || this.#phase === "replay") this.#ask();
      }
    }
  }

  /** The channel is there (M6): what this client is behind, it asks for. */
  at({ epoch, seq }: At): void {
    if (epoch === this.#epoch && seq <= this.#seq) return;
    if (this.#phase === "paging") this.#target = Math.max(this.#target, seq);
    else if (this.#phase !== "asked") this.#ask();
  }

  /** The connection is gone; what is held will be told by the next one. */
  down(): void {
    this.#turn++;
    this.#callOff();
    this.#held = [];
    this.#shown = undefined;
    this.#phase = "live";
    this.#askedAfter = -1;
  }

  /** The history this position belongs to is gone (4400). */
  forget(): void {
    if (this.#epoch !== undefined) this.#since = this.#seq;
    this.#epoch = undefined;
  }

  /**
   * Holds what cannot be told yet. What is too much is let go: of it, what is kept is fetched in its turn like the
   * rest of what is missing; what is ephemeral is not told.
   */
  #hold(message: Message): void {
    if (this.#held.push(message) <= HELD) return;
    for (const { seq = 0 } of this.#held.splice(0)) this.#target = Math.max(this.#target, seq);
  }

  /** A gap: asks for what is missing. */
  #ask(): void {
    const after = this.#seq;
    if (this.#askedAfter === after) return this.#catchUp("lost");
    this.#askedAfter = after;
    this.#since ??= after;
    this.#phase = "asked";
    this.#request({ type: "resume", epoch: this.#epoch, after }, (resumed: Resumed) => {
      const { resume, epoch, seq, first, snapshot } = resumed;
      if (epoch !== undefined && epoch !== this.#epoch) {
        // Another life of the history began, and this is its head.
        this.#phase = "live";
        this.welcome(resumed as unknown as Welcome);
        return this.#advance();
      }
      this.#target = Math.max(this.#target, seq);
      if (snapshot !== undefined) this.#shown = { seq, snapshot };
      this.#catchUp(resume, first);
    });
  }

  /**
   * Goes on as the service says what was missed can be had: `behind` pulls the next page of it, `recovered` tells what
   * comes next up to the target, and where it cannot be had goes on with the oldest that is held, or with the head.
   */
  #catchUp(resume: Resume, first?: number): void {
    if (resume === "behind") {
      this.#phase = "paging";
      return this.#request({ type: "history", after: this.#seq, limit: PAGE }, (page: HistoryFrame) => this.#page(page));
    }
    if (resume !== "recovered") {
      const next = this.#held.find(({ seq }) => seq !== undefined)?.seq ?? this.#target + 1;
      this.#skip(next - 1, first);
      // Nothing is on its way: what is held may have another gap, which is asked for by itself.
      this.#target = this.#seq;
      this.#since = null;
    }
    this.#phase = "replay";
    this.#advance();
  }

  #request(fields: object, done: (answer: never) => void): void {
    const turn = this.#turn;
    this.#ports.ask(fields, done as (answer: Answer) => void, (error) => {
      // A connection that breaks fails its questions too; the next one asks for itself.
      if (turn !== this.#turn) return;
      if (error.retryable) this.#callOff = this.#ports.later(error, () => this.#request(fields, done));
      else this.#catchUp("lost");
    });
  }

  #page({ messages, more }: HistoryFrame): void {
    const turn = this.#turn;
    for (const message of messages) {
      const { seq = 0 } = message;
      if (seq <= this.#seq) continue;
      // The oldest were trimmed while we pulled: lost up to here, and on from here.
      this.#skip(seq - 1, seq);
      this.#take(message);
      if (turn !== this.#turn) return;
    }
    this.#catchUp(this.#seq >= this.#target ? "recovered" : more && messages.length ? "behind" : "lost");
  }

  /** Tells what is held as far as it follows on, and ends a replay that has reached its target. */
  #advance(): void {
    for (let next = this.#held[0]; next && (next.seq ?? 0) <= this.#seq + 1; next = this.#held[0]) {
      this.#held.shift();
      if ((next.seq ?? Infinity) > this.#seq) this.#take(next);
    }
    if (this.#phase !== "replay" || this.#seq < this.#target) return;
    this.#phase = "live";
    this.#ports.told();
    // What is still held has a gap before it.
    if (this.#held.length) return this.#ask();
    const since = this.#since;
    this.#since = null;
    if (since !== null) this.#ports.recovered({ after: since, seq: this.#seq });
  }

  #skip(seq: number, first: number | undefined): void {
    const after = this.#seq;
    if (seq <= after) return;
    this.#seq = this.#since = seq;
    this.#ports.lost({ after, seq, first });
    this.#show();
  }

  #take(message: Message): void {
    this.#seq = message.seq ?? this.#seq;
    this.#ports.deliver(message);
    this.#show();
  }

  /** Tells a snapshot in its place: what it holds is told before it, what comes on top of it behind. */
  #show(): void {
    const shown = this.#shown;
    if (!shown || this.#seq < shown.seq) return;
    this.#shown = undefined;
    this.#ports.snapshot(shown.snapshot);
  }
}
