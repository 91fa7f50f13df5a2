import assert from "node:assert/strict";
import { setImmediate, setTimeout as later } from "node:timers/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { connect } from "../src/index.ts";
import type { TokenAsk } from "../src/index.ts";
import { shareToken } from "../src/tabs.ts";
import type { SharedToken } from "../src/tabs.ts";
import { World, jwt, outcome } from "./support/world.ts";

/** What a client asks with before the service has told it the time, or after. */
const ask = (reason: TokenAsk["reason"], now = -Infinity, signal = new AbortController().signal): TokenAsk => ({ reason, signal, now });

/** Tabs of one user on one channel; each counts how often it was its turn to get a token. */
function tabs(
  count: number,
  { channel = `chat:${crypto.randomUUID()}`, user = "ann", minutes = 10 } = {},
): { tabs: SharedToken[]; gets: number[] } {
  const gets = Array.from({ length: count }, () => 0);
  const all = gets.map((_, at) =>
    shareToken({
      url: "http://service.test",
      channel,
      user,
      get: async () => {
        gets[at] = (gets[at] ?? 0) + 1;
        return jwt({ sub: user, exp: Date.now() / 1000 + 60 * minutes + gets.reduce((all, one) => all + one), n: crypto.randomUUID() });
      },
    }),
  );
  return { tabs: all, gets };
}

test("tabs_that_join_together_get_one_token", async () => {
  const { tabs: all, gets } = tabs(3);
  const tokens = await Promise.all(all.map(({ token }) => token(ask("join"))));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(
    gets.reduce((sum, one) => sum + one),
    1,
  );
  for (const tab of all) tab.close();
});

test("a_tab_that_comes_later_is_given_the_token_that_is_there", async () => {
  const channel = `chat:${crypto.randomUUID()}`;
  const first = tabs(1, { channel });
  const token = await first.tabs[0]?.token(ask("join"));
  const second = tabs(1, { channel });
  assert.equal(await second.tabs[0]?.token(ask("join")), token);
  assert.deepEqual(second.gets, [0]);
  for (const tab of [...first.tabs, ...second.tabs]) tab.close();
});

test("a_renewal_is_done_once_for_all_tabs", async () => {
  const { tabs: all, gets } = tabs(3);
  const before = await Promise.all(all.map(({ token }) => token(ask("join"))));
  const after = await Promise.all(all.map(({ token }) => token(ask("renew"))));
  assert.equal(new Set(after).size, 1);
  assert.notEqual(after[0], before[0]);
  assert.equal(
    gets.reduce((sum, one) => sum + one),
    2,
  );
  for (const tab of all) tab.close();
});

for (const hours of [5, -5]) {
  test(`tabs_share_by_the_services_clock_whatever_that_of_a_device_${hours}_hours_off_says`, async (context) => {
    const real = Date.now;
    const start = real();
    context.mock.method(Date, "now", () => real() + hours * 3_600_000);
    const channel = `chat:${crypto.randomUUID()}`;
    const got: string[] = [];
    const get = (): string => {
      const token = jwt({ sub: "ann", exp: start / 1_000 + 600 * (got.length + 1), n: got.length });
      got.push(token);
      return token;
    };
    const [first, second, third] = Array.from({ length: 3 }, () =>
      shareToken({ url: "http://service.test", channel, user: "ann", get }),
    ) as [SharedToken, SharedToken, SharedToken];
    // Nobody knows the time yet: what another has is good until the service says otherwise.
    assert.equal(await first.token(ask("join")), got[0]);
    assert.equal(await second.token(ask("join")), got[0]);
    // Ten minutes later the service has told them the time.
    assert.equal(await first.token(ask("renew", start + 540_000)), got[1]);
    assert.equal(await second.token(ask("renew", start + 540_000)), got[1]);
    assert.equal(await third.token(ask("join", start + 600_000)), got[1], "what it has heard of has run out");
    assert.equal(got.length, 2);
    for (const tab of [first, second, third]) tab.close();
  });
}

test("a_refused_token_is_not_handed_out_again", async () => {
  const { tabs: all } = tabs(2);
  const [first, second] = all;
  const refused = await first?.token(ask("join"));
  assert.equal(await second?.token(ask("join")), refused);
  assert.notEqual(await first?.token(ask("refused")), refused);
  for (const tab of all) tab.close();
});

