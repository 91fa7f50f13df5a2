// Starts what is measured, each time anew: a workerd with its own disk, or the plain Node process.
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pinned } from "./children.mjs";

const require = createRequire(import.meta.url);
const here = fileURLToPath(new URL(".", import.meta.url));
const peers = join(here, "..", "peers");
const root = join(here, "..", "..");

/** The secret that tokens of the benchmark are signed with; it guards nothing but a process on this machine. */
export const SECRET = "a secret of the benchmark, long enough for HS256";

/** The environment of workerd: the date and flags of the service, so that all objects run on the same platform. */
const PLATFORM = platform(join(root, "wrangler.toml"));

const DORMOUSE = { objects: { CHANNELS: "ChannelObject", RELAYS: "RelayObject" }, path: "/v1/channels/{channel}", dialect: "dormouse", keeps: true };

const KINDS = {
  dormouse: DORMOUSE,
  relay: { ...DORMOUSE, connect: "/v1/connect" },
  raw: { objects: { ROOMS: "Room" }, path: "/v1/channels/{channel}", dialect: "raw" },
  "raw-kept": { objects: { ROOMS: "Room" }, path: "/v1/channels/{channel}", dialect: "raw", keeps: true },
  partyserver: { objects: { ROOMS: "Room" }, path: "/parties/rooms/{channel}", dialect: "raw" },
  ws: { path: "/v1/channels/{channel}", dialect: "raw" },
};

