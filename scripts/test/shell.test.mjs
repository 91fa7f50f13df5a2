// @ts-check
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../project.mjs";

const shell = join(root, "crates/dormouse/src/shell");
const sources = readdirSync(shell).filter((name) => name.endsWith(".rs")).map((name) => ({ name, text: readFileSync(join(shell, name), "utf8") }));

/** The functions bound in a source, each with the attribute before it. @param {string} text */
function bindings(text) {
  const blocks = [...text.matchAll(/^extern "C" \{\n(.*?)^\}/gms)].map(([, block]) => block);
  return blocks.flatMap((block) => [...block.matchAll(/((?:^ +#\[[^\n]*\n)*)^ +(?:pub(?:\([a-z]+\))? )?(?:async )?fn (\w+)/gm)].map(([, attributes, name]) => ({ attributes, name })));
}

test("every binding of the shell catches what it throws: an exception that nobody catches ends every object of the isolate", () => {
  const all = sources.flatMap(({ name, text }) => bindings(text).map((binding) => ({ file: name, ...binding })));
  assert.ok(all.length > 20, "they are found");
  const careless = all.filter(({ attributes }) => !/\bcatch\b/.test(attributes)).map(({ file, name }) => `${file}: ${name}`);
  assert.deepEqual(careless, []);
});

test("what runs on Drop calls nothing but a holder's forget, which touches no platform", () => {
  const drops = sources.flatMap(({ name, text }) => [...text.matchAll(/^impl[^\n]* Drop for [^\n]*\{\n(.*?)^\}/gms)].map(([, body]) => ({ name, body })));
  const calls = drops.map(({ name, body }) => [name, [...body.matchAll(/\.(\w+)\(/g)].map(([, call]) => call)]);
  assert.deepEqual(calls, [["timer.rs", ["get", "forget"]]]);
  const forget = /^ {2}forget\(\) \{(.*)\}$/m.exec(readFileSync(join(shell, "timer.js"), "utf8"))?.[1];
  assert.equal(forget?.trim(), "this.fired = undefined;");
});
