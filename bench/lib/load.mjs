// Runs the load generator against a server and adds what only the server can tell: the rows it wrote.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { pinned } from "./children.mjs";
import { cold } from "./cold.mjs";
import { SECRET } from "./servers.mjs";
import { seed } from "./seed.mjs";

const home = fileURLToPath(new URL("../load", import.meta.url));

/** Builds the generator (a few seconds where it is built already); its path. */
export function buildGenerator() {
  execFileSync("cargo", ["build", "--release", "--locked", "--quiet"], { cwd: home, stdio: ["ignore", "inherit", "inherit"] });
  const metadata = execFileSync("cargo", ["metadata", "--format-version", "1", "--no-deps", "--locked"], { cwd: home });
  return join(JSON.parse(metadata).target_directory, "release", "dormouse-load");
}

/** One measurement of one peer: starts the server, loads it, stops it; the metrics by name. */
export async function measure({ servers, generator, cpu }, testCase, peer, work) {
  const { command, compress } = testCase;
  const server = await servers.start(peer, { compress, driver: command === "seed", cold: command === "cold" });
  try {
    if (command === "seed") return derive(await seed(server, work));
    if (command === "cold") return derive(await cold(server));
    return derive(await load(server, { generator, cpu }, testCase, work));
  } catch (error) {
    const said = server.errors();
    throw new Error(`${testCase.name}, ${peer}: ${error.message}${said ? `\n${said}` : ""}`);
  } finally {
    await server.stop();
  }
}

async function load(server, { generator, cpu }, testCase, work) {
  const target = { url: server.url, connect: server.connect, dialect: server.dialect, secret: SECRET, pid: server.pid, gated: true, ...testCase.target };
  const args = [...flags(target), testCase.command, ...flags(work)];
  const child = pinned(cpu, generator, args, { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => (errors += chunk));
  const ended = new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  // A peer that keeps nothing has no rows to tell, and would only be asked behind all that it has still to send.
  const counts = server.keeps || testCase.sleeps;
  let channels = [];
  let before, after, result;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event === "joined") channels = counts ? event.channels : [];
    if (event.event === "joined") before = await meters(server, channels);
    if (event.event === "finished") after = await meters(server, channels);
    if (event.event === "result") result = event;
    else child.stdin.write("\n");
  }
  const code = await ended;
  if (code !== 0 || !result) throw new Error(`the load generator ended with ${code}: ${errors.trim()}`);
  return { ...result, ...passed(before, after) };
}

/** The counters of channels. */
async function meters(server, channels) {
  const found = [];
  for (const channel of channels) found.push(await server.meter(channel));
  return found;
}

/** What happened between two readings; counters that begin anew with each waking tell of the time since it alone. */
function passed(before, after) {
  const sum = { rows_written: 0, wakes: 0 };
  for (const [index, { rows_written, wakes = 0, since, deliveries }] of after.entries()) {
    const anew = since !== before[index].since || deliveries < before[index].deliveries;
    sum.rows_written += anew ? rows_written : rows_written - before[index].rows_written;
    sum.wakes += anew ? 1 : wakes - (before[index].wakes ?? 0);
  }
  return sum;
}

function flags(options) {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === false || value === undefined) return [];
    return value === true ? [`--${name}`] : [`--${name}`, String(value)];
  });
}

/** Figures that follow from others. */
function derive(result) {
  const per = (whole, count) => (whole === undefined || !count ? undefined : whole / count);
  const middle = (list) => (list?.length ? [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] : undefined);
  const cpu = result.server_cpu_ms === undefined ? undefined : result.server_cpu_ms * 1000;
  const awake = middle(result.awake_ms);
  const woken = middle(result.woken_ms);
  const derived = {
    cpu_us_per_delivery: per(cpu, result.deliveries),
    // With one member, what it hears within the window is what was taken in.
    cpu_us_per_message: per(cpu, result.deliveries),
    wire_bytes_per_delivery: per(result.wire_bytes, result.deliveries),
    rows_per_message: per(result.rows_written, result.published),
    load_cpu: per(result.load_cpu_ms, (result.seconds ?? 0) * 1000),
    server_cpu: per(result.server_cpu_ms, (result.seconds ?? 0) * 1000),
    awake_ms: awake,
    woken_ms: woken,
    woken_to_awake: per(woken, awake),
  };
  return { ...result, ...Object.fromEntries(Object.entries(derived).filter(([, value]) => value !== undefined)) };
}

/** What is wrong with a result, for the person who looks; nothing where all is well. */
export function faults(result) {
  const found = [];
  for (const name of ["disorder", "altered", "refused", "closed"]) if (result[name]) found.push(`${result[name]} ${name}`);
  if (result.drained && result.undelivered) found.push(`${result.undelivered} undelivered`);
  if (found.length && result.problem) found.push(String(result.problem).slice(0, 200));
  return found;
}
