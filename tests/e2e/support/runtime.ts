// The runtime as a process of its own, with storage on disk: what can be killed without a word and started again.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { unstable_readConfig } from "wrangler";
import { check, type Logged } from "./log.ts";
import type { LogLine } from "./service.ts";
import { secret } from "./tokens.ts";
import { withStackPointer } from "./wasm.ts";

const { default: workerd } = createRequire(import.meta.url)("workerd") as { default: string };
const root = fileURLToPath(new URL("../../../", import.meta.url));
const deployed = unstable_readConfig({ config: `${root}wrangler.toml` });

export interface Setting {
  /** Variables beside JWT_SECRET. */
  vars?: Record<string, string>;
  /** With the probe around the Worker, its stack pointer in sight, and `gc` to be called. */
  probed?: boolean;
}

export class Runtime {
  readonly url: URL;
  readonly #home: string;
  /** Faults that are meant to be in the log. */
  readonly #expected: RegExp[] = [];
  /** What the processes have printed so far. */
  readonly #printed: string[] = [];
  #process: ChildProcess | undefined;

  private constructor(home: string, port: number) {
    this.#home = home;
    this.url = new URL(`http://127.0.0.1:${port}`);
  }

  /** Starts the built service with an empty disk. */
  static async start(setting: Setting = {}): Promise<Runtime> {
    // The probe is there to see thousands of channels, each with files of its own: in memory where the system lends some.
    const home = mkdtempSync(join(setting.probed && existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "dormouse-"));
    mkdirSync(join(home, "disk"));
    for (const file of ["index.js", "index_bg.wasm"]) copyFileSync(join(root, "build", file), join(home, file));
    if (setting.probed) lookInto(home);
    const port = await freePort();
    writeFileSync(join(home, "config.capnp"), config(join(home, "disk"), port, setting));
    const runtime = new Runtime(home, port);
    await runtime.resume();
    return runtime;
  }

  at(path: string): URL {
    return new URL(path, this.url);
  }

  /** Ends the process as a power cut would, and starts it again on the same disk. */
  async kill(): Promise<void> {
    await this.cut();
    await this.resume();
  }

  /** Ends the process as a power cut would. */
  async cut(): Promise<void> {
    await end(this.#process);
  }

  /** Starts the process again on the same disk, after `cut`. */
  async resume(): Promise<void> {
    this.#process = await serve(this.#home, this.#printed);
  }

  /** Declares lines of the log that tell of a fault and are meant to be there: without it they fail `stop`. */
  expect(...lines: RegExp[]): void {
    this.#expected.push(...lines);
  }

  /** Everything that was printed so far, over all processes. */
  lines(): Logged[] {
    return this.#printed.join("").split("\n").map((message) => ({ level: "", message }));
  }

  /** The lines of the service's own log so far. */
  log(): LogLine[] {
    const lines = this.lines().map(({ message }) => message).filter((message) => message.startsWith("{") && message.endsWith("}"));
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** What the process holds of the machine's memory, in bytes. */
  async memory(): Promise<number> {
    const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", `${this.#process?.pid}`]);
    return Number(stdout) * 1024;
  }

  /** How often an object came to life so far, and the bytes of wasm memory, from the probe around the Worker. */
  async probe(): Promise<{ constructed: number; wasmBytes: number }> {
    return await (await fetch(this.at("/test/probe"))).json() as { constructed: number; wasmBytes: number };
  }

  /** Ends the process; fails where it has told of a fault that was not declared. */
  async stop(): Promise<void> {
    await end(this.#process);
    rmSync(this.#home, { recursive: true, force: true });
    check(this.lines(), this.#expected);
  }
}

async function end(process: ChildProcess | undefined): Promise<void> {
  if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
  // All that it has printed is read then, which is later than its end.
  const closed = once(process, "close");
  process.kill("SIGKILL");
  await closed;
}

/** Starts the runtime and waits until it says that it listens. It tells of what a timer throws only when asked to be verbose. */
async function serve(home: string, printed: string[]): Promise<ChildProcess> {
  const process = spawn(workerd, ["serve", join(home, "config.capnp"), "--verbose", "--control-fd=3"], { stdio: ["ignore", "pipe", "pipe", "pipe"] });
  for (const output of [process.stdout, process.stderr]) output?.setEncoding("utf8").on("data", (text: string) => printed.push(text));
  const control = process.stdio[3];
  if (control === null || control === undefined || !("on" in control) || !("read" in control)) throw new Error("no control pipe");
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: control as NodeJS.ReadableStream }).on("line", (line) => {
      if ((JSON.parse(line) as { event: string }).event === "listen") resolve();
    });
    process.once("exit", (code) => reject(new Error(`the runtime ended with ${code}: ${printed.join("").slice(-2_000)}`)));
  });
  return process;
}

/** A port that is free now, and that the restarted process can have again. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Puts the probe around the Worker, and its stack pointer in sight. */
function lookInto(home: string): void {
  const wasm = join(home, "index_bg.wasm");
  writeFileSync(wasm, withStackPointer(readFileSync(wasm)));
  copyFileSync(join(root, "tests/e2e/support/probe.js"), join(home, "probe.js"));
}

function config(disk: string, port: number, { vars = {}, probed = false }: Setting): string {
  const text = (value: string) => JSON.stringify(value);
  // By the paths they have in the repository, by which the probe finds what it is around.
  const probe = `(name = "tests/e2e/support/probe.js", esModule = embed "probe.js"),`;
  const bindings = Object.entries({ JWT_SECRET: secret, ...vars }).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)}),`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "disk", disk = (path = ${text(disk)}, writable = true))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
  v8Flags = [${probed ? text("--expose-gc") : ""}],
);
const main :Workerd.Worker = (
  modules = [
    ${probed ? probe : ""}
    (name = "build/index.js", esModule = embed "index.js"),
    (name = "build/index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = ${text(deployed.compatibility_date ?? "")},
  compatibilityFlags = [${(deployed.compatibility_flags ?? []).map(text).join(", ")}],
  durableObjectNamespaces = [
    (className = "ChannelObject", uniqueKey = "dormouse", enableSql = true),
    (className = "RelayObject", uniqueKey = "dormouse-relay", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "CHANNELS", durableObjectNamespace = "ChannelObject"),
    (name = "RELAYS", durableObjectNamespace = "RelayObject"),
    ${bindings.join("\n    ")}
  ],
);
`;
}