test("other_users_and_other_channels_share_nothing", async () => {
  const channel = `chat:${crypto.randomUUID()}`;
  const groups = [tabs(1, { channel, user: "ann" }), tabs(1, { channel, user: "bob" }), tabs(1, { user: "ann" })];
  const tokens = await Promise.all(groups.map(({ tabs: [tab] }) => tab?.token(ask("join"))));
  assert.equal(new Set(tokens).size, 3);
  for (const {
    tabs: [tab],
    gets,
  } of groups) {
    assert.deepEqual(gets, [1]);
    tab?.close();
  }
});

test("a_token_for_somebody_else_is_refused_here", async () => {
  const tab = shareToken({
    url: "http://service.test",
    channel: "chat:a",
    user: "zoë",
    get: () => jwt({ sub: "mallory", exp: Date.now() }),
  });
  await assert.rejects(tab.token(ask("join")), { code: "forbidden" });
  tab.close();
  const own = shareToken({ url: "http://service.test", channel: "chat:a", user: "zoë", get: () => jwt({ sub: "zoë", exp: Date.now() }) });
  assert.equal(typeof (await own.token(ask("join"))), "string");
  own.close();
});

test("a_tab_whose_own_getting_fails_lets_the_next_one_try", async () => {
  const channel = `chat:${crypto.randomUUID()}`;
  const failing = shareToken({ url: "http://service.test", channel, user: "ann", get: () => Promise.reject(new Error("endpoint down")) });
  const {
    tabs: [other],
  } = tabs(1, { channel });
  const [first, second] = await Promise.allSettled([failing.token(ask("join")), other?.token(ask("join"))]);
  assert.deepEqual([first.status, second.status], ["rejected", "fulfilled"]);
  failing.close();
  other?.close();
});

test("a_sign_out_in_one_tab_closes_the_others", async () => {
  const world = new World();
  const { tabs: all } = tabs(2);
  const channels = all.map(({ token, signal }) => connect("http://service.test", "chat:lobby", { runtime: world.runtime, token, signal }));
  while (world.sockets.length < 2) await later(5);
  all[0]?.signOut();
  const errors = await Promise.all(channels.map(({ closed }) => closed));
  assert.deepEqual(
    errors.map((error) => error?.code),
    ["aborted", "aborted"],
  );
  assert.deepEqual(
    world.sockets.map(({ closedWith }) => closedWith),
    [1000, 1000],
  );
});

test("a_sign_out_after_close_or_a_second_one_still_signs_the_other_tabs_out_and_throws_nothing", async () => {
  const channel = `chat:${crypto.randomUUID()}`;
  for (const leave of [(tab?: SharedToken) => tab?.close(), (tab?: SharedToken) => tab?.signOut()]) {
    const [mine, theirs] = tabs(2, { channel }).tabs;
    leave(mine);
    const late = tabs(1, { channel }).tabs[0];
    mine?.signOut();
    mine?.signOut();
    mine?.close();
    await Promise.all([theirs, late].map((tab) => aborted(tab?.signal)));
    assert.equal(mine?.signal.aborted, true);
    assert.equal(await theirs?.token(ask("join")), null);
    theirs?.close();
  }
});

test("a_token_that_comes_after_the_sign_out_is_neither_used_nor_shared", async () => {
  const channel = `chat:${crypto.randomUUID()}`;
  let give: (token: string) => void = () => {};
  const get = (): Promise<string> => new Promise((resolve) => (give = resolve));
  const leaving = shareToken({ url: "http://service.test", channel, user: "ann", get: () => (got(), get()) });
  let got: () => void = () => {};
  const begun = new Promise<void>((settle) => (got = settle));
  const seen = leaving.token(ask("join"));
  await begun;
  leaving.signOut();
  const { tabs: later, gets } = tabs(1, { channel });
  give(jwt({ sub: "ann", exp: Date.now() / 1000 + 3_600 }));
  assert.equal(typeof (await later[0]?.token(ask("join"))), "string");
  assert.deepEqual([await seen, gets], [null, [1]]);
  later[0]?.close();
});

const aborted = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((settle) => (signal?.aborted ? settle() : signal?.addEventListener("abort", () => settle())));

