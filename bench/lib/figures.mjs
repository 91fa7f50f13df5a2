// Medians, spreads, and whether what was to be reached is reached.

/** The median of numbers. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The rounds of one peer as one object: of each metric the median, and under `spread` the least and the most. */
export function summary(rounds) {
  const result = { rounds: rounds.length, spread: {} };
  for (const name of new Set(rounds.flatMap(Object.keys))) {
    const values = rounds.map((round) => round[name]).filter((value) => value !== undefined && value !== null);
    if (values.every((value) => typeof value === "number") && values.length) {
      result[name] = round(median(values));
      result.spread[name] = [round(Math.min(...values)), round(Math.max(...values))];
    } else if (values.length && name !== "event") {
      result[name] = values.at(-1);
    }
  }
  return result;
}

/** The goals of a case with the figure that was measured: `{ goal, figure, reached, stretch }`. */
export function verdicts(testCase, peers) {
  return (testCase.reach ?? []).flatMap((reach) => {
    const figure = compared(reach, peers);
    const limit = reach.least ?? reach.most;
    if (figure === undefined || limit === undefined) return [];
    const meets = (limit) => (reach.least !== undefined ? figure >= limit : figure <= limit);
    const sign = reach.least !== undefined ? "≥" : "≤";
    const bound = reach.over ? `${reach.over} + ${limit}` : `${limit}${reach.against ? `x ${reach.against}` : ""}`;
    const stretch = reach.stretch === undefined ? {} : { stretch: reach.stretch, stretch_reached: meets(reach.stretch) };
    const metric = reach.of ? `${reach.metric} of ${reach.of}` : reach.metric;
    return [{ goal: `${metric} ${sign} ${bound}`, figure: round(figure), reached: meets(limit), ...stretch }];
  });
}

/** Dormouse's figure, or that of `of`, as a goal looks at it: alone, divided by a peer's, or what it is over a peer's. */
function compared({ metric, of = "dormouse", against, over }, peers) {
  const own = peers[of]?.[metric];
  if (!against && !over) return own;
  const other = peers[against ?? over]?.[metric];
  if (own === undefined || other === undefined) return undefined;
  if (over) return own - other;
  // Nothing against nothing (no CPU time at all) is a draw.
  return own === other ? 1 : own / other;
}

/** A number with as many digits as one reads. */
export function round(value) {
  if (!Number.isFinite(value) || Number.isInteger(value)) return value;
  const digits = Math.max(0, 4 - Math.ceil(Math.log10(Math.abs(value) + 1e-12)));
  return Number(value.toFixed(Math.min(digits, 6)));
}
