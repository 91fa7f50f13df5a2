import { test } from "node:test";
import { prove, seeds } from "./support/dice.ts";

const SEEDS = seeds(400);

/** What has to have happened, often, for the test to prove anything. */
const KINDS = [
  ...["cuts", "lives", "begun_anew", "reloads", "reloads_with_position", "looks_back", "failed", "behind", "losses", "duplicates", "back"],
  ...["refused_rate_limited", "refused_internal", "refused_invalid_data", "refused_forbidden"],
];

test(`d4_d6_a_timeline_is_what_is_kept_in_order_without_gap_or_double_in_${SEEDS.count}_seeded_stories`, async (context) => {
  await prove(context, "./lists.ts", SEEDS, KINDS);
});
