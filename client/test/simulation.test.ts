import { test } from "node:test";
import { prove, seeds } from "./support/dice.ts";

const SEEDS = seeds(2_000);

/** What has to have happened, often, for the test to prove anything. */
const KINDS = [
  ...["cuts", "stalls", "mutes", "half_closes", "late_joins", "outages", "blocks", "clock_steps", "back_after_gave_up", "back_after_removed"],
  ...["forgotten", "resumed", "behind", "losses", "duplicates"],
  ...["refused_rate_limited", "refused_internal", "refused_invalid_data", "refused_forbidden"],
];

test(`d4_d6_d7_nothing_is_lost_doubled_or_reordered_in_${SEEDS.count}_seeded_stories`, async (context) => {
  await prove(context, "./stories.ts", SEEDS, KINDS);
});
