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

const SESSION_SEEDS = seeds(300);

test(`m5_c3_c5_the_same_holds_of_calls_over_a_session_in_${SESSION_SEEDS.count}_seeded_stories`, async (context) => {
  await prove(context, "./asking.ts", SESSION_SEEDS, ASKED, "session with the channel's token");
});

test(`m5_d4_d6_d7_the_same_holds_over_a_session_in_${SESSION_SEEDS.count}_seeded_stories`, async (context) => {
  await prove(context, "./stories.ts", SESSION_SEEDS, KINDS, "session");
});

const MANY_SEEDS = seeds(150);

test(`m5_d4_d6_d7_the_same_holds_of_three_channels_of_one_session_in_${MANY_SEEDS.count}_seeded_stories`, async (context) => {
  const met = KINDS.filter((kind) => !["stalls", "mutes"].includes(kind));
  await prove(context, "./stories.ts", MANY_SEEDS, met, "one session");
});
