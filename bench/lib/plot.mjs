// A plot of lines over two logarithmic axes, as an SVG that reads on white and on black.

const WIDTH = 760;
const HEIGHT = 440;
const FRAME = { left: 86, right: 130, top: 46, bottom: 54 };
const COLOURS = { dormouse: "#d9480f", relay: "#f08c00", raw: "#1971c2", "raw-kept": "#2f9e44", partyserver: "#9c36b5", ws: "#868e96" };

/** Draws `series`, `{ name: [[x, y], …] }`; points that are not positive have no place on such axes. */
export function plot({ title, x, y, series }) {
  const lines = Object.entries(series).map(([name, points]) => [name, points.filter(([a, b]) => a > 0 && b > 0)]);
  const all = lines.flatMap(([, points]) => points);
  if (!all.length) return null;
  const across = axis(all.map(([a]) => a), FRAME.left, WIDTH - FRAME.right);
  const up = axis(all.map(([, b]) => b), HEIGHT - FRAME.bottom, FRAME.top);
  const parts = [
    ...across.ticks.map((tick) => grid(across.at(tick), FRAME.top, across.at(tick), HEIGHT - FRAME.bottom)),
    ...across.ticks.map((tick) => text(across.at(tick), HEIGHT - FRAME.bottom + 18, label(tick), "middle")),
    ...up.ticks.map((tick) => grid(FRAME.left, up.at(tick), WIDTH - FRAME.right, up.at(tick))),
    ...up.ticks.map((tick) => text(FRAME.left - 8, up.at(tick) + 4, label(tick), "end")),
    text(WIDTH / 2, 24, title, "middle", 16),
    text((FRAME.left + WIDTH - FRAME.right) / 2, HEIGHT - 12, x, "middle"),
    `<text transform="translate(20 ${(FRAME.top + HEIGHT - FRAME.bottom) / 2}) rotate(-90)" text-anchor="middle">${y}</text>`,
    ...lines.map(([name, points]) => line(name, points.map(([a, b]) => [across.at(a), up.at(b)]))),
    ...names(lines, up),
  ];
  const style = `font-family="system-ui, sans-serif" font-size="12" fill="#868e96"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ${style}>\n${parts.join("\n")}\n</svg>\n`;
}

/** Whole decades around the values, laid between two places. */
function axis(values, from, to) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  return { ticks, at: (value) => Math.round(from + ((Math.log10(value) - low) / (high - low)) * (to - from)) };
}

/** The name of each line at its last point, moved apart where they would overlap. */
function names(lines, up) {
  const ends = lines.filter(([, points]) => points.length).map(([name, points]) => ({ name, y: up.at(points.at(-1)[1]) + 4 }));
  ends.sort((a, b) => a.y - b.y);
  for (let index = 1; index < ends.length; index += 1) ends[index].y = Math.max(ends[index].y, ends[index - 1].y + 15);
  return ends.map(({ name, y }) => `<text x="${WIDTH - FRAME.right + 10}" y="${y}" fill="${COLOURS[name]}">${name}</text>`);
}

function line(name, points) {
  const dots = points.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3"/>`).join("");
  const path = points.map(([x, y], index) => `${index ? "L" : "M"}${x} ${y}`).join("");
  return `<g fill="${COLOURS[name]}" stroke="${COLOURS[name]}"><path d="${path}" fill="none" stroke-width="2"/>${dots}</g>`;
}

function grid(x1, y1, x2, y2) {
  return `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="#868e96" stroke-opacity="0.3"/>`;
}

function text(x, y, content, anchor, size) {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${size ? ` font-size="${size}"` : ""}>${content}</text>`;
}

function label(value) {
  return value >= 1e6 ? `${value / 1e6} M` : value >= 1e3 ? `${value / 1e3} k` : String(Number(value.toPrecision(1)));
}
