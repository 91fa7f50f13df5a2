// The service as it is built, on the real runtime, with the flags and exports of wrangler.toml.
import { type IncomingHttpHeaders, request } from "node:http";
import { setTimeout as passing } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createTestHarness, unstable_readConfig } from "wrangler";
import { check, type Logged } from "./log.ts";
import { secret } from "./tokens.ts";

// The runtime would ask the internet where it is; nothing here needs to know.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

const root = fileURLToPath(new URL("../../../", import.meta.url));
// The harness takes the secrets of .dev.vars, where its root has one; here is none, as in a deployment.
const here = fileURLToPath(new URL("../", import.meta.url));

export interface Setting {
  /** The environment of wrangler.toml; the default one unless told. */
  environment?: string;
  /** Variables and secrets; JWT_SECRET is there unless another key is. */
  vars?: Record<string, string>;
  /** Joins that pass in ten seconds, and what is asked over HTTP; without it nobody is counted. */
  joins?: { perAddress?: number; perUser?: number };
  asks?: { perAddress?: number; perUser?: number };
  /** Whether the deployment has the binding of relays; it has unless told. */
  relays?: boolean;
}

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A line of the service's log. */
export interface LogLine {
  level: string;
  event: string;
  channel?: string;
  connection?: string;
  user?: string;
  code?: string;
  detail?: string;
}

/** What an object has on disk: its tables, rows of them that have a text, and when its alarm fires; by which clock. */
export interface OnDisk {
  readonly tables: string[];
  readonly texts: number;
  readonly alarm: number | null;
  readonly now: number;
}

export class Service {
  readonly url: URL;
  readonly #harness: ReturnType<typeof createTestHarness>;
  /** Faults that are meant to be in the log. */
  readonly #expected: RegExp[] = [];

  private constructor(harness: ReturnType<typeof createTestHarness>, url: URL) {
    this.#harness = harness;
    this.url = url;
  }

  static async start({ environment = "", vars = {}, joins = {}, asks = {}, relays = true }: Setting = {}): Promise<Service> {
    const keys = "JWT_SECRET" in vars || "JWT_JWKS" in vars ? {} : { JWT_SECRET: secret };
    const limits: [string, number | undefined][] = [
      ["JOINS_PER_ADDRESS", joins.perAddress], ["JOINS_PER_USER", joins.perUser],
      ["ASKS_PER_ADDRESS", asks.perAddress], ["ASKS_PER_USER", asks.perUser],
    ];
    const ratelimits = limits.flatMap(([name, limit], at) =>
      limit === undefined ? [] : [{ name, namespace_id: `${at + 1}`, simple: { limit, period: 10 as const } }]);
    const deployed = unstable_readConfig({ config: `${root}wrangler.toml`, env: environment });
    const { compatibility_date, compatibility_flags, exports, durable_objects } = deployed;
    const config = {
      name: "dormouse",
      main: "support/probe.js",
      compatibility_date,
      compatibility_flags,
      exports,
      durable_objects: { bindings: durable_objects.bindings.filter(({ name }: { name: string }) => relays || name !== "RELAYS") },
      vars: { ...deployed.vars, ...keys, ...vars } as Record<string, string>,
      ratelimits,
    };
    const harness = createTestHarness({ root: here, workers: [{ config }] });
    const { url } = await harness.listen();
    return new Service(harness, url);
  }

  /** A URL of the service. */
  at(path: string): URL {
    return new URL(path, this.url);
  }

  /** Asks over HTTP. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.at(path), init);
  }

  /** Asks over HTTP with headers that fetch would not send. */
  ask(path: string, { method = "GET", headers = {}, body = "" }: Asked = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(this.at(path), { method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      sent.on("error", reject).end(body);
    });
  }

  /** Puts a channel to sleep at once, its sockets staying open; or has it crash, its sockets closed. */
  async evict(channel: string, webSockets: "hibernate" | "close" = "hibernate"): Promise<void> {
    await this.#harness.getWorker().evictDurableObject("ChannelObject", { name: channel, webSockets });
  }

  /** The same with a relay. */
  async evictRelay(relay: string, webSockets: "hibernate" | "close" = "hibernate"): Promise<void> {
    await this.#harness.getWorker().evictDurableObject("RelayObject", { name: relay, webSockets });
  }

  /** Everything that was logged so far. */
  lines(): Logged[] {
    return this.#harness.getLogs();
  }

  /** What the service has logged so far. Lines that are not ours are not among them. */
  log(): LogLine[] {
    const lines = this.lines().map(({ message }) => message).filter((message) => message.startsWith("{"));
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** Everything that was printed, as it was printed. */
  printed(): string {
    return this.lines().map(({ message }) => message).join("\n");
  }

  /** How often an object came to life so far, and the bytes of wasm memory, from the probe around the Worker. */
  async probe(): Promise<{ constructed: number; wasmBytes: number }> {
    return await (await this.fetch("/test/probe")).json() as { constructed: number; wasmBytes: number };
  }

  /**
   * What an object has on disk, from the probe around it: after these statements, and after its alarm has fired as if
   * it were so many milliseconds later.
   */
  async object(name: string, { alarm, sql = [] }: { alarm?: number; sql?: string[] } = {}): Promise<OnDisk> {
    const query = new URLSearchParams([["name", name], ...sql.map((statement) => ["sql", statement])]);
    if (alarm !== undefined) query.set("alarm", `${alarm}`);
    const answer = await this.fetch(`/test/object?${query}`);
    if (!answer.ok) throw new Error(await answer.text());
    return await answer.json() as OnDisk;
  }

  /** Declares lines of the log that tell of a fault and are meant to be there: without it they fail `stop`. */
  expect(...lines: RegExp[]): void {
    this.#expected.push(...lines);
  }

  /** Ends the service; fails where its log tells of a fault that was not declared. */
  async stop(): Promise<void> {
    await this.#allRead();
    const lines = this.lines();
    await this.#harness.close();
    check(lines, this.#expected);
  }

  /** Waits until what was logged before has come, on both ways that lines come by: each hears a last word. */
  async #allRead(): Promise<void> {
    const last = `?last=${Math.random()}`;
    await (await this.fetch(`/test/last${last}`)).arrayBuffer();
    const heard = () => this.lines().filter(({ message }) => message === last).length;
    for (let patience = 0; heard() < 2; patience++) {
      if (patience === 1_000) throw new Error("the service's log does not come");
      await passing(5);
    }
  }
}
