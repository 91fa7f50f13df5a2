// One case as a Markdown table, for a terminal and for RESULTS.md.
import { faults } from "./load.mjs";

const COLUMNS = [
  ["peer", (name) => name],
  ["deliveries/s", (_, figures) => number(figures.deliveries_per_s)],
  ["p50 ms", (_, figures) => number(figures.p50_ms)],
  ["p99 ms", (_, figures) => number(figures.p99_ms)],
  ["p99 spread", (_, figures) => spread(figures.spread?.p99_ms)],
  ["bytes/delivery", (_, figures) => number(figures.bytes_per_delivery)],
  ["µs CPU/delivery", (_, figures) => number(figures.cpu_us_per_delivery)],
  ["rss MB", (_, figures) => number(figures.rss_kb === undefined ? undefined : figures.rss_kb / 1024)],
  ["rows", (_, figures) => number(figures.rows_written)],
];

/** One case as Markdown: what it is, a row for each peer, and what was odd. */
export function section(entry, testCase) {
  const more = (testCase.show ?? []).map((metric) => [metric, (_, figures) => number(figures[metric])]);
  if (testCase.spread) more.push([`${testCase.spread} spread`, (_, figures) => spread(figures.spread?.[testCase.spread])]);
  const busy = ["server / load CPU", (_, figures) => `${percent(figures.server_cpu)} / ${percent(figures.load_cpu)}`];
  const names = Object.keys(entry.peers);
  const filled = ([, cell]) => names.some((name) => !/^[–/ ]*$/.test(cell(name, entry.peers[name])));
  const columns = [...COLUMNS, ...more, busy].filter(filled);
  const rows = names.map((name) => columns.map(([, cell]) => cell(name, entry.peers[name])));
  const notes = names.flatMap((name) => remarks(entry.peers[name]).map((remark) => `- ${name}: ${remark}`));
  return [`### ${entry.name}`, testCase.what, "", table(columns.map(([title]) => title), rows), "", ...notes, ""].join("\n");
}

function remarks(figures) {
  const found = faults(figures);
  if (figures.drained === false) found.push(`${number(figures.undelivered)} deliveries were still due when the run ended`);
  return found;
}

/** Rows of text as a Markdown table. */
export function table(titles, rows) {
  const widths = titles.map((title, index) => Math.max(title.length, ...rows.map((row) => row[index].length)));
  const line = (cells) => `| ${cells.map((cell, index) => (index ? cell.padStart(widths[index]) : cell.padEnd(widths[index]))).join(" | ")} |`;
  const rule = `| ${widths.map((width, index) => (index ? `${"-".repeat(width - 1)}:` : "-".repeat(width))).join(" | ")} |`;
  return [line(titles), rule, ...rows.map(line)].join("\n");
}

/** A number as one reads it. */
export function number(value) {
  if (value === undefined || value === null) return "–";
  if (typeof value !== "number") return JSON.stringify(value);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-GB");
  return String(Number(value.toPrecision(3)));
}

function spread(range) {
  return range ? `${number(range[0])}–${number(range[1])}` : "–";
}

function percent(share) {
  return share === undefined ? "–" : `${Math.round(share * 100)} %`;
}
