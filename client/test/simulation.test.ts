import { test } from "node:test";
import { prove, seeds } from "./support/dice.ts";

const SEEDS = seeds(2_000);

/** What has to have happened, often, for the test to prove anything. */
const KINDS = [
  ...["cuts", "stalls", "mutes", "half_closes", "late_joins", "outages", "blocks", "clock_steps", "back_after_gave_up", "back_after_removed"],
  ...["forgotten", "resumed", "behind", "losses", "duplicates"],
  ...["refused_rate_limited", "refused_internal", "refused_invalid_data", "refused_forbidden"],
];

/** The same of a channel with code of its own. */
const ASKED = [
  ...["cuts", "stalls", "mutes", "half_closes", "late_joins", "forgotten", "resumed", "behind", "losses"],
  ...["calls", "replies_again", "calls_refused", "asked_answered", "asked_offline", "asked_timeout", "asked_internal", "asked_I"],
];
const ASKED_SEEDS = seeds(1_000);

test(`c3_c5_each_call_is_answered_once_and_none_runs_twice_in_${ASKED_SEEDS.count}_seeded_stories`, async (context) => {
  await prove(context, "./asking.ts", ASKED_SEEDS, ASKED);
});

test(`d4_d6_d7_nothing_is_lost_doubled_or_reordered_in_${SEEDS.count}_seeded_stories`, async (context) => {
  await prove(context, "./stories.ts", SEEDS, KINDS);
});