/** A tab whose own getting never ends, with the lock held. */
async function stuck(channel: string, signal: AbortSignal): Promise<{ tab: SharedToken; seen: ReturnType<typeof outcome> }> {
  let called: () => void = () => {};
  const begun = new Promise<void>((settle) => (called = settle));
  const get = (): Promise<string> => (called(), new Promise<string>(() => {}));
  const tab = shareToken({ url: "http://service.test", channel, user: "ann", get });
  const seen = outcome(tab.token(ask("join", -Infinity, signal)));
  await begun;
  return { tab, seen };
}

test("a_tab_whose_getting_hangs_lets_the_lock_go_when_it_is_not_waited_for_any_more", async () => {
  const channel = `chat:${crypto.randomUUID()}`;
  const given = new AbortController();
  const { tab, seen } = await stuck(channel, given.signal);
  const { tabs: others } = tabs(1, { channel });
  const waiting = others[0]?.token(ask("join"));
  given.abort();
  assert.equal(typeof (await waiting), "string");
  assert.equal(seen.state, "failed");
  for (const each of [tab, ...others]) each?.close();
});

test("a_tab_that_waits_for_the_lock_and_is_not_waited_for_any_more_leaves_the_line", async () => {
  const channel = `chat:${crypto.randomUUID()}`;
  const first = await stuck(channel, new AbortController().signal);
  const given = new AbortController();
  const { tabs: others, gets } = tabs(1, { channel });
  const waiting = outcome(others[0]?.token(ask("join", -Infinity, given.signal)) ?? Promise.resolve(null));
  given.abort();
  while (waiting.state === "pending") await setImmediate();
  assert.deepEqual([waiting.state, gets], ["failed", [0]]);
  for (const each of [first.tab, ...others]) each?.close();
});

test("a_frozen_tab_holds_the_lock_for_twenty_seconds_at_most", async (context) => {
  const channel = `chat:${crypto.randomUUID()}`;
  const frozen = await stuck(channel, new AbortController().signal);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { tabs: others, gets } = tabs(3, { channel });
  const seen = others.map((tab) => outcome(tab.token(ask("join"))));
  let waited = 0;
  for (; seen.some(({ state }) => state === "pending"); waited += 100) {
    assert.ok(waited <= 21_000, "nobody waits longer");
    context.mock.timers.tick(100);
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  }
  assert.ok(waited >= 10_000);
  assert.deepEqual(
    seen.map(({ state }) => state),
    ["done", "done", "done"],
  );
  assert.equal(
    gets.reduce((sum, one) => sum + one),
    1,
    "one of them gets it for all",
  );
  for (const each of [frozen.tab, ...others]) each.close();
});

/** What a reader who blocks site data does to a page. */
const BLOCKED: Record<string, (context: TestContext) => void> = {
  the_lock(context) {
    const denied = async (): Promise<never> => {
      throw new DOMException("Access to the lock manager is denied.", "SecurityError");
    };
    context.mock.method(navigator.locks, "request", denied);
  },
  the_notes(context) {
    const { BroadcastChannel: real } = globalThis;
    globalThis.BroadcastChannel = class {
      constructor() {
        throw new DOMException("The operation is insecure.", "SecurityError");
      }
    } as unknown as typeof BroadcastChannel;
    context.after(() => (globalThis.BroadcastChannel = real));
  },
};

for (const [what, block] of Object.entries(BLOCKED)) {
  test(`where_the_browser_denies_${what}_each_tab_asks_for_itself_or_is_told`, async (context) => {
    block(context);
    const { tabs: all } = tabs(2);
    const tokens = await Promise.all(all.map(({ token }) => token(ask("join"))));
    assert.deepEqual(
      tokens.map((token) => typeof token),
      ["string", "string"],
    );
    for (const tab of all) {
      tab.signOut();
      tab.close();
      assert.equal(tab.signal.aborted, true);
    }
  });
}

test("a_getting_that_gives_no_text_is_for_the_client_to_judge", async () => {
  for (const nothing of [undefined, null]) {
    const get = (): string => nothing as unknown as string;
    const tab = shareToken({ url: "http://service.test", channel: `chat:${crypto.randomUUID()}`, user: "ann", get });
    assert.equal(await tab.token(ask("join")), nothing);
    tab.close();
  }
});
