// Prints and writes what a run has found: the table, the plots, and every figure as JSON.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { root } from "../../scripts/project.mjs";
import { PEERS } from "./cases.mjs";
import { plot } from "./plot.mjs";
import { section } from "./report.mjs";

/** Prints the table, and with `json` the figures as the last line; writes all of it below `options.out`. */
export function publish(done, options) {
  const setup = circumstances(options);
  const drawn = Object.entries(plots(done)).filter(([, svg]) => svg);
  const report = [...preface(setup), ...goals(done), ...done.map(chapter)].join("\n");
  const cases = done.map(({ name, peers, verdicts, left_out }) => ({ name, ...complete(peers), verdicts, left_out }));
  const whole = JSON.stringify({ cases, ...setup });
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, "table.md"), report);
  writeFileSync(join(options.out, "results.json"), `${whole}\n`);
  for (const [name, svg] of drawn) writeFileSync(join(options.out, name), svg);
  if (options.keep) keep(report, drawn);
  console.log(report);
  if (options.json) console.log(whole);
}

/** Puts the run where the repository keeps the last one. */
function keep(report, drawn) {
  const place = join(root, "bench");
  const pictures = drawn.map(([name]) => `![${name}](${name})`);
  writeFileSync(join(place, "RESULTS.md"), ["# The last full run", "", report, ...pictures, ""].join("\n"));
  for (const [name, svg] of drawn) writeFileSync(join(place, name), svg);
}

/** All that was to be reached, in one table. */
function goals(done) {
  const rows = done.flatMap(({ name, verdicts }) => verdicts.map((verdict) => goal(name, verdict)));
  return rows.length ? ["| case | to reach | measured | |", "| --- | --- | ---: | --- |", ...rows, ""] : [];
}

function goal(name, { goal, figure, reached, stretch, stretch_reached }) {
  const further = stretch === undefined ? "" : `, stretch ${stretch}x ${stretch_reached ? "reached" : "not reached"}`;
  return `| ${name} | ${goal} | ${figure} | ${reached ? "reached" : "**not reached**"}${further} |`;
}

function preface(setup) {
  const versions = Object.entries(setup.versions).map(([name, version]) => `${name} ${version}`);
  const { bundle_kib: bundle } = setup;
  return [
    `Measured on ${setup.date} on ${setup.cores} cores of ${setup.cpu}, ${setup.memory_gb} GB, Linux ${setup.kernel}, ` +
      `in ${setup.seconds} s by \`${setup.command}\`.`,
    `Load average of the last 15 minutes at its end: ${setup.load}. Versions: ${versions.join(", ")}.`,
    ...(bundle ? [`The service is ${bundle.plain} KiB, ${bundle.gzip} KiB gzipped.`] : []),
    "",
  ];
}

function chapter(entry) {
  return entry.left_out ? `### ${entry.name}\n\nLeft out: ${entry.left_out}.\n` : section(entry, entry.testCase);
}

/** The figures that every case tells, null where a case has no such figure. */
function complete(peers) {
  const blank = { deliveries_per_s: null, p50_ms: null, p99_ms: null, rss_kb: null, rows_written: 0 };
  return Object.fromEntries(Object.entries(peers).map(([peer, figures]) => [peer, { ...blank, ...figures }]));
}

function plots(done) {
  const growth = done.filter(({ testCase }) => testCase.plot);
  const points = (peer, metric) => growth.map(({ testCase, peers }) => [testCase.plot, peers[peer]?.[metric]]).filter(([, y]) => y);
  const series = (metric) => Object.fromEntries(PEERS.map((peer) => [peer, points(peer, metric)]).filter(([, found]) => found.length));
  const x = "members of one channel (10 of them publish)";
  return {
    "deliveries.svg": plot({ title: "Deliveries a second", x, y: "deliveries/s", series: series("deliveries_per_s") }),
    "p99.svg": plot({ title: "Publish to delivery, 99th percentile", x, y: "ms", series: series("p99_ms") }),
  };
}

function circumstances({ begin, quick, bundle, peers }) {
  const require = createRequire(import.meta.url);
  // Some packages do not let their package.json be required.
  const version = (name) => JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;
  return {
    date: new Date(begin).toISOString().slice(0, 10),
    cpu: cpus()[0].model,
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    load: loadavg()[2].toFixed(2),
    versions: {
      dormouse: version(".."),
      workerd: require("workerd").version,
      partyserver: version("partyserver"),
      ws: version("ws"),
      node: process.versions.node,
    },
    bundle_kib: peers.includes("dormouse") ? weigh(bundle) : undefined,
    command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
    quick,
    seconds: Math.round((Date.now() - begin) / 1000),
  };
}

/** What is uploaded, in KiB, as it is and gzipped. */
function weigh(bundle) {
  const files = ["index.js", "index_bg.wasm"].map((file) => readFileSync(join(bundle, file)));
  const kib = (buffers) => Math.round(buffers.reduce((sum, { length }) => sum + length, 0) / 1024);
  return { plain: kib(files), gzip: kib(files.map((file) => gzipSync(file, { level: 9 }))) };
}
