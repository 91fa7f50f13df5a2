import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { CLIENT_BUDGET, CLIENT_USE, SESSION_BUDGET, SESSION_USE, weigh } from "../build.mjs";

for (const [what, use, budget] of [
  ["the_client", CLIENT_USE, CLIENT_BUDGET],
  ["the_client_with_sessions", SESSION_USE, SESSION_BUDGET],
] as const)
  test(`${what}_weighs_at_most_${budget}_bytes_as_a_page_bundles_it_minified_and_gzipped`, async () => {
    const bytes = await weigh(use);
    console.log(`${what} weighs ${bytes} bytes minified and gzipped`);
    assert.ok(bytes <= budget, `${bytes} bytes are more than ${budget}`);
  });

test("token_sharing_is_a_separate_import_and_not_part_of_it", async () => {
  const client = await readFile(new URL("../src/index.ts", import.meta.url), "utf8");
  assert.doesNotMatch(client, /tabs/);
});

test("the_client_has_no_runtime_dependency_and_react_only_where_it_is_used", async () => {
  const about = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
  assert.deepEqual([about.dependencies, about.peerDependencies, about.peerDependenciesMeta], [undefined, { react: ">=18" }, { react: { optional: true } }]);
  const client = await readFile(new URL("../src/index.ts", import.meta.url), "utf8");
  assert.doesNotMatch(client, /react/);
});
