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
    const own = peers.dormouse?.[reach.metric];
    const other = reach.against ? peers[reach.against]?.[reach.metric] : 1;
    const limit = reach.least ?? reach.most;
    if (own === undefined || other === undefined || limit === undefined) return [];
    // Nothing against nothing (no CPU time at all) is a draw.
    const figure = own === other ? (reach.against ? 1 : own) : own / other;
    const meets = (limit) => (reach.least !== undefined ? figure >= limit : figure <= limit);
    const sign = reach.least !== undefined ? "≥" : "≤";
    const goal = `${reach.metric} ${sign} ${limit}${reach.against ? `x ${reach.against}` : ""}`;
    const stretch = reach.stretch === undefined ? {} : { stretch: reach.stretch, stretch_reached: meets(reach.stretch) };
    return [{ goal, figure: round(figure), reached: meets(limit), ...stretch }];
  });
}

/** A number with as many digits as one reads. */
export function round(value) {
  if (!Number.isFinite(value) || Number.isInteger(value)) return value;
  const digits = Math.max(0, 4 - Math.ceil(Math.log10(Math.abs(value) + 1e-12)));
  return Number(value.toFixed(Math.min(digits, 6)));
}
