// A plain WebSocket client: it knows nothing of the protocol but that frames may come in arrays.
import WebSocket from "ws";
import { token as mint } from "./tokens.ts";

// The wire is what is tested here, so a frame is whatever came.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Frame = Record<string, any>;

export interface Way {
  token?: string | null;
  query?: string;
  protocols?: string[];
  headers?: Record<string, string>;
}

export interface Ended {
  code: number;
  reason: string;
}

/** Where a member connects to. */
export interface Place {
  at(path: string): URL;
}

/** How long anything may take before it counts as not happening, in milliseconds. */
const PATIENCE = 20_000;

export class Member {
  readonly socket: WebSocket;
  /** Frames that came and were not asked for yet. */
  readonly inbox: Frame[] = [];
  /** Every text frame as it came. */
  readonly texts: string[] = [];
  readonly ended: Promise<Ended>;
  /** Wakes whoever waits for a frame. */
  #waiting = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data, binary) => this.#hear(String(data), binary));
    this.ended = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake();
      });
    });
  }

  /** Connects, and waits for the connection alone. Rejects with the status where the upgrade is refused. */
  static connect(service: Place, channel: string, way: Way = {}): Promise<Member> {
    return Member.open(service, `/v1/channels/${channel}`, way);
  }

  /** The same at any path. */
  static async open(service: Place, path: string, { token, query = "", protocols = [], headers = {} }: Way = {}): Promise<Member> {
    const url = service.at(`${path}${query}`);
    url.protocol = "ws:";
    const offered = token == null ? protocols : ["dormouse.v1", `bearer.${token}`, ...protocols];
    const socket = new WebSocket(url, offered, { headers, perMessageDeflate: false });
    const member = new Member(socket);
    await new Promise<void>((resolve, reject) => {
      socket.on("open", resolve);
      socket.on("error", reject);
      socket.on("unexpected-response", (_, { statusCode = 0 }) => {
        reject(new Refused(statusCode));
        socket.terminate();
      });
    });
    return member;
  }

  /** Joins as a user and waits for the welcome; who is to be anonymous gives `token: null`. */
  static async join(service: Place, channel: string, user: string, way: Way = {}): Promise<Member & { welcome: Frame }> {
    const token = way.token === undefined ? await mint(user) : way.token;
    const member = await Member.connect(service, channel, { ...way, token });
    const welcome = await member.next("welcome");
    return Object.assign(member, { welcome });
  }

  get connection(): string {
    return (this as unknown as { welcome: Frame }).welcome.connection as string;
  }

  /** Sends a frame, or an array of them; a text or bytes go as they are. */
  say(what: Frame | Frame[] | string | Buffer): void {
    this.socket.send(typeof what === "string" || Buffer.isBuffer(what) ? what : JSON.stringify(what));
  }

  /** The next frame of a type, and where told, with these fields; frames before it stay in the inbox. */
  next(type: string, fields: Frame = {}): Promise<Frame> {
    const fits = (frame: Frame) => frame.type === type && Object.entries(fields).every(([name, value]) => frame[name] === value);
    return this.find(fits, `frame ${type} ${JSON.stringify(fields)}`);
  }

  /** Asks, and waits for whatever answers this id. */
  ask(request: Frame): Promise<Frame> {
    this.say(request);
    return this.find(({ id }) => id === request.id, `answer to ${JSON.stringify(request)}`);
  }

  /** The next frame that fits, taken out of the inbox. */
  async find(fits: (frame: Frame) => boolean, wanted: string): Promise<Frame> {
    const end = performance.now() + PATIENCE;
    for (;;) {
      const at = this.inbox.findIndex(fits);
      if (at >= 0) return this.inbox.splice(at, 1)[0];
      const left = end - performance.now();
      if (left <= 0 || this.socket.readyState === WebSocket.CLOSED) throw new Error(`no ${wanted} came; there is ${JSON.stringify(this.inbox)}`);
      await this.#wait(left);
    }
  }

  /** Waits until everything that happened on the channel before has been told: this connection's own word comes back. */
  async settle(): Promise<void> {
    const id = `settle-${Math.random()}`;
    await this.ask({ type: "publish", id, event: "typing", data: { on: false } });
  }

  /** Frames of a type that are in the inbox, taken out. */
  taken(type: string): Frame[] {
    const taken = this.inbox.filter((frame) => frame.type === type);
    const rest = this.inbox.filter((frame) => frame.type !== type);
    this.inbox.splice(0, this.inbox.length, ...rest);
    return taken;
  }

  /** Closes by the handshake, and tells how long it took. */
  async leave(code = 1000): Promise<Ended & { took: number }> {
    const begun = performance.now();
    this.socket.close(code);
    return { ...await this.end(), took: performance.now() - begun };
  }

  /** How the connection ended, once it has. */
  async end(): Promise<Ended> {
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("the connection did not end")), PATIENCE).unref());
    return await Promise.race([this.ended, late]);
  }

  #hear(text: string, binary: boolean): void {
    if (binary) throw new Error("a binary frame came");
    this.texts.push(text);
    const frames = text === "pong" ? { type: "pong" } : JSON.parse(text) as Frame | Frame[];
    this.inbox.push(...(Array.isArray(frames) ? frames : [frames]));
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #wait(left: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, left);
      this.#waiting.add(wake);
    });
  }
}

/** An upgrade that was answered by an HTTP status. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`refused with ${status}`);
    this.status = status;
  }
}
