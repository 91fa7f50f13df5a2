// The runtime as a process of its own, with storage on disk: what can be killed without a word and started again.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { unstable_readConfig } from "wrangler";
import { secret } from "./tokens.ts";

const { default: workerd } = createRequire(import.meta.url)("workerd") as { default: string };
const root = fileURLToPath(new URL("../../../", import.meta.url));
const deployed = unstable_readConfig({ config: `${root}wrangler.toml` });

export class Runtime {
  readonly url: URL;
  readonly #home: string;
  #process: ChildProcess;

  private constructor(home: string, port: number, process: ChildProcess) {
    this.#home = home;
    this.url = new URL(`http://127.0.0.1:${port}`);
    this.#process = process;
  }

  /** Starts the built service with an empty disk. */
  static async start(): Promise<Runtime> {
    const home = mkdtempSync(join(tmpdir(), "dormouse-"));
    mkdirSync(join(home, "disk"));
    for (const file of ["index.js", "index_bg.wasm"]) copyFileSync(join(root, "build", file), join(home, file));
    const port = await freePort();
    writeFileSync(join(home, "config.capnp"), config(join(home, "disk"), port));
    return new Runtime(home, port, await serve(home));
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
    this.#process = await serve(this.#home);
  }

  async stop(): Promise<void> {
    await end(this.#process);
    rmSync(this.#home, { recursive: true, force: true });
  }
}

async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const ended = once(process, "exit");
  process.kill("SIGKILL");
  await ended;
}

/** Starts the runtime and waits until it says that it listens. */
async function serve(home: string): Promise<ChildProcess> {
  const process = spawn(workerd, ["serve", join(home, "config.capnp"), "--control-fd=3"], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  let complaint = "";
  process.stderr?.setEncoding("utf8").on("data", (text: string) => complaint = (complaint + text).slice(-2_000));
  const control = process.stdio[3];
  if (control === null || control === undefined || !("on" in control) || !("read" in control)) throw new Error("no control pipe");
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: control as NodeJS.ReadableStream }).on("line", (line) => {
      if ((JSON.parse(line) as { event: string }).event === "listen") resolve();
    });
    process.once("exit", (code) => reject(new Error(`the runtime ended with ${code}: ${complaint}`)));
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

function config(disk: string, port: number): string {
  const text = (value: string) => JSON.stringify(value);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "disk", disk = (path = ${text(disk)}, writable = true))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = ${text(deployed.compatibility_date ?? "")},
  compatibilityFlags = [${(deployed.compatibility_flags ?? []).map(text).join(", ")}],
  durableObjectNamespaces = [(className = "ChannelObject", uniqueKey = "dormouse", enableSql = true)],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "CHANNELS", durableObjectNamespace = "ChannelObject"),
    (name = "JWT_SECRET", text = ${text(secret)}),
  ],
);
`;
}