/** Bundles the Workers once; `start` then starts one of them: `{ url, pid, dialect, meter(channel), stop() }`. */
export async function prepare({ peers: names, bundle, cpu }) {
  const dir = mkdtempSync(join(tmpdir(), "dormouse-bench-"));
  const modules = {};
  for (const name of names.filter((name) => name !== "ws")) modules[name] = await worker(name, dir, bundle);
  return {
    start: (name, options = {}) => (name === "ws" ? plain(cpu, options) : workerd(name, modules[name], dir, cpu, options)),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The files of a Worker, ready for a config to embed: `[{ name, kind }]`, the main module first. */
async function worker(name, dir, bundle) {
  const home = join(dir, name);
  mkdirSync(home);
  if (KINDS[name].dialect === "dormouse") {
    const files = ["index.js", "index_bg.wasm"];
    for (const file of files) {
      if (!existsSync(join(bundle, file))) {
        throw new Error(`${join(bundle, file)} is missing: "npm run bench" builds it`);
      }
      copyFileSync(join(bundle, file), join(home, file));
    }
    return { home, files: [{ name: "index.js", kind: "esModule" }, { name: "index_bg.wasm", kind: "wasm" }] };
  }
  await build({
    entryPoints: [join(peers, `${name}.js`)],
    outfile: join(home, "index.js"),
    bundle: true,
    format: "esm",
    target: "esnext",
    external: ["cloudflare:workers"],
    logLevel: "error",
  });
  return { home, files: [{ name: "index.js", kind: "esModule" }] };
}

async function workerd(name, { home, files }, dir, cpu, { compress = false, driver = false, cold = false } = {}) {
  const kind = KINDS[name];
  const run = mkdtempSync(join(dir, "run-"));
  const disk = join(run, "disk");
  mkdirSync(disk);
  for (const file of files) copyFileSync(join(home, file.name), join(run, file.name));
  if (driver) copyFileSync(join(peers, "seed-driver.js"), join(run, "seed-driver.js"));
  const config = join(run, "config.capnp");
  writeFileSync(config, capnp(kind, files, disk, { compress, driver }));
  const begin = performance.now();
  const args = ["serve", config, "--control-fd=3", ...(driver ? ["--inspector-addr=127.0.0.1:0"] : [])];
  const child = pinned(cpu, require("workerd").default, args, { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const errors = tail(child);
  const ports = await new Promise((resolve, reject) => {
    const found = {};
    createInterface({ input: child.stdio[3] }).on("line", (line) => {
      const event = JSON.parse(line);
      found[event.socket ?? event.event] = event.port;
      if (found.http && (!driver || (found.driver && found["listen-inspector"]))) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code}: ${errors()}`)));
  });
  const start_ms = performance.now() - begin;
  // One that is to be cold has been asked nothing yet: the first request compiles what it runs.
  if (kind.dialect === "dormouse" && !cold) await needContract(ports.http);
  return { ...face(kind, ports.http, child, errors), start_ms, ports, stop: () => stop(child, run) };
}

/** Stops where the service is not the one with the rates of a load test. */
async function needContract(port) {
  const contract = await (await fetch(`http://127.0.0.1:${port}/v1/contract`)).text();
  if (!contract.includes('"bench:*"')) throw new Error('the service has no channels "bench:*": build it from bench/service');
}

async function plain(cpu, { compress = false }) {
  const begin = performance.now();
  const args = [join(peers, "ws-server.mjs"), ...(compress ? ["--compress"] : [])];
  const child = pinned(cpu, process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const errors = tail(child);
  const port = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line).port));
    child.once("exit", (code) => reject(new Error(`the ws server ended with ${code}: ${errors()}`)));
  });
  return { ...face(KINDS.ws, port, child, errors), start_ms: performance.now() - begin, stop: () => stop(child) };
}

function face(kind, port, child, errors) {
  const at = (scheme, path) => `${scheme}://127.0.0.1:${port}${path}`;
  const url = (scheme, channel) => at(scheme, kind.path.replace("{channel}", channel));
  return {
    url: url("ws", "{channel}"),
    connect: kind.connect && at("ws", kind.connect),
    pid: child.pid,
    dialect: kind.dialect,
    keeps: kind.keeps,
    errors,
    async meter(channel) {
      const headers = kind.dialect === "dormouse" ? { authorization: `Bearer ${token("meter", ["meter"])}` } : {};
      const response = await fetch(`${url("http", channel)}/meter`, { headers });
      if (!response.ok) throw new Error(`the meter of ${channel} answered ${response.status}: ${await response.text()}`);
      return response.json();
    },
  };
}

/** An HS256 token, good for an hour. */
export function token(user, abilities) {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: user, iat: now, exp: now + 3600, can: { "bench:*": abilities, "code:*": abilities } };
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

async function stop(child, run) {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
  if (run) rmSync(run, { recursive: true, force: true });
}

/** Keeps the end of what a process complains about. */
function tail(child) {
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => (text = (text + chunk).slice(-2000)));
  return () => text.trim();
}

/** The compatibility date and flags out of wrangler.toml; the date of this runtime where there is none yet. */
function platform(file) {
  const toml = existsSync(file) ? readFileSync(file, "utf8") : "";
  const date = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(toml)?.[1] ?? require("workerd").compatibilityDate;
  const list = /^compatibility_flags\s*=\s*\[([^\]]*)\]/m.exec(toml)?.[1] ?? "";
  return { date, flags: [...list.matchAll(/"([^"]+)"/g)].map((match) => match[1]) };
}

/** The config of workerd: one Worker with its SQLite-backed classes on disk, and beside it the driver if wanted. */
function capnp(kind, files, disk, { compress, driver }) {
  const quiet = "no_web_socket_compression";
  // Compression is one choice for all: off as the service has it, or on for those that offer it.
  const flags = [...PLATFORM.flags.filter((flag) => flag !== quiet), ...(compress ? [] : [quiet])];
  const text = (value) => JSON.stringify(value);
  const classes = Object.values(kind.objects);
  const embedded = files.map((file) => `(name = ${text(file.name)}, ${file.kind} = embed ${text(file.name)})`);
  const drive = `
    (name = "driver", worker = (
      modules = [(name = "seed-driver.js", esModule = embed "seed-driver.js")],
      compatibilityDate = ${text(PLATFORM.date)},
      bindings = [(name = "SERVICE", service = "main")],
    )),`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),${driver ? drive : ""}
    (name = "disk", disk = (path = ${text(disk)}, writable = true)),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (), service = "main"),
    ${driver ? '(name = "driver", address = "127.0.0.1:0", http = (), service = "driver"),' : ""}
  ],
);
const main :Workerd.Worker = (
  modules = [${embedded.join(", ")}],
  compatibilityDate = ${text(PLATFORM.date)},
  compatibilityFlags = [${flags.map(text).join(", ")}],
  durableObjectNamespaces = [${classes.map((name) => `(className = ${text(name)}, uniqueKey = ${text(`bench-${name}`)}, enableSql = true)`).join(", ")}],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    ${Object.entries(kind.objects).map(([binding, name]) => `(name = ${text(binding)}, durableObjectNamespace = ${text(name)}),`).join("\n    ")}
    (name = "JWT_SECRET", text = ${text(SECRET)}),
    (name = "LOG_LEVEL", text = "warn"),
  ],
);
`;
}
