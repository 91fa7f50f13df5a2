// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { allowed, npmPackages, parseRules } from "../licences.mjs";

const allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];

for (const [expression, expected] of /** @type {[string, boolean][]} */ ([
  ["MIT", true],
  ["GPL-3.0-only", false],
  ["", false],
  ["GPL-3.0-only OR MIT", true],
  ["MIT AND GPL-3.0-only", false],
  ["MIT AND GPL-3.0-only OR Apache-2.0", true],
  ["GPL-3.0-only OR MIT AND Zlib", false],
  ["(MIT OR Apache-2.0) AND Unicode-3.0", true],
  ["(MIT OR Apache-2.0) AND GPL-3.0-only", false],
  ["MIT AND (GPL-3.0-only OR Zlib)", false],
  ["Apache-2.0 WITH LLVM-exception", true],
  ["GPL-2.0-only WITH Classpath-exception-2.0", false],
  ["MIT/Zlib", true],
  ["GPL-3.0-only / Zlib", false],
  ["MIT GPL-3.0-only", false],
])) {
  test(`the licence "${expression}" is ${expected ? "allowed" : "refused"}`, () => {
    assert.equal(allowed(expression, allow), expected);
  });
}

test("the lists of deny.toml are read without its comments, and a missing one is told", () => {
  const text = '[licenses]\nallow = [\n  "MIT", # "GPL"\n  "Zlib",\n]\n[bans]\ndeny = [\n  # "left-pad",\n  "rsa", # leaks\n]\n';
  assert.deepEqual(parseRules(text), { allow: ["MIT", "Zlib"], deny: ["rsa"] });
  assert.throws(() => parseRules("[licenses]\n"), /no list "allow"/);
});

test("a scoped and a nested package are named as npm names them", () => {
  const lock = { packages: { "": { name: "x" }, "node_modules/a/node_modules/@b/c": { version: "1.0.0", license: "MIT" } } };
  assert.deepEqual(npmPackages(JSON.stringify(lock)), [{ name: "@b/c", version: "1.0.0", license: "MIT" }]);
});
