import assert from "node:assert/strict";
import { setTimeout as later } from "node:timers/promises";
import { test } from "node:test";
import { connect } from "../src/index.ts";
import type { TokenAsk } from "../src/index.ts";
import { shareToken } from "../src/tabs.ts";
import type { SharedToken } from "../src/tabs.ts";
import { World, jwt } from "./support/world.ts";

const ask = (reason: TokenAsk["reason"]): TokenAsk => ({ reason, signal: new AbortController().signal });

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
