import { CALLS, Code, REMEMBERED_CALLS } from "./code.ts";
import type { Said } from "./code.ts";
import { Members } from "./members.ts";
import { Room } from "./room.ts";
import { Way } from "./weather.ts";
import type { Weather } from "./weather.ts";
import type { FakeSocket, Frame, World } from "./world.ts";

/** One connection as the service sees it. */
export interface Session {
  readonly way: Way;
  readonly socket: FakeSocket;
  readonly user: string | null;
  readonly connection: string;
  readonly can: readonly string[];
}

interface Claims {
  readonly sub: string;
  readonly exp: number;
  readonly can: { readonly [pattern: string]: readonly string[] };
}

/** A refusal of one request (R1). */
class Refused {
  readonly code: string;
  readonly more: object;

  constructor(code: string, more: object = {}) {
    this.code = code;
    this.more = more;
  }
}

const LIMITS = { frame_bytes: 65_536, batch: 100, per_second: 20, burst: 40 };
const TYPING_RATE = { perSecond: 5, burst: 5 };
const EVERYTHING = ["join", "publish", "call", "presence", "history"];
/** What the events of `chat:*`, and of `demo:*`, take, as `tests/support/contract.json` says in full. */
const EVENTS: { readonly [event: string]: { readonly kept: boolean; takes(data: Record<string, unknown>): boolean } } = {
  say: { kept: true, takes: ({ text }) => typeof text === "string" && text.length > 0 && [...text].length <= 4_000 },
  typing: { kept: false, takes: ({ on }) => typeof on === "boolean" },
};
const CALL_RATE = { perSecond: 10, burst: 10 };

/**
 * As much of the service as a client meets on `chat:*` and, with code of its own, on `demo:*`: one order, replay, paging, ids that are known again for a
 * while, rates, presence and refusals, in whatever weather. What an application is told of it is compared with the
 * real one by `tests/e2e/same.test.ts`.
 */
export class FakeService {
  /** What happened, by kind. */
  readonly counts: Record<string, number> = {};
  /** How often each user was told that something is lost, or refused what it needs to come back. */
  readonly losses: Record<string, number> = {};
  /** Each snapshot that was told, and the seq it belongs to. */
  readonly shown: { readonly seq: number; readonly text: string }[] = [];
  readonly #world: World;
  readonly #weather: Weather;
  readonly #sessions = new Map<string, Set<Session>>();
  readonly #rooms = new Map<string, Room>();
  readonly #codes = new Map<string, Code>();
  readonly #members: Members;
  readonly #buckets = new Map<string, { level: number; at: number }>();
  /** Publishes that the weather has declared wrong, once and for all. */
  readonly #invalid = new Set<unknown>();
  #storm: "on" | "off" = "on";
  #network: "there" | "away" = "there";
  #connections = 0;

  constructor(world: World, weather: Weather) {
    this.#world = world;
    this.#weather = weather;
    this.#members = new Members(world, (session, frame) => this.#say(session, [frame]));
    world.onSocket = (socket) => this.#join(socket);
  }

  /** From now on nothing breaks and nothing is refused without a reason. */
  calm(): void {
    this.#storm = "off";
  }

