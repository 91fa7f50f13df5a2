// Connections by hand, over plain TCP: clients that do what no library lets them, and cost this side next to nothing.
import { type Socket, connect } from "node:net";
import { once } from "node:events";
import { setTimeout as passing } from "node:timers/promises";
import type { Frame, Place } from "./member.ts";

export interface Manner {
  token?: string;
  query?: string;
  /** The address that the platform would name in CF-Connecting-IP. */
  address?: string;
  headers?: Record<string, string>;
}

/** How long anything may take before it counts as not happening, in milliseconds. */
const PATIENCE = 20_000;

/** A text as a client's frame. The mask is zero: then a frame can be made once and sent often. */
export function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length = payload.length < 126 ? [payload.length] : payload.length < 65_536 ? [126, payload.length >> 8, payload.length & 255] : null;
  const head = length === null ? long(payload.length) : Buffer.from([0x81, length[0] | 0x80, ...length.slice(1)]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

function long(length: number): Buffer {
  const head = Buffer.from([0x81, 127 | 0x80, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** The text of an upgrade of a channel. */
export function upgrade(server: Place, channel: string, { token, query = "", address, headers = {} }: Manner = {}): string {
  const lines = {
    Host: server.at("/").host,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": Buffer.from("0123456789abcdef").toString("base64"),
    ...(token === undefined ? {} : { "Sec-WebSocket-Protocol": `dormouse.v1, bearer.${token}` }),
    ...(address === undefined ? {} : { "CF-Connecting-IP": address }),
    ...headers,
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `GET /v1/channels/${channel}${query} HTTP/1.1\r\n${head}\r\n`;
}

/** A TCP connection to the server. */
export async function dial(server: Place): Promise<Socket> {
  const { hostname, port } = server.at("/");
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  // A connection that breaks is what is tried here; whoever waits for more is told by `close`.
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Upgrades and breaks off by a reset so many milliseconds later, its answer unread. */
export async function ghost(server: Place, channel: string, after: number, way: Manner = {}): Promise<void> {
  const socket = await dial(server);
  await new Promise<void>((resolve) => socket.write(upgrade(server, channel, way), () => resolve()));
  await passing(after);
  socket.resetAndDestroy();
  await once(socket, "close");
}

/** A WebSocket that answers nothing by itself, neither a close nor a ping, and that reads only until it is told not to. */
export class Intruder {
  readonly socket: Socket;
  /** The status that the upgrade was answered by. */
  status = 0;
  /** Bytes that came after the upgrade. */
  bytes = 0;
  /** Whether what comes is counted and not looked at. */
  readonly #deaf: boolean;
  readonly #heard: Frame[] = [];
  /** Texts that nobody asked for yet: reading them is for later, since an attack is to keep this side idle. */
  readonly #unread: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #news = Promise.withResolvers<void>();

  private constructor(socket: Socket, deaf: boolean) {
    this.socket = socket;
    this.#deaf = deaf;
    socket.on("data", (data: Buffer) => this.#take(data));
    socket.on("close", () => this.#tell());
  }

  /** Upgrades, and waits for the head of the answer. */
  static async open(server: Place, channel: string, { deaf = false, ...way }: Manner & { deaf?: boolean } = {}): Promise<Intruder> {
    const intruder = new Intruder(await dial(server), deaf);
    intruder.socket.write(upgrade(server, channel, way));
    await intruder.until(() => intruder.status > 0, "answer to an upgrade");
    return intruder;
  }

  /** Joins, and tells whether it was let in; if not, `bye` is in the inbox. */
  static async join(server: Place, channel: string, way: Manner = {}): Promise<Intruder & { let_in: boolean }> {
    const intruder = await Intruder.open(server, channel, way);
    const first = await intruder.find(({ type }) => type === "welcome" || type === "bye", "welcome or bye");
    return Object.assign(intruder, { let_in: first.type === "welcome" });
  }

  /** Frames that came. */
  get inbox(): readonly Frame[] {
    for (const text of this.#unread.splice(0)) this.#heard.push(...[JSON.parse(String(text)) as Frame | Frame[]].flat());
    return this.#heard;
  }

  /** Frames of a type that came. */
  of(type: string): Frame[] {
    return this.inbox.filter((frame) => frame.type === type);
  }

  /** The code of the `bye` that it was told. */
  get bye(): number | undefined {
    return this.of("bye").at(0)?.code as number | undefined;
  }

  /** The connection's id, by its welcome. */
  get connection(): string {
    return this.of("welcome").at(0)?.connection as string;
  }

  get closed(): boolean {
    return this.socket.destroyed || this.socket.readableEnded;
  }

  say(what: Frame | Frame[] | string): void {
    this.socket.write(frame(typeof what === "string" ? what : JSON.stringify(what)));
  }

  /** A frame that came or comes; it stays in the inbox. */
  async find(fits: (frame: Frame) => boolean, wanted: string): Promise<Frame> {
    await this.until(() => this.inbox.some(fits), wanted);
    return this.inbox.find(fits) as Frame;
  }

  /** Waits until something holds, looking whenever something came. */
  async until(holds: () => boolean, wanted: string): Promise<void> {
    const late = AbortSignal.timeout(PATIENCE);
    while (!holds()) {
      if (this.closed || late.aborted) throw new Error(`no ${wanted} came; there is ${JSON.stringify(this.inbox).slice(0, 1000)}`);
      await Promise.race([this.#news.promise, once(late, "abort")]);
    }
  }

  /** Reads nothing from now on: what is sent to it stays with who sent it. */
  stop_reading(): void {
    this.socket.pause();
  }

  /** Breaks off without a word, as a lost network does. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  #take(data: Buffer): void {
    if (this.status > 0) this.bytes += data.length;
    if (this.status > 0 && this.#deaf) return;
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    if (this.status === 0) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.status = Number(this.#rest.subarray(9, 12));
      this.#rest = this.#rest.subarray(end + 4);
    }
    this.#cut();
    this.#tell();
  }

  /** Takes whole frames off the front; texts are kept, whatever else comes is passed over. */
  #cut(): void {
    for (;;) {
      const short = this.#rest.length < 2 ? 0 : this.#rest[1] & 127;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.#rest.length < head) return;
      const length = short === 126 ? this.#rest.readUInt16BE(2) : short === 127 ? Number(this.#rest.readBigUInt64BE(2)) : short;
      if (this.#rest.length < head + length) return;
      if ((this.#rest[0] & 15) === 1) this.#unread.push(this.#rest.subarray(head, head + length));
      this.#rest = this.#rest.subarray(head + length);
    }
  }
}

/** Sends requests over one connection without waiting for answers, and tells the status of each, in their order. */
export async function pipelined(server: Place, requests: string[]): Promise<number[]> {
  const socket = await dial(server);
  const statuses: number[] = [];
  const all = Promise.withResolvers<void>();
  let rest = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    rest += text;
    // No body here holds a line that begins like this.
    const heads = [...rest.matchAll(/HTTP\/1\.1 (\d{3}) /g)];
    statuses.push(...heads.map(([, status]) => Number(status)));
    rest = rest.slice(heads.length === 0 ? -16 : Math.max(rest.length - 16, heads.at(-1)!.index + 13));
    if (statuses.length >= requests.length) all.resolve();
  });
  socket.on("close", () => all.reject(new Error(`closed after ${statuses.length} of ${requests.length} answers`)));
  socket.write(requests.join(""));
  await all.promise.finally(() => socket.destroy());
  return statuses;
}

/** Does something so many times a second for so long, spread evenly, and waits until all of it is done. */
export async function paced(perSecond: number, milliseconds: number, act: (at: number) => unknown): Promise<void> {
  const begun = performance.now();
  const acts: unknown[] = [];
  for (let past = 0; past < milliseconds; past = performance.now() - begun) {
    const due = Math.floor((Math.min(past, milliseconds) / 1000) * perSecond) + 1;
    while (acts.length < due) acts.push(act(acts.length));
    await passing(5);
  }
  await Promise.all(acts);
}
