// A way to the service that breaks on demand: it cuts, stalls, throttles and half-closes what passes.
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export const troubles = [
  "cut",
  "stall",
  "stall and cut",
  "throttle",
  "end towards the client",
  "end towards the service",
  "refuse",
] as const;
export type Trouble = (typeof troubles)[number];

/** How long a trouble lasts, in milliseconds. */
const LASTS = 120;
/** What a throttled way lets through at a time, in bytes, and how often, in milliseconds. */
const TRICKLE = { bytes: 48, every: 2 };

type Mood = "open" | "refusing" | "stalled" | "throttled";

interface Way {
  readonly client: Socket;
  readonly service: Socket;
}

export class Proxy {
  readonly #server;
  readonly #target: URL;
  readonly #ways = new Set<Way>();
  #mood: Mood = "open";
  #moved = Promise.withResolvers<void>();

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#pass(client));
  }

  static async start(target: URL): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Makes one trouble for everyone on the way, and ends it. */
  async make(trouble: Trouble): Promise<void> {
    if (trouble === "stall" || trouble === "stall and cut") this.#become("stalled");
    if (trouble === "throttle") this.#become("throttled");
    if (trouble === "refuse") this.#become("refusing");
    if (trouble === "end towards the client") for (const { client } of this.#ways) client.end();
    if (trouble === "end towards the service") for (const { service } of this.#ways) service.end();
    if (trouble === "cut" || trouble === "refuse") this.#cut();
    if (trouble !== "cut") await pause(LASTS);
    // A way whose one end is closed is no use to anyone; some runtimes keep it for long.
    if (trouble !== "stall" && trouble !== "throttle") this.#cut();
    this.#become("open");
  }

  async stop(): Promise<void> {
    this.#become("refusing");
    this.#cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #become(mood: Mood): void {
    this.#mood = mood;
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  #cut(): void {
    for (const { client, service } of this.#ways) {
      client.destroy();
      service.destroy();
    }
    this.#ways.clear();
  }

  #pass(client: Socket): void {
    if (this.#mood === "refusing") return void client.destroy();
    const service = connect({ host: this.#target.hostname, port: Number(this.#target.port), allowHalfOpen: true });
    const way = { client, service };
    this.#ways.add(way);
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      from.setNoDelay(true);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.destroy();
        this.#ways.delete(way);
      });
      void this.#carry(from, to);
    }
  }

  /** Carries bytes one way, as the mood allows. */
  async #carry(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from) {
        for (let rest = chunk as Buffer; rest.length > 0;) {
          while (this.#mood === "stalled") await this.#moved.promise;
          const some = this.#mood === "throttled" ? TRICKLE.bytes : rest.length;
          if (this.#mood === "throttled") await pause(TRICKLE.every);
          to.write(rest.subarray(0, some));
          rest = rest.subarray(some);
        }
      }
      to.end();
    } catch {
      to.destroy();
    }
  }
}
