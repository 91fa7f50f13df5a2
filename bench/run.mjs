// The benchmark: this service beside what one would pick instead, in one run. See README.md.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CASES, PEERS } from "./lib/cases.mjs";
import { summary, verdicts } from "./lib/figures.mjs";
import { buildGenerator, faults, measure } from "./lib/load.mjs";
import { plot } from "./lib/plot.mjs";
import { section } from "./lib/report.mjs";
import { prepare } from "./lib/servers.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));

const HELP = `Measures Dormouse beside a raw Durable Object, PartyServer and ws, and prints a table.

  npm run bench -- [options]

  --quick          short windows and one round; finishes within four minutes
  --only NAME      one case, or those whose name begins with NAME (may be given several times)
  --peers A,B      only these of: ${PEERS.join(", ")}
  --rounds N       interleaved rounds of each case (3; 1 with --quick)
  --seconds S      length of a measurement (5; 1.5 with --quick)
  --bundle DIR     the built service with its benchmark contract (build/)
  --cores A,B      the cores for the server and for the load generator (0,1)
  --out DIR        where plots and the table are written (bench/out/)
  --json           the last line of the output is one JSON object with every figure
  --list           the cases, and nothing else
  --help           this text
`;

const QUICK = { warmup: 0.5, seconds: 1.5, drain: 1, budget: 225 };
const FULL = { warmup: 2, seconds: 5, drain: 60, budget: Infinity };

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}

async function main() {
  const options = read();
  if (options.help) return print(HELP);
  if (options.list) return print(CASES.map(({ name, what }) => `${name.padEnd(26)} ${what}`).join("\n"));
  const plan = CASES.map((testCase) => rounds(testCase, options)).filter((entry) => entry.runs.length);
  if (!plan.length) throw new Error(`no case fits; the cases are ${CASES.map(({ name }) => name).join(", ")}`);
  const begin = Date.now();
  const generator = buildGenerator();
  const servers = await prepare({ peers: options.peers, bundle: options.bundle, cpu: options.cores[0] });
  const bench = { servers, generator, cpu: options.cores[1] };
  const progress = meter(plan.reduce((sum, { runs }) => sum + runs.length, 0), begin);
  const done = [];
  try {
    for (const entry of plan) {
      const late = (Date.now() - begin) / 1000 > options.pace.budget;
      done.push(late ? left(entry) : await perform(bench, entry, progress));
    }
  } finally {
    servers.remove();
  }
  progress.end();
  return publish(done, options, begin);
}

function read() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
      peers: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      bundle: { type: "string", default: join(here, "..", "build") },
      cores: { type: "string", default: "0,1" },
      out: { type: "string", default: join(here, "out") },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const peers = values.peers?.split(",") ?? PEERS;
  for (const peer of peers) if (!PEERS.includes(peer)) throw new Error(`no peer is called ${peer}; there are ${PEERS.join(", ")}`);
  const cores = values.cores.split(",");
  if (cores.length !== 2) throw new Error("--cores takes two numbers, one for the server and one for the load generator");
  const pace = { ...(values.quick ? QUICK : FULL) };
  if (values.seconds) pace.seconds = positive("--seconds", values.seconds);
  const rounds = values.rounds ? positive("--rounds", values.rounds) : values.quick ? 1 : 3;
  return { ...values, bundle: resolve(values.bundle), peers, cores, pace, rounds };
}

