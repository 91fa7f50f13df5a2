import assert from "node:assert/strict";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import type { Outcome, Wanted } from "./support/stories.ts";

/** Each seed is another story; a failing one is told, and can be told alone: `SEED=17 SEEDS=1`. */
const SEEDS = Number(process.env["SEEDS"] ?? 2_000);
const FIRST = Number(process.env["SEED"] ?? 1);

/** What has to have happened, often, for the test to prove anything. */
const KINDS = [
  ...["cuts", "stalls", "mutes", "half_closes", "late_joins", "outages", "blocks", "clock_steps"],
  ...["forgotten", "resumed", "behind", "losses", "duplicates"],
  ...["refused_rate_limited", "refused_internal", "refused_invalid_data", "refused_forbidden"],
];

/** Has a thread tell its share of the stories. */
async function told(wanted: Wanted): Promise<Outcome> {
  const worker = new Worker(new URL("./support/stories.ts", import.meta.url), { workerData: wanted });
  const [outcome] = (await once(worker, "message")) as [Outcome];
  return outcome;
}

test(`d4_d6_d7_nothing_is_lost_doubled_or_reordered_in_${SEEDS}_seeded_stories`, async (context) => {
  const by = Math.min(4, availableParallelism());
  const shares = Array.from({ length: by }, (_, at) => told({ first: FIRST + at, end: FIRST + SEEDS, by }));
  const outcomes = await Promise.all(shares);
  assert.deepEqual(outcomes.flatMap(({ failed }) => failed), []);
  const total: Record<string, number> = {};
  for (const outcome of outcomes) for (const [name, count] of Object.entries(outcome.total)) total[name] = (total[name] ?? 0) + count;
  const rare = SEEDS < 100 ? [] : KINDS.filter((name) => (total[name] ?? 0) < SEEDS / 20);
  assert.deepEqual(rare, [], "the weather is worth its name");
  context.diagnostic(
    Object.entries(total)
      .map(([name, count]) => `${count} ${name}`)
      .join(", "),
  );
});
