import type { Session } from "./service.ts";
import type { World } from "./world.ts";

/** Who broke off is shown as here for this long, in milliseconds (P3). */
const GRACE_MS = 10_000;

interface Member {
  readonly user: string | null;
  readonly connection: string;
  readonly data?: unknown;
}

/** Who is here, channel by channel (P1 to P3). */
export class Members {
  readonly #world: World;
  readonly #say: (session: Session, frame: object) => void;
  readonly #here = new Map<string, Map<string, Member>>();
  /** Connections that broke and may come back, and how often each has broken. */
  readonly #graces = new Map<string, number>();
  #breaks = 0;

  constructor(world: World, say: (session: Session, frame: object) => void) {
    this.#world = world;
    this.#say = say;
  }

  list(channel: string): Member[] {
    return [...this.#of(channel).values()];
  }

  /** Whether a joiner goes on as the connection it names, and which live one it replaces (P3). */
  carriedOn(sessions: ReadonlySet<Session>, connection: string, user: string): [Session | undefined, boolean] {
    const live = [...sessions].find((session) => session.connection === connection && session.user === user);
    return [live, live !== undefined || this.#graces.has(`${user} ${connection}`)];
  }

  enter(channel: string, sessions: ReadonlySet<Session>, session: Session, back: boolean): void {
    const { user, connection } = session;
    this.#graces.delete(`${user} ${connection}`);
    if (back || !session.can.includes("presence")) return;
    const member = { user, connection };
    this.#of(channel).set(connection, member);
    this.#tell(sessions, session, { type: "presence", join: [member] });
  }

  set(channel: string, sessions: ReadonlySet<Session>, { user, connection }: Session, data: unknown): void {
    const here = this.#of(channel);
    const before = here.get(connection);
    if (data === null) {
      here.delete(connection);
      return this.#tell(sessions, null, { type: "presence", leave: [{ user, connection }] });
    }
    const member = { user, connection, data };
    here.set(connection, member);
    this.#tell(sessions, null, { type: "presence", [before ? "update" : "join"]: [member] });
  }

  /** A connection is gone: a clean close leaves at once, a broken one after its grace. */
  broke(channel: string, sessions: ReadonlySet<Session>, { user, connection }: Session, clean: boolean): void {
    if ([...sessions].some((session) => session.connection === connection)) return;
    if (clean) return this.#leave(channel, sessions, user, connection);
    const grace = ++this.#breaks;
    this.#graces.set(`${user} ${connection}`, grace);
    this.#world.after(GRACE_MS, () => {
      if (this.#graces.get(`${user} ${connection}`) === grace) this.#leave(channel, sessions, user, connection);
    });
  }

  #leave(channel: string, sessions: ReadonlySet<Session>, user: string | null, connection: string): void {
    this.#graces.delete(`${user} ${connection}`);
    if (this.#of(channel).delete(connection)) this.#tell(sessions, null, { type: "presence", leave: [{ user, connection }] });
  }

  #tell(sessions: ReadonlySet<Session>, but: Session | null, frame: object): void {
    for (const session of sessions) if (session !== but && session.can.includes("presence")) this.#say(session, frame);
  }

  #of(channel: string): Map<string, Member> {
    const here = this.#here.get(channel) ?? new Map<string, Member>();
    this.#here.set(channel, here);
    return here;
  }
}
