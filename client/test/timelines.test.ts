import assert from "node:assert/strict";
import { test } from "node:test";
import { told } from "./support/dice.ts";

/** Each seed is another story; a failing one is told, and can be told alone: `SEED=17 SEEDS=1`. */
const SEEDS = Number(process.env["SEEDS"] ?? 400);
const FIRST = Number(process.env["SEED"] ?? 1);

/** What has to have happened, often, for the test to prove anything. */
const KINDS = [
  ...["cuts", "lives", "begun_anew", "reloads", "reloads_with_position", "looks_back", "failed", "behind", "losses", "duplicates"],
  ...["refused_rate_limited", "refused_internal", "refused_invalid_data", "refused_forbidden"],
];

test(`d4_d6_a_timeline_is_what_is_kept_in_order_without_gap_or_double_in_${SEEDS}_seeded_stories`, async (context) => {
  const { total, failed } = await told("./lists.ts", FIRST, SEEDS);
  assert.deepEqual(failed, []);
  const rare = SEEDS < 100 ? [] : KINDS.filter((name) => (total[name] ?? 0) < SEEDS / 20);
  assert.deepEqual(rare, [], "the weather is worth its name");
  context.diagnostic(
    Object.entries(total)
      .map(([name, count]) => `${count} ${name}`)
      .join(", "),
  );
});
