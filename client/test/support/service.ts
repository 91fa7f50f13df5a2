import type { Frame } from "./world.ts";
import type { FakeSocket, World } from "./world.ts";

/** What the fake service does to its clients, each as a share of 1 or in milliseconds. */
export interface Weather {
  readonly random: () => number;
  /** The longest a text is on its way. */
  readonly delay: number;
  /** How often a text in either direction breaks the connection instead of arriving. */
  readonly cut: number;
  /** How often a live message is not told, so that a gap is seen (D6). */
  readonly forget: number;
  /** A replay of more than this many messages is `behind` (D4). */
  readonly replay: number;
  /** Publishes a second a user, and how many at once. */
  readonly rate: { readonly perSecond: number; readonly burst: number };
}

interface Kept {
  readonly seq: number;
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
  readonly from: { readonly user: string; readonly connection: string };
  readonly at: number;
}

interface Link {
  readonly socket: FakeSocket;
  readonly user: string;
  readonly connection: string;
  state: "up" | "cut";
  /** When the last text of each direction arrives: none overtakes another. */
  readonly last: { up: number; down: number };
}

/** As much of the service as delivery needs: one order, replay, paging, dedupe and rates, in a world that breaks. */
export class FakeService {
  readonly kept: Kept[] = [];
  readonly counts = { cuts: 0, forgotten: 0, refused: 0, behind: 0, resumed: 0, duplicates: 0 };
  readonly #world: World;
  readonly #weather: Weather;
  readonly #links = new Set<Link>();
  readonly #buckets = new Map<string, { level: number; at: number }>();
  #storm: "on" | "off" = "on";
  #connections = 0;

  constructor(world: World, weather: Weather) {
    this.#world = world;
    this.#weather = weather;
    world.onSocket = (socket) => this.#join(socket);
  }

  /** From now on nothing breaks. */
  calm(): void {
    this.#storm = "off";
  }

  #join(socket: FakeSocket): void {
    const user = socket.protocols[1]?.replace("bearer.", "") ?? "";
    const link: Link = { socket, user, connection: `c${++this.#connections}`, state: "up", last: { up: 0, down: 0 } };
    socket.onText = (text) => this.#carry(link, "up", () => this.#hear(link, text));
    const query = socket.url.searchParams;
    const after = query.has("after") ? Number(query.get("after")) : null;
    this.#links.add(link);
    const head = this.kept.length;
    const resume = after === null ? "fresh" : head - after > this.#weather.replay ? "behind" : "recovered";
    if (resume === "behind") this.counts.behind++;
    const limits = { frame_bytes: 65_536, batch: 100, per_second: 20, burst: 40 };
    const welcome = {
      type: "welcome",
      channel: "chat:lobby",
      connection: link.connection,
      user,
      epoch: "e",
      seq: head,
      first: 1,
      resume,
      expires: null,
      can: [],
      members: [],
      limits,
      now: this.#world.now,
    };
    this.#say(link, [welcome, ...(resume === "recovered" ? this.#since(after ?? 0) : [])]);
  }

  #since(after: number): object[] {
    return this.kept.slice(after).map((message) => ({ type: "message", ...message }));
  }

  #hear(link: Link, text: string): void {
    if (text === "ping") return this.#carry(link, "down", () => void link.socket.text("pong"));
    let order: "kept" | "broken" = "kept";
    for (const frame of [JSON.parse(text) as Frame | Frame[]].flat()) {
      if (frame.type === "publish") order = this.#publish(link, frame, order);
      if (frame.type === "history") {
        const messages = this.kept.slice(Number(frame["after"])).slice(0, 7);
        this.#say(link, [{ type: "history", id: frame["id"], messages, more: Number(frame["after"]) + 7 < this.kept.length }]);
      }
      if (frame.type === "resume") {
        this.counts.resumed++;
        const after = Number(frame["after"]);
        const resume = this.kept.length - after > this.#weather.replay ? "behind" : "recovered";
        this.#say(link, [
          { type: "resumed", id: frame["id"], resume, seq: this.kept.length, first: 1 },
          ...(resume === "recovered" ? this.#since(after) : []),
        ]);
      }
    }
  }

  #publish(link: Link, frame: Frame, order: "kept" | "broken"): "kept" | "broken" {
    const known = this.kept.find(({ id, from }) => id === frame["id"] && from.user === link.user);
    if (known) {
      this.counts.duplicates++;
      this.#say(link, [{ type: "ack", id: known.id, seq: known.seq, duplicate: true }]);
      return order;
    }
    const wait = this.#take(link.user);
    if (wait > 0 || order === "broken") {
      this.counts.refused++;
      this.#say(link, [{ type: "error", id: frame["id"], code: "rate_limited", message: "later", retry_after: Math.max(1, wait) }]);
      return "broken";
    }
    const message: Kept = {
      seq: this.kept.length + 1,
      id: String(frame["id"]),
      event: "say",
      data: frame["data"],
      from: { user: link.user, connection: link.connection },
      at: this.#world.now,
    };
    this.kept.push(message);
    for (const member of this.#links) {
      const forgotten = this.#storm === "on" && member !== link && this.#weather.random() < this.#weather.forget;
      if (forgotten) this.counts.forgotten++;
      else this.#say(member, [{ type: "message", ...message }]);
    }
    return "kept";
  }

  #take(user: string): number {
    const { perSecond, burst } = this.#weather.rate;
    const bucket = this.#buckets.get(user) ?? { level: burst, at: this.#world.now };
    bucket.level = Math.min(burst, bucket.level + ((this.#world.now - bucket.at) / 1000) * perSecond);
    bucket.at = this.#world.now;
    this.#buckets.set(user, bucket);
    if (bucket.level < 1) return Math.ceil(((1 - bucket.level) / perSecond) * 1000);
    bucket.level--;
    return 0;
  }

  #say(link: Link, frames: object[]): void {
    const text = JSON.stringify(frames.length === 1 ? frames[0] : frames);
    this.#carry(link, "down", () => void link.socket.text(text));
  }

  /** Carries a text one way: late, in order, or not at all. */
  #carry(link: Link, way: "up" | "down", arrive: () => void): void {
    const { random, delay, cut } = this.#weather;
    const at = Math.max(link.last[way], this.#world.now + random() * delay);
    link.last[way] = at;
    const breaks = this.#storm === "on" && random() < cut;
    this.#world.runtime.after(at - this.#world.now, () => {
      if (link.state === "cut" || link.socket.readyState !== 1) return void this.#links.delete(link);
      if (!breaks) return arrive();
      this.counts.cuts++;
      link.state = "cut";
      this.#links.delete(link);
      void link.socket.end(1006);
    });
  }
}
