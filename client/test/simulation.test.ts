import assert from "node:assert/strict";
import { test } from "node:test";
import { told } from "./support/dice.ts";

/** Each seed is another story; a failing one is told, and can be told alone: `SEED=17 SEEDS=1`. */
const SEEDS = Number(process.env["SEEDS"] ?? 2_000);
const FIRST = Number(process.env["SEED"] ?? 1);

/** What has to have happened, often, for the test to prove anything. */
const KINDS = [
  ...["cuts", "stalls", "mutes", "half_closes", "late_joins", "outages", "blocks", "clock_steps"],
  ...["forgotten", "resumed", "behind", "losses", "duplicates"],
  ...["refused_rate_limited", "refused_internal", "refused_invalid_data", "refused_forbidden"],
];

test(`d4_d6_d7_nothing_is_lost_doubled_or_reordered_in_${SEEDS}_seeded_stories`, async (context) => {
  const { total, failed } = await told("./stories.ts", FIRST, SEEDS);
  assert.deepEqual(failed, []);
  const rare = SEEDS < 100 ? [] : KINDS.filter((name) => (total[name] ?? 0) < SEEDS / 20);
  assert.deepEqual(rare, [], "the weather is worth its name");
  context.diagnostic(
    Object.entries(total)
      .map(([name, count]) => `${count} ${name}`)
      .join(", "),
  );
});
