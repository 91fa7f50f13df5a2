import { FakeSocket, ignored } from "./socket.ts";
import type { Frame } from "./socket.ts";
import type { World } from "./world.ts";

type Named = Frame & { readonly id?: string; readonly channel?: string; readonly token?: string };

/**
 * The service's end of a connection of many channels. To a test, and to the fake service, each channel that joins on it is
 * a socket of its own (M1 to M4); it is greeted when the first of them is.
 */
export class Relay {
  readonly #world: World;
  readonly #socket: FakeSocket;
  readonly #shares = new Map<string, Share>();
  /** The ids of what was asked for all channels. */
  readonly #asked = new Set<unknown>();
  #greeted = false;
  /** How often a `ping` was answered. */
  #pongs = 0;

  constructor(world: World, socket: FakeSocket) {
    this.#world = world;
    this.#socket = socket;
    socket.onText = (text) => this.#hear(text);
    socket.onClosing = () => [...this.#shares.values()].forEach((share) => share.close(socket.closedWith === "none" ? undefined : socket.closedWith));
  }

  #hear(text: string): void {
    if (text === "ping") {
      if (!this.#shares.size) void this.#pong();
      for (const share of this.#shares.values()) share.onText(text);
      return;
    }
    const frames = [JSON.parse(text) as Named | Named[]].flat();
    const told = new Map<Share, Frame[]>();
    for (const { channel, ...frame } of frames) {
      if (frame.type === "join" && channel !== undefined) this.#join(channel, frame);
      else if (frame.type === "leave") this.#shares.get(channel ?? "")?.leave(frame["id"]);
      else {
        if (channel === undefined && this.#shares.size) this.#asked.add(frame["id"]);
        else if (channel === undefined) void this.#socket.say({ type: "ack", id: frame["id"] });
        const share = channel === undefined ? [...this.#shares.values()][0] : this.#shares.get(channel);
        if (share) told.set(share, [...(told.get(share) ?? []), frame as Frame]);
      }
    }
    for (const [share, some] of told) share.onText(JSON.stringify(some.length === 1 ? some[0] : some));
  }

  #join(channel: string, { epoch, after, connection, token }: Omit<Named, "channel">): void {
    const given = Object.entries({ epoch, after, connection }).filter(([, value]) => value !== undefined);
    const query = `${new URLSearchParams(given as [string, string][])}`;
    const url = `ws://service.test/v1/channels/${encodeURIComponent(channel)}${query && `?${query}`}`;
    const protocols = token === undefined ? this.#socket.protocols : ["dormouse.v1", `bearer.${token}`];
    const share = new Share(this, url, [...protocols], channel);
    share.pongs = this.#pongs;
    this.#shares.set(channel, share);
    this.#world.made(share);
  }

  /** A channel says something. */
  async tell(share: Share, frames: readonly Frame[]): Promise<void> {
    if (this.#shares.get(share.channel) !== share || this.#socket.readyState !== 1) return;
    if (!this.#greeted) {
      this.#greeted = true;
      const [{ user, expires, now }] = frames as [Frame];
      const limits = { channels: 200, frame_bytes: 65_536, batch: 100 };
      await this.#socket.say({ type: "hello", connection: "s1", user, expires, limits, now });
    }
    const answers = frames.filter((frame) => ["ack", "error"].includes(frame?.type) && this.#asked.delete(frame["id"]));
    const others = frames.filter((frame) => !answers.includes(frame));
    if (answers.length) await this.#socket.say(...answers);
    if (frames.some((frame) => frame?.type === "bye")) this.forget(share);
    if (others.length) await this.#socket.say({ type: "in", channel: share.channel, frames: others });
  }

  forget(share: Share): void {
    if (this.#shares.get(share.channel) === share) this.#shares.delete(share.channel);
    void this.ponged();
  }

  /** One `pong` for all channels, behind what each of them has said before. */
  async ponged(): Promise<void> {
    while (this.#shares.size && [...this.#shares.values()].every(({ pongs }) => pongs > this.#pongs)) await this.#pong();
  }

  #pong(): Promise<void> {
    this.#pongs++;
    return this.#socket.text("pong");
  }

  text(data: string): Promise<void> {
    return this.#socket.text(data);
  }

  /** A channel has left. */
  async left(id: unknown): Promise<void> {
    await this.#socket.say({ type: "ack", id });
  }

  /** The connection ends, and with it all its channels. */
  async end(code: number, reason: string): Promise<void> {
    for (const share of this.#shares.values()) share.cut();
    this.#shares.clear();
    await this.#socket.end(code, reason);
  }

  halfClose(): void {
    this.#socket.halfClose();
  }
}

/** One channel's share of a connection. */
class Share extends FakeSocket {
  readonly channel: string;
  pongs = 0;
  readonly #relay: Relay;
  #leave: unknown;
  #over = false;

  constructor(relay: Relay, url: string, protocols: string[], channel: string) {
    super(url, protocols);
    this.#relay = relay;
    this.channel = channel;
  }

  override async text(data: string): Promise<void> {
    if (data === "pong") return void (this.pongs++, await this.#relay.ponged());
    let frames: Frame[] = [];
    try {
      frames = [JSON.parse(data) as Frame | Frame[]].flat();
    } catch {
      return this.#relay.text(data);
    }
    const bye = frames.find((frame) => frame?.type === "bye");
    this.#over ||= bye !== undefined;
    await this.#relay.tell(this, frames);
    if (bye) this.close(bye["code"] as number);
  }

  /** The client leaves the channel: where nobody ends it, it is answered at once. */
  leave(id: unknown): void {
    this.#leave = id;
    this.#relay.forget(this);
    this.close(1000);
    if (this.onClosing === ignored) void this.end(1000);
  }

  override async end(code = 1006, reason = ""): Promise<void> {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (this.#leave !== undefined) await this.#relay.left(this.#leave);
    // What was told `bye` is no part of the connection any more.
    else if (!this.#over) await this.#relay.end(code, reason);
  }

  /** The connection is gone. */
  cut(): void {
    this.readyState = 3;
    this.onCut();
  }

  override halfClose(): void {
    super.halfClose();
    this.#relay.halfClose();
  }
}
