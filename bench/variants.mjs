// Builds of the service beside each other, alternately in one run: what a profile or an optimiser costs and brings.
//
//   node bench/variants.mjs [--rounds N] [--starts N] [--cases A,B] [--seconds S] [--cores A,B] DIR…
//
// Each DIR holds one build of bench/service: index.js and index_bg.wasm. raw is started beside them.
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { CASES } from "./lib/cases.mjs";
import { summary } from "./lib/figures.mjs";
import { buildGenerator, faults, measure } from "./lib/load.mjs";
import { number, table } from "./lib/report.mjs";
import { prepare } from "./lib/servers.mjs";

const { values: options, positionals: bundles } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    starts: { type: "string", default: "21" },
    cases: { type: "string", default: "quiet-100x1,echo-1x1,echo-kept-1x1,hot-1000x100,kept-1000x20,join-2000" },
    seconds: { type: "string", default: "3" },
    cores: { type: "string", default: "0,1" },
  },
});
const [serverCore, cpu] = options.cores.split(",");
const wanted = ["cold-start", ...options.cases.split(",").filter(Boolean)].map((name) => CASES.find((known) => known.name === name));
const generator = buildGenerator();
const peers = [["raw", await prepare({ peers: ["raw"], cpu: serverCore })]];
for (const bundle of bundles) peers.push([bundle, await prepare({ peers: ["dormouse"], bundle, cpu: serverCore })]);
console.log(`Load average before: ${load()}. Medians, and in brackets the least and the most.`);
try {
  for (const testCase of wanted) {
    const columns = await measured(testCase);
    const rows = peers.map(([name], index) => [name, weight(name), ...columns.map(([, cells]) => cells[index])]);
    console.log([`\n### ${testCase.name}`, testCase.what, "", table(["build", "KiB gzipped", ...columns.map(([title]) => title)], rows)].join("\n"));
  }
} finally {
  for (const [, servers] of peers) servers.remove();
}
console.log(`\nLoad average after: ${load()}.`);

function load() {
  return loadavg().map((average) => average.toFixed(2)).join(" ");
}

/** Runs a case on everybody in turn, each round begun by another; its columns, each with a cell for every build. */
async function measured(testCase) {
  const found = peers.map(() => []);
  const rounds = Number(testCase.starts ? options.starts : options.rounds);
  const pace = testCase.command === "traffic" ? { warmup: 1, seconds: Number(options.seconds), drain: 60 } : {};
  const work = { ...testCase.work, ...pace };
  for (let round = 0; round < rounds; round += 1) {
    for (let place = 0; place < peers.length; place += 1) {
      const index = (place + round) % peers.length;
      const [name, servers] = peers[index];
      if (name === "raw" && !testCase.peers.includes("raw")) continue;
      const result = await measure({ servers, generator, cpu }, testCase, name === "raw" ? "raw" : "dormouse", work);
      for (const fault of faults(result)) console.log(`! ${testCase.name}, ${name}: ${fault}`);
      found[index].push(result);
    }
    process.stderr.write(`${testCase.name}: ${round + 1} of ${rounds}, load ${load()}\n`);
  }
  const metrics = testCase.starts ? ["start_ms", "welcome_ms", "welcome_cpu_ms"] : [testCase.reach?.[0].metric ?? "deliveries_per_s"];
  if (testCase.command === "traffic") metrics.push("cpu_us_per_delivery");
  return metrics.map((metric) => [metric, found.map((results) => cell(summary(results), metric))]);
}

function cell(figures, metric) {
  const [least, most] = figures.spread[metric] ?? [];
  return figures[metric] === undefined ? "–" : `${number(figures[metric])} (${number(least)}–${number(most)})`;
}

function weight(bundle) {
  return bundle === "raw" ? "–" : number(gzipSync(readFileSync(join(bundle, "index_bg.wasm")), { level: 9 }).length / 1024);
}
