import { Emitter } from "./emitter.ts";
import type { ListenOptions } from "./emitter.ts";
import type { Ack, Member, PresenceFrame, Welcome } from "./protocol.ts";

/** What presence tells. */
export interface PresenceEvents<Data = unknown> {
  join: Member<Data>;
  update: Member<Data>;
  leave: Member<Data>;
  /** The count of a channel that is too large for a list (P4). */
  count: number;
  /** Something of the above, once a frame; the members as they are now. */
  change: ReadonlyMap<string, Member<Data>>;
}

/** Says something of oneself; `done` has no answer where something later took its place. */
type Say<Data> = { say(data: Data | null, done: (answer?: Ack) => void, failed: () => void): Promise<void> }["say"];

/** Who is here, by connection; a changed member is a changed entry, told once (P2). */
export class Presence<Data = unknown> {
  /** Of unknown data, so that presence of any data is presence of unknown one. */
  readonly #emitter = new Emitter<PresenceEvents>();
  readonly #say: Say<Data>;
  readonly #members = new Map<string, Member<Data>>();
  /** Who was here when the connection went: back again, only what changed is told. */
  #before: ReadonlyMap<string, Member<Data>> | null = null;
  #count: number | null = null;
  #turn = 0;
  /** What the app last said of itself and was not refused; `undefined` while there is nothing. */
  #good: { readonly turn: number; readonly data: Data | null } | undefined;
  /** Which turn's data the others see. */
  #shown = 0;

  /** Made by the channel, which also sends what is said here. */
  constructor(say: Say<Data>) {
    this.#say = say;
  }

  /** The members by connection id; empty in a channel that only counts, and while there is no connection. */
  get members(): ReadonlyMap<string, Member<Data>> {
    return this.#members;
  }

  /** How many are here. */
  get count(): number {
    return this.#count ?? this.#members.size;
  }

  /** Whether this channel names its members or only counts them. */
  get mode(): "list" | "count" {
    return this.#count === null ? "list" : "count";
  }

  /** Calls `listener` for each such event until the returned function is called or `signal` aborts. */
  on<Name extends keyof PresenceEvents<Data>>(
    name: Name,
    listener: (value: PresenceEvents<Data>[Name]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#emitter.on(name, listener as never, options);
  }

  /** Calls `listener` for the next such event only. */
  once<Name extends keyof PresenceEvents<Data>>(
    name: Name,
    listener: (value: PresenceEvents<Data>[Name]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#emitter.once(name, listener as never, options);
  }

  /** Ends all listening of this listener here. */
  off(listener: (value: never) => void): void {
    this.#emitter.off(listener);
  }

  /**
   * Says something of oneself to the others; it is said again where a new connection could not take it along. Of
   * what is set faster than it can be sent the latest counts; what it takes the place of is settled by that.
   */
  set(data: Data): Promise<void> {
    return this.#tell(data);
  }

  /** Leaves the list while staying connected; `set` enters again. */
  leave(): Promise<void> {
    return this.#tell(null);
  }

  #tell(data: Data | null, repeated = false): Promise<void> {
    const turn = ++this.#turn;
    return this.#say(
      data,
      (answer) => {
        if (answer) this.#shown = turn;
        if (turn > (this.#good?.turn ?? 0)) this.#good = { turn, data };
      },
      // What is refused does not stand for what it took the place of.
      () => void (repeated || this.#repeat()),
    );
  }

  /** Says again what the others do not see; nobody waits for it, and its refusal was told when the app said it. */
  #repeat(): void {
    if (this.#good && this.#good.turn !== this.#shown) this.#tell(this.#good.data, true).catch(() => {});
  }

  /**
   * Takes the list of a new connection.
   * @internal
   */
  welcome({ members = [], count }: Welcome, carried: boolean, busy: boolean): void {
    for (const [connection, member] of this.#before ?? []) this.#members.set(connection, member);
    this.#before = null;
    // Who may not see the others sees none.
    this.frame(count === undefined ? { members } : { count });
    if (!carried) this.#shown = 0;
    // What is under way is later than what would be said again.
    if (!busy) this.#repeat();
  }

  /**
   * There is no connection: nobody is known to be here.
   * @internal
   */
  away(): void {
    if (this.#before || !this.count) return;
    this.#before = new Map(this.#members);
    this.#members.clear();
    if (this.#count !== null) this.#emitter.emit("count", (this.#count = 0));
    this.#emitter.emit("change", this.#members);
  }

  /**
   * The channel is over: lets all listeners go.
   * @internal
   */
  end(): void {
    this.#emitter.end();
  }

  /**
   * Takes a change. Each part is an upsert or a delete; what changes nothing is not told.
   * @internal
   */
  frame({ join = [], update = [], leave = [], count, members }: Omit<PresenceFrame, "type">): void {
    if (members) {
      const here = new Set(members.map(({ connection }) => connection));
      for (const connection of this.#members.keys()) if (!here.has(connection)) this.#remove(connection);
      this.#count = null;
    }
    for (const member of [...(members ?? []), ...join, ...update]) this.#put(member as Member<Data>);
    for (const { connection } of leave) this.#remove(connection);
    if (count !== undefined) {
      this.#members.clear();
      this.#count = count;
      this.#emitter.emit("count", count);
    }
    this.#emitter.emit("change", this.#members);
  }

  #put(member: Member<Data>): void {
    const known = this.#members.get(member.connection);
    if (JSON.stringify(known) === JSON.stringify(member)) return;
    this.#members.set(member.connection, member);
    this.#emitter.emit(known ? "update" : "join", member);
  }

  #remove(connection: string): void {
    const known = this.#members.get(connection);
    if (this.#members.delete(connection) && known) this.#emitter.emit("leave", known);
  }
}
