// What came when, counted and drawn.

/** How many of these times fall into each bucket of so many milliseconds, from 0 on. */
export function histogram(times: readonly number[], bucket: number): number[] {
  const last = times.reduce((most, time) => Math.max(most, time), 0);
  const counts = Array.from({ length: Math.floor(last / bucket) + 1 }, () => 0);
  for (const time of times) counts[Math.floor(time / bucket)] += 1;
  return counts;
}

export interface Series {
  readonly name: string;
  readonly colour: string;
  readonly counts: readonly number[];
}

export interface Drawing {
  readonly title: string;
  /** The width of a bucket, in milliseconds. */
  readonly bucket: number;
  /** Drawn one below the other over the same time. */
  readonly series: readonly Series[];
  /** Moments worth a line, in milliseconds. */
  readonly marks: readonly { readonly at: number; readonly name: string }[];
}

const bar = 3;
const high = 150;
const left = 44;

/** Histograms over one time, as SVG. */
export function draw({ title, bucket, series, marks }: Drawing): string {
  const buckets = Math.max(...series.map(({ counts }) => counts.length));
  const wide = Math.max(left + buckets * bar + 20, 560);
  const place = (ms: number) => left + (ms / bucket) * bar;
  const bottom = 30 + series.length * (high + 40);
  const panels = series.map((one, index) => panel(one, 40 + index * (high + 40) + high));
  const lines = marks.map(({ at, name }) =>
    `<line x1="${place(at)}" x2="${place(at)}" y1="34" y2="${bottom - 20}" stroke="#3f6b34" stroke-dasharray="4 3"/>` +
    `<text x="${place(at) + 4}" y="44" fill="#3f6b34">${name}</text>`);
  const seconds = Array.from({ length: Math.floor((buckets * bucket) / 5_000) + 1 }, (_, index) =>
    `<text x="${place(index * 5_000)}" y="${bottom}">${index * 5} s</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${bottom + 12}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/><text x="${left}" y="20" font-size="13">${title}</text>
${[...panels, ...lines, ...seconds].join("\n")}
</svg>
`;
}

/** One histogram that stands on this line. */
function panel({ name, colour, counts }: Series, base: number): string {
  const most = Math.max(...counts, 1);
  // One path a panel: a picture that lies in the repository should be small.
  const bars = counts.map((count, index) =>
    count === 0 ? "" : `M${left + index * bar},${base}v-${((high * count) / most).toFixed(1)}h${bar - 0.5}V${base}z`);
  return `<path d="${bars.join("")}" fill="${colour}"/><line x1="${left}" x2="100%" y1="${base}" y2="${base}" stroke="#999"/>` +
    `<text x="${left - 6}" y="${base - high + 8}" text-anchor="end">${most}</text>` +
    `<text x="100%" dx="-20" y="${base - high + 8}" text-anchor="end" fill="${colour}">${name}</text>`;
}
