// The benchmark: this service beside what one would pick instead, in one run. See README.md.
import { CASES, PEERS } from "./lib/cases.mjs";
import { summary, verdicts } from "./lib/figures.mjs";
import { buildGenerator, faults, measure } from "./lib/load.mjs";
import { HELP, read } from "./lib/options.mjs";
import { publish } from "./lib/results.mjs";
import { prepare } from "./lib/servers.mjs";

/** A quick run begins no case that might not end within its four minutes: the longest takes 35 s. */
const QUICK_SECONDS = 195;

try {
  const options = read(process.argv.slice(2));
  if (options.help) console.log(HELP);
  else if (options.list) console.log(CASES.map(({ name, what }) => `${name.padEnd(26)} ${what}`).join("\n"));
  else await main(options);
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = error instanceof RangeError ? 2 : 1;
}

async function main(options) {
  if (process.platform !== "linux") throw new Error("it runs on Linux only: it pins processes by taskset and reads /proc");
  const plan = CASES.map((testCase) => schedule(testCase, options)).filter((entry) => entry.runs.length);
  if (!plan.length) throw new RangeError(`no case fits; the cases are ${CASES.map(({ name }) => name).join(", ")}`);
  const generator = buildGenerator();
  const begin = Date.now();
  const servers = await prepare({ peers: options.peers, bundle: options.bundle, cpu: options.cores[0] });
  const bench = { servers, generator, cpu: options.cores[1] };
  const progress = meter(plan.reduce((sum, { runs }) => sum + runs.length, 0), begin);
  const done = [];
  try {
    for (const entry of plan) {
      const late = options.quick && Date.now() - begin > QUICK_SECONDS * 1000;
      done.push(late ? leaveOut(entry) : await perform(bench, entry, progress));
    }
  } finally {
    servers.remove();
  }
  progress.end();
  publish(done, { ...options, begin });
  if (progress.faulty()) process.exitCode = 1;
}

/** What a case comes to under the options: the work, and the runs in interleaved order. */
function schedule(testCase, { only, quick, peers, rounds, pace }) {
  const exact = CASES.some(({ name }) => only?.includes(name));
  const asked = !only || only.some((name) => (exact ? testCase.name === name : testCase.name.startsWith(name)));
  if (!asked || (quick && testCase.quick === null && !only)) return { testCase, runs: [] };
  const work = { ...(testCase.command === "traffic" ? pace : {}), ...testCase.work, ...(quick ? testCase.quick : {}) };
  const chosen = (quick && !only && testCase.quickPeers) || testCase.peers;
  const present = chosen.filter((peer) => peers.includes(peer));
  const count = testCase.starts ?? Math.min(rounds, testCase.rounds ?? Infinity);
  // Each round begins with another peer, so that none is always the one after the pause.
  const order = Array.from({ length: count }, (_, index) => present.map((_, place) => present[(place + index) % present.length]));
  return { testCase, work, together: quick && testCase.together, runs: order.flat() };
}

async function perform(bench, { testCase, work, together, runs }, progress) {
  const found = {};
  const one = async (peer) => {
    progress.at(testCase.name, peer);
    const result = await measure(bench, testCase, peer, { ...work, ...testCase.workOf?.[peer] });
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

function leaveOut({ testCase }) {
  return { name: testCase.name, testCase, peers: {}, verdicts: [], left_out: "the time of a quick run was over" };
}

/** The progress line: rewritten on a terminal, a line for each run elsewhere. */
function meter(whole, begin) {
  let count = 0;
  let faults = 0;
  const clear = process.stderr.isTTY ? "\r\x1b[K" : "";
  const end = process.stderr.isTTY ? "" : "\n";
  return {
    at(name, peer) {
      count += 1;
      const seconds = Math.round((Date.now() - begin) / 1000);
      process.stderr.write(`${clear}[${count}/${whole}] ${seconds} s  ${name}  ${peer}${end}`);
    },
    note(text) {
      faults += 1;
      process.stderr.write(`${clear}! ${text}\n`);
    },
    faulty: () => faults > 0,
    end: () => process.stderr.write(clear),
  };
}