function positive(name, text) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} takes a number above 0, not ${text}`);
  return value;
}

/** What a case comes to under the options: the work, and the runs in interleaved order. */
function rounds(testCase, options) {
  const { only, quick, pace } = options;
  const asked = !only || only.some((name) => testCase.name === name) || (!CASES.some(({ name }) => only.includes(name)) && only.some((name) => testCase.name.startsWith(name)));
  if (!asked || (quick && testCase.quick === null && !only)) return { testCase, runs: [] };
  const timed = testCase.command === "traffic" ? { warmup: pace.warmup, seconds: pace.seconds, drain: pace.drain } : {};
  const work = { ...timed, ...testCase.work, ...(quick ? testCase.quick : {}) };
  const chosen = (quick && !options.only && testCase.quickPeers) || testCase.peers;
  const peers = chosen.filter((peer) => options.peers.includes(peer));
  const count = Math.min(options.rounds, testCase.rounds ?? Infinity);
  // Each round begins with another peer, so that none is always the one after the pause.
  const order = Array.from({ length: count }, (_, index) => peers.map((_, place) => peers[(place + index) % peers.length]));
  return { testCase, work, together: quick && testCase.together, runs: order.flat() };
}

async function perform(bench, { testCase, work, together, runs }, progress) {
  const found = {};
  const one = async (peer) => {
    progress.at(testCase.name, peer);
    const result = await measure(bench, testCase, peer, work);
    // The plain process has no sleep to wake from.
    const sleepless = testCase.sleeps && peer !== "ws" && !(result.wakes > 0);
    for (const fault of [...faults(result), ...(sleepless ? ["it never slept"] : [])]) progress.note(`${testCase.name}, ${peer}: ${fault}`);
    (found[peer] ??= []).push(result);
  };
  if (together) await Promise.all(runs.map(one));
  else for (const peer of runs) await one(peer);
  const peers = Object.fromEntries(PEERS.filter((peer) => found[peer]).map((peer) => [peer, summary(found[peer])]));
  return { name: testCase.name, testCase, peers, verdicts: verdicts(testCase, peers) };
}

function left({ testCase }) {
  return { name: testCase.name, testCase, peers: {}, verdicts: [], left_out: "the time of a quick run was over" };
}

/** The progress line: rewritten on a terminal, a line for each run elsewhere. */
function meter(whole, begin) {
  let count = 0;
  const clear = process.stderr.isTTY ? "\r\x1b[K" : "";
  const end = process.stderr.isTTY ? "" : "\n";
  return {
    at(name, peer) {
      count += 1;
      const seconds = Math.round((Date.now() - begin) / 1000);
      process.stderr.write(`${clear}[${count}/${whole}] ${seconds} s  ${name}  ${peer}${end}`);
    },
    note: (text) => process.stderr.write(`${clear}! ${text}\n`),
    end: () => process.stderr.write(clear),
  };
}

function publish(done, options, begin) {
  const setup = machine(options, begin);
  const report = [
    `Measured on ${setup.date}: ${setup.cpu}, ${setup.cores} cores, ${setup.memory_gb} GB, Linux ${setup.kernel}; load before the run ${setup.load}.`,
    `Versions: ${Object.entries(setup.versions).map(([name, version]) => `${name} ${version}`).join(", ")}. Took ${setup.seconds} s: \`${setup.command}\`.`,
    "",
    ...done.map((entry) => (entry.left_out ? `### ${entry.name}\n\nLeft out: ${entry.left_out}.\n` : section(entry, entry.testCase))),
  ].join("\n");
  print(report);
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, "table.md"), report);
  for (const [name, svg] of Object.entries(plots(done))) if (svg) writeFileSync(join(options.out, name), svg);
  const cases = done.map(({ name, peers, verdicts, left_out }) => ({ name, ...peers, verdicts, left_out }));
  const whole = JSON.stringify({ cases, ...setup });
  writeFileSync(join(options.out, "results.json"), `${whole}\n`);
  if (options.json) print(whole);
  return 0;
}

function plots(done) {
  const growth = done.filter(({ testCase }) => testCase.plot);
  const series = (metric) =>
    Object.fromEntries(
      PEERS.map((peer) => [peer, growth.filter(({ peers }) => peers[peer]?.[metric]).map(({ testCase, peers }) => [testCase.plot, peers[peer][metric]])]).filter(
        ([, points]) => points.length,
      ),
    );
  const x = "members of one channel (10 of them publish)";
  return {
    "deliveries.svg": plot({ title: "Deliveries a second", x, y: "deliveries/s", series: series("deliveries_per_s") }),
    "p99.svg": plot({ title: "Publish to delivery, 99th percentile", x, y: "ms", series: series("p99_ms") }),
  };
}

function machine(options, begin) {
  const require = createRequire(import.meta.url);
  const version = (name) => JSON.parse(readFileSync(join(here, "..", "node_modules", name, "package.json"), "utf8")).version;
  return {
    date: new Date(begin).toISOString().slice(0, 10),
    cpu: cpus()[0].model,
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    load: loadavg()[2].toFixed(2),
    versions: { workerd: require("workerd/package.json").version, partyserver: version("partyserver"), ws: version("ws"), node: process.versions.node },
    command: `npm run bench -- ${process.argv.slice(2).join(" ")}`.trim(),
    quick: options.quick,
    seconds: Math.round((Date.now() - begin) / 1000),
  };
}

function print(text) {
  console.log(text);
  return 0;
}
