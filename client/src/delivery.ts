import type { Answer, Ask } from "./lane.ts";
import type { HistoryFrame, Message, Position, Resumed, Welcome } from "./protocol.ts";

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

/** Before everything; it stands in where a position is always known. */
const NOWHERE: Position = { epoch: "", seq: 0 };
/** Messages a page of history may have. */
const PAGE = 100;

/** What delivery needs, and whom it tells; answers come back within the turn in which they are read. */
export interface DeliveryPorts {
  deliver(message: Message): void;
  tell(name: "recovered" | "lost", event: Recovered | Lost): void;
  ask: Ask;
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
  #position: Position | null;
  #phase: Phase = "live";
  #held: Message[] = [];
  #target = 0;
  /** Where this catching up began. */
  #since: number | null = null;
  /** Whether a replay that promised everything has left the same gap as before. */
  #askedAfter = -1;
  /** Counts connections, so that an answer to an older one is not mistaken for news. */
  #turn = 0;

  constructor(ports: DeliveryPorts, position: Position | null) {
    this.#ports = ports;
    this.#position = position;
    this.#since = position?.seq ?? null;
  }

  /** The last message told, which is what to come back with. */
  get position(): Position | null {
    return this.#position;
  }

  get #last(): number {
    return (this.#position ?? NOWHERE).seq;
  }

  /** A connection was welcomed. */
  welcome({ epoch, seq, first, resume }: Welcome): void {
    if (epoch === undefined || seq === undefined) return;
    const before = this.#position;
    this.#since = before?.seq ?? this.#since;
    this.#target = seq;
    if (before && resume === "recovered") {
      this.#position = { epoch, seq: before.seq };
      this.#phase = "replay";
      return this.#advance();
    }
    if (before && resume === "behind") {
      this.#position = { epoch, seq: before.seq };
      return this.#pull();
    }
    this.#position = { epoch, seq };
    // `fresh` after a position was forgotten (4400) is as much a loss as `lost` itself.
    if (resume === "lost" || (this.#since !== null && !before)) this.#tellLost(seq, first);
    this.#since = null;
  }

  /** A message came. */
  message(message: Message): void {
    const { seq } = message;
    const position = this.#position;
    if (seq === undefined || !position) {
      // An ephemeral one keeps its place behind what is held.
      if (this.#phase === "live") this.#ports.deliver(message);
      else this.#held.push(message);
    } else if (seq > position.seq) {
      if (seq === position.seq + 1) {
        this.#take(message);
        this.#advance();
      } else {
        this.#held.push(message);
        if (this.#phase === "live" || this.#phase === "replay") this.#ask();
      }
    }
  }

  /** The connection is gone; what is held will be told by the next one. */
  down(): void {
    this.#turn++;
    this.#held = [];
    this.#phase = "live";
    this.#askedAfter = -1;
  }

  /** The history this position belongs to is gone (4400). */
  forget(): void {
    this.#since = this.#position?.seq ?? null;
    this.#position = null;
  }

  /** A gap: asks for what is missing. */
  #ask(): void {
    const { epoch, seq } = this.#position ?? NOWHERE;
    if (this.#askedAfter === seq) return this.#giveUp();
    this.#askedAfter = seq;
    this.#since ??= seq;
    this.#phase = "asked";
    this.#request({ type: "resume", epoch, after: seq }, (answer) => this.#resumed(answer as Resumed));
  }

  #resumed({ resume, seq, first }: Resumed): void {
    this.#target = seq;
    if (resume === "recovered") {
      this.#phase = "replay";
      this.#advance();
    } else if (resume === "behind") {
      this.#pull();
    } else {
      this.#giveUp(first);
    }
  }

  /** Pulls the next page of what was missed. */
  #pull(): void {
    this.#phase = "paging";
    this.#request({ type: "history", after: this.#last, limit: PAGE }, (answer) => this.#page(answer as HistoryFrame));
  }

  #request(fields: object, done: (answer: Answer) => void): void {
    const turn = this.#turn;
    const ours = (act: () => void): void => void (turn === this.#turn && act());
    this.#ports.ask(
      fields,
      (answer) => ours(() => done(answer)),
      () => ours(() => this.#giveUp()),
    );
  }

  #page({ messages, more }: HistoryFrame): void {
    const turn = this.#turn;
    for (const message of messages) {
      const last = this.#last;
      if (message.seq === undefined || message.seq <= last) continue;
      // The oldest were trimmed while we pulled: lost up to here, and on from here.
      if (message.seq > last + 1) this.#skip(message.seq - 1, message.seq);
      this.#take(message);
      if (turn !== this.#turn) return;
    }
    if (this.#last >= this.#target) return this.#finishPaging();
    if (more && messages.length) return this.#pull();
    this.#giveUp();
  }

  #finishPaging(): void {
    this.#phase = "replay";
    this.#advance();
  }

  /** Tells what is held as far as it follows on; what is known already is dropped. */
  #drain(): void {
    for (let next = this.#held[0]; next; next = this.#held[0]) {
      const last = this.#last;
      if (next.seq !== undefined && next.seq > last + 1) return;
      this.#held.shift();
      if (next.seq === undefined) this.#ports.deliver(next);
      else if (next.seq > last) this.#take(next);
    }
  }

  /** Goes on with what is held, and ends a replay that has reached its target. */
  #advance(): void {
    this.#drain();
    const last = this.#last;
    if (this.#phase !== "replay" || last < this.#target) return;
    this.#phase = "live";
    // What is still held has a gap before it.
    if (this.#held.length) return this.#ask();
    const since = this.#since;
    this.#since = null;
    if (since !== null) this.#ports.tell("recovered", { after: since, seq: last });
  }

  /** What is missing cannot be had: goes on with the oldest that is held, or with the head. */
  #giveUp(first?: number): void {
    const held = this.#held.find(({ seq }) => seq !== undefined)?.seq;
    this.#skip(held === undefined ? this.#target : held - 1, first);
    this.#since = null;
    this.#finishPaging();
  }

  #skip(seq: number, first: number | undefined): void {
    const position = this.#position ?? NOWHERE;
    if (seq <= position.seq) return;
    this.#position = { ...position, seq };
    this.#since = position.seq;
    this.#tellLost(seq, first);
  }

  #tellLost(seq: number, first: number | undefined): void {
    this.#ports.tell("lost", { after: this.#since, seq, first });
  }

  #take(message: Message): void {
    this.#position = { ...(this.#position ?? NOWHERE), seq: message.seq ?? 0 };
    this.#ports.deliver(message);
  }
}
