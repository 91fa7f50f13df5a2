import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { World } from "./support/world.ts";

/** The tests of channels with a connection of their own, told again of channels that a session carries. */
const FILES = [
  ...["calls", "clock", "connection", "crowd", "delivery", "doubt", "gaps", "handles", "iteration", "listening", "machine"],
  ...["presence", "publish", "rate", "reconnect", "refused", "sends", "sign-in", "snapshot", "timeline", "token"],
];

/** What a session does in another way, and why; its own tests are in `session.test.ts` and `session-ends.test.ts`. */
const OTHERWISE = [
  // It is the session that has a socket, its address, its handshake and its closing.
  ...["a_service_that_cannot_be_reached_is_named", "a_socket_that_only_tells_an_error", "a_socket_that_begins_to_close", "whose_token_cannot_stand_in_a_handshake"],
  "close_is_over_after_two_seconds_where_the_other_side_never_answers",
  // It is the session that is told what a `ping` took, sees every text, counts attempts and is put aside with its page.
  ...["r6_a_pong_or_anything_else", "r6_a_clock_set", "a_trace_that_throws", "the_console_is_told", "max_attempts_counts_failed", "a_page_that_is_put_aside"],
  // It stays when the channel goes, and with it its heartbeat and its ear for the network.
  ...["leaves_no_timer", "leaves_its_list_no_timer", "stays_closed_and_holds_nothing", "d6_what_is_to_be_asked_again_is_not_asked_on_another"],
  // It greets a session only with its first channel, which is an artifact of these tests.
  "a_token_function_that_never_settles_is_given_up_after_thirty",
];

/** What differs where the token is the session's: it is renewed by `auth`, and a channel's sign-in is of that channel alone. */
const SESSIONS_TOKEN = [
  ...["a_join_does_not_wait_for_a_renewal", "a_network_that_fails_between_refusal_and_welcome", "a_token_asked_for_is_not_asked_for_twice", "r3_4300_asks"],
  ...["a5_a_late_answer_of_a_renewal", "a5_a_sign_in_that_overtakes", "a5_one_auth_is_under_way", "a7_a_guest_whose_token_function"],
  ...["a5_a_sign_in_after_reconnect_is_who_joins", "a5_a_token_that_is_asked_for_after_reconnect"],
];

for (const [way, otherwise] of [
  ["session with the channel's token", OTHERWISE],
  ["session", [...OTHERWISE, ...SESSIONS_TOKEN]],
] as [typeof World.way, string[]][])
  test(`m5_the_tests_of_a_channel_hold_over_a_${way.replaceAll(/[ ']/g, "_")}`, async (context) => {
    const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const skipped = otherwise.map((name) => `--test-skip-pattern=${name}`);
    const options = ["--import", new URL("./support/way.ts", import.meta.url).href, "--test", "--test-reporter=tap", ...skipped];
    const files = FILES.map((name) => here(`./${name}.test.ts`));
    const { code, output } = await new Promise<{ code: unknown; output: string }>((done) => {
      execFile(process.execPath, [...options, ...files], { env: { ...env, DORMOUSE_WAY: way }, maxBuffer: 1 << 26 }, (error, output) => done({ code: error?.code, output }));
    });
    const failed = output.split("\n").filter((line) => /^ *not ok/.test(line));
    assert.deepEqual([code, failed], [undefined, []]);
    const passed = Number(/^# pass (\d+)$/m.exec(output)?.[1]);
    assert.ok(passed > 250, `${passed} tests passed`);
    context.diagnostic(`${passed} tests`);
  });