  /** Breaks every connection; while the network is away none is made either. */
  cut(network: "there" | "away" = "there"): void {
    this.#network = network;
    for (const sessions of this.#sessions.values()) for (const { way } of [...sessions]) way.cut();
  }

  /** The history of a room is lost: another life of it begins, and everybody is told to come back without a position (4400). */
  forget(channel = "chat:lobby"): void {
    this.#count("lives");
    this.#rooms.set(channel, new Room(`e${this.counts["lives"]}`, this.#weather));
    for (const session of [...(this.#sessions.get(channel) ?? [])]) {
      this.#sessions.get(channel)?.delete(session);
      this.#bye(session, 4400);
    }
  }

  /** Sends a user away, who may come again (4008). */
  remove(user: string, channel = "chat:lobby"): void {
    for (const session of [...(this.#sessions.get(channel) ?? [])]) {
      if (session.user !== user) continue;
      this.#sessions.get(channel)?.delete(session);
      this.#bye(session, 4008);
    }
  }

  room(channel = "chat:lobby"): Room {
    const room = this.#rooms.get(channel) ?? new Room(channel === "chat:lobby" ? "e" : `epoch of ${channel}`, this.#weather);
    this.#rooms.set(channel, room);
    return room;
  }

  /** The code of a channel that has some. */
  code(channel: string): Code | undefined {
    if (!channel.startsWith("demo:")) return undefined;
    const code = this.#codes.get(channel) ?? new Code(this.#weather.random);
    this.#codes.set(channel, code);
    return code;
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** Whether the weather does this now; in a calm it does not. */
  #does(share: number): boolean {
    return this.#storm === "on" && this.#weather.random() < share;
  }

  #join(socket: FakeSocket): void {
    if (this.#network === "away") return void socket.end(1006);
    const channel = decodeURIComponent(socket.url.pathname.split("/").at(-1) ?? "");
    const grant = this.#grant(channel, socket.protocols[1]?.replace("bearer.", ""));
    const query = socket.url.searchParams;
    const sessions = this.#sessions.get(channel) ?? new Set();
    this.#sessions.set(channel, sessions);
    const gone = (): void => {
      sessions.delete(session);
      this.#members.broke(channel, sessions, session, socket.closedWith !== undefined);
    };
    const way = new Way(this.#world, this.#weather, socket, () => this.#storm === "on", (what: string) => this.#count(what), gone);
    const { user, can } = typeof grant === "number" ? { user: null, can: [] } : grant;
    const asked = query.get("connection");
    const [carried, back] = asked && user ? this.#members.carriedOn(sessions, asked, user) : [undefined, false];
    const session: Session = { way, socket, user, can, connection: back && asked ? asked : `c${++this.#connections}` };
    if (typeof grant === "number") return this.#bye(session, grant);
    if (carried) {
      sessions.delete(carried);
      this.#bye(carried, 4010);
    }
    sessions.add(session);
    // Of one that was replaced nothing is heard any more.
    socket.onText = (text) => way.carry("up", () => void (sessions.has(session) && this.#hear(channel, session, text)));
    this.#welcome(channel, session, query, back);
  }

  /** What a token grants, or the code that its bearer is sent away with. */
  #grant(channel: string, token: string | undefined): { readonly user: string; readonly can: readonly string[] } | number {
    if (!/^(chat|demo):[^:]+$/.test(channel)) return 4001;
    if (token === undefined) return 4300;
    const part = token.split(".")[1];
    if (part === undefined) return token === "bad" ? 4009 : { user: token, can: EVERYTHING };
    const { sub, exp, can } = JSON.parse(Buffer.from(part, "base64url").toString()) as Claims;
    if (exp * 1000 <= this.#world.now) return 4300;
    const abilities = Object.entries(can).flatMap(([pattern, some]) => (["**", channel.replace(/:.*/, ":*"), channel].includes(pattern) ? some : []));
    return abilities.includes("join") ? { user: sub, can: abilities } : 4003;
  }

  #welcome(channel: string, session: Session, query: URLSearchParams, back: boolean): void {
    const room = this.room(channel);
    const [epoch, after] = [query.get("epoch"), query.get("after")];
    const asked = after !== null && epoch !== null;
    const { resume, messages } = asked ? room.resume(epoch, Number(after)) : { resume: "fresh", messages: [] };
    this.#resumed(session, resume);
    this.#members.enter(channel, this.#sessions.get(channel) ?? new Set(), session, back);
    const welcome = {
      type: "welcome",
      channel,
      connection: session.connection,
      user: session.user,
      epoch: room.epoch,
      seq: room.head,
      first: room.first,
      resume,
      expires: null,
      can: session.can,
      ...(session.can.includes("presence") && { members: this.#members.list(channel) }),
      ...this.#shown(channel, resume),
      ...(this.code(channel) && { remembers: REMEMBERED_CALLS }),
      limits: LIMITS,
      now: this.#world.now,
    };
    const late = this.#does(this.#weather.lateJoin) ? this.#weather.random() * 20_000 : 0;
    if (late) this.#count("late_joins");
    this.#say(session, [welcome, ...messages.map(told)], late);
  }

  /** What a channel with code shows to who begins anew (C5). */
  #shown(channel: string, resume: string): object {
    const code = resume === "recovered" ? undefined : this.code(channel);
    if (!code) return {};
    const snapshot = code.shown(this.#world.now);
    this.shown.push({ seq: this.room(channel).head, text: JSON.stringify(snapshot) });
    return { snapshot };
  }

  #resumed(session: Session, resume: string): void {
    if (resume === "behind") this.#count("behind");
    if (resume === "lost") this.#lose(session);
  }

  #lose({ user }: Session): void {
    this.#count("losses");
    this.losses[user ?? ""] = (this.losses[user ?? ""] ?? 0) + 1;
  }

  #hear(channel: string, session: Session, text: string): void {
    if (text === "ping") return session.way.carry("down", () => void session.socket.text("pong"));
    let held: Refused | undefined;
    for (const frame of [JSON.parse(text) as Frame | Frame[]].flat()) {
      try {
        this.#answer(channel, session, frame, held);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        // After one that was too fast, or could not be written, the later publishes of the same array are refused too (F6).
        if (["publish", "call"].includes(frame.type) && ["rate_limited", "internal"].includes(error.code)) held ??= error;
        this.#count(frame.type === "call" ? "calls_refused" : `refused_${error.code}`);
        this.#say(session, [{ type: "error", id: frame["id"], code: error.code, message: error.code, ...error.more }]);
      }
    }
  }

  #answer(channel: string, session: Session, frame: Frame, held: Refused | undefined): void {
    if (frame.type === "publish") return this.#publish(channel, session, frame, held);
    if (frame.type === "call") return this.#call(channel, session, frame, held);
    this.#pass(`${session.user} ${channel} general`, LIMITS.per_second, LIMITS.burst);
    const { id } = frame;
    if (frame.type === "auth") {
      if (this.#grant(channel, String(frame["token"])) === 4009) throw new Refused("unauthenticated");
      return this.#say(session, [{ type: "ack", id }]);
    }
    if (this.#does(this.#weather.refuse)) throw new Refused("internal");
    if (frame.type === "presence") {
      if (!session.can.includes("presence")) throw new Refused("forbidden");
      if (JSON.stringify(frame["data"]).length > 1_024) throw new Refused("too_large");
      this.#say(session, [{ type: "ack", id }]);
      return this.#members.set(channel, this.#sessions.get(channel) ?? new Set(), session, frame["data"]);
    }
    // There are fewer of these than of publishes.
    if (this.#does(this.#weather.refuseForGood * 5)) {
      this.#lose(session);
      throw new Refused("forbidden");
    }
    this.#read(channel, session, frame);
  }

  #read(channel: string, session: Session, frame: Frame): void {
    const { id } = frame;
    const room = this.room(channel);
    if (frame.type === "history") {
      if (!session.can.includes("history")) throw new Refused("forbidden");
      const page = room.page(frame as { before?: number; after?: number; limit?: number });
      const [oldest] = page.messages;
      if (frame["after"] !== undefined && Number(frame["after"]) + 1 < (oldest?.seq ?? 0)) this.#lose(session);
      const messages = page.messages.map(told);
      return this.#say(session, [{ type: "history", id, messages, more: page.more }]);
    }
    this.#count("resumed");
    const { resume, messages } = room.resume(frame["epoch"], Number(frame["after"]));
    this.#resumed(session, resume);
    const resumed = { type: "resumed", id, resume, epoch: room.epoch, seq: room.head, first: room.first, ...this.#shown(channel, resume) };
    this.#say(session, [resumed, ...messages.map(told)]);
  }

  /** All refusals first, in the order of F7. */
  #publish(channel: string, session: Session, frame: Frame, held: Refused | undefined): void {
    const { user, connection, can } = session;
    const { id, data, to } = frame;
    const room = this.room(channel);
    const event = EVENTS[String(frame["event"])];
    const code = this.code(channel);
    // What is the service's own to say (C8).
    if (code && ["rolled", "reminded"].includes(String(frame["event"]))) throw new Refused("forbidden");
    if (!event || (code && !event.kept)) throw new Refused("unknown_event");
    if (!can.includes("publish")) throw new Refused("forbidden");
    const kept = event.kept && to === undefined;
    if (to !== undefined && (!event.kept || code)) throw new Refused("forbidden");
    if (frame["if_seq"] !== undefined && !kept) throw new Refused("not_kept");
    const known = room.known(id, user, connection, this.#world.now);
    if (!known && this.#does(this.#weather.refuseForGood)) this.#invalid.add(id);
    if (!event.takes(data as Record<string, unknown>) || this.#invalid.has(id)) throw new Refused("invalid_data");
    if (known) {
      if (JSON.stringify(known.asked ?? known.data) !== JSON.stringify(data)) throw new Refused("conflict");
      this.#count("duplicates");
      return this.#say(session, [{ type: "ack", id, seq: known.seq, duplicate: true }]);
    }
    if (held) throw held;
    const { perSecond, burst } = event.kept ? this.#weather.rate : TYPING_RATE;
    if (!can.includes("unmetered")) this.#pass(`${user} ${channel} ${frame["event"]}`, perSecond, burst);
    if (this.#does(this.#weather.refuse)) throw new Refused("internal");
    if (frame["if_seq"] !== undefined && frame["if_seq"] !== room.head) throw new Refused("conflict", { seq: room.head });
    const judged = code?.judge(user ?? "", (data as { text: string }).text, this.#world.now);
    if (judged && "reason" in judged) throw new Refused("refused", judged);
    if (kept && room.forgot(id, user)) this.#count("said_after_the_window");
    const asked = judged && { asked: data };
    const said = { id: id as string, event: String(frame["event"]), data: judged ?? data, ...asked, from: { user, connection }, at: this.#world.now };
    this.#tell(channel, session, frame, told(kept ? room.keep(said) : said));
  }

  /** Asks the channel's own code (C3). */
  #call(channel: string, session: Session, frame: Frame, held: Refused | undefined): void {
    const { user, can } = session;
    const { id } = frame;
    const [name, data, by] = [String(frame["name"]), frame["data"] as Record<string, unknown>, user ?? ""];
    const [code, call] = [this.code(channel), CALLS[name]];
    if (!code || !call) throw new Refused("not_found");
    if (!can.includes("call") && !can.includes(`call:${name}`)) throw new Refused("forbidden");
    if (!call.takes(data)) throw new Refused("invalid_data");
    const about = JSON.stringify([name, data]);
    const known = call.remembered ? code.replied(by, id, about, this.#world.now) : undefined;
    if (known === "other") throw new Refused("conflict");
    if (known) {
      this.#count("replies_again");
      return this.#say(session, [{ type: "result", id, data: known.data, duplicate: true }]);
    }
    if (held) throw held;
    if (!can.includes("unmetered")) this.#pass(`${user} ${channel} call ${name}`, CALL_RATE.perSecond, CALL_RATE.burst);
    if (this.#does(this.#weather.refuse)) throw new Refused("internal");
    const { reply, said, later } = code.run(by, id, name, data);
    if (call.remembered) code.remember(by, id, { about, data: reply, at: this.#world.now });
    if (said) this.#speak(channel, said);
    if (later) this.#world.after(later.ms, () => this.#speak(channel, later));
    this.#count("calls");
    this.#say(session, [{ type: "result", id, data: reply }]);
  }

  /** The channel's own code says something (C8). */
  #speak(channel: string, { event, data }: Said): void {
    const kept = this.room(channel).keep({ id: undefined, event, data, from: { user: null, service: true }, at: this.#world.now });
    for (const member of this.#sessions.get(channel) ?? []) {
      if (this.#does(this.#weather.forget)) this.#count("forgotten");
      else this.#say(member, [told(kept)]);
    }
  }

  /** Tells a message to whom it is for, and answers who said it (F2, F5). */
  #tell(channel: string, from: Session, { to, echo, id }: Frame, message: { type: "message"; seq?: number }): void {
    const { users = [], connections = [] } = (to ?? {}) as { users?: string[]; connections?: string[] };
    const others = [...(this.#sessions.get(channel) ?? [])].filter((member) => member !== from);
    const meant = (member: Session): boolean => users.includes(member.user ?? "") || connections.includes(member.connection);
    const reached = to === undefined ? others : others.filter(meant);
    for (const member of reached) {
      if (message.seq !== undefined && this.#does(this.#weather.forget)) this.#count("forgotten");
      else this.#say(member, [message]);
    }
    if (to !== undefined) this.#say(from, [{ type: "ack", id, delivered: reached.length }]);
    else this.#say(from, [echo === false ? { type: "ack", id, ...(message.seq !== undefined && { seq: message.seq }) } : message]);
  }

  /** Takes one from a bucket, or refuses and says when the next would pass (R5). */
  #pass(name: string, perSecond: number, burst: number): void {
    const { now } = this.#world;
    const bucket = this.#buckets.get(name) ?? { level: burst, at: now };
    bucket.level = Math.min(burst, bucket.level + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    this.#buckets.set(name, bucket);
    const wait = Math.ceil(((1 - bucket.level) / perSecond) * 1000);
    if (bucket.level < 1) throw new Refused("rate_limited", { retry_after: Math.max(1, wait) });
    bucket.level--;
  }

  #bye(session: Session, code: number): void {
    this.#say(session, [{ type: "bye", code, reason: `${code}` }]);
    session.way.carry("down", () => session.way.end(code));
  }

  #say({ way, socket }: Session, frames: readonly object[], late = 0): void {
    if (!frames.length) return;
    const text = JSON.stringify(frames.length === 1 ? frames[0] : frames);
    way.carry("down", () => void socket.text(text), late);
  }
}

/** A message as members are told it: without what was asked in its place. */
const told = <M extends object>({ asked: _, ...message }: M & { readonly asked?: unknown }) => ({ type: "message" as const, ...message });
