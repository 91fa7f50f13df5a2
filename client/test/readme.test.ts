import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { RETRYABLE } from "../src/errors.ts";
import { TABLE } from "../src/machine.ts";

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), "utf8");
const readme = await read("../README.md");

test("the_readme_holds_the_state_table_as_it_is", () => {
  const rows = Object.entries(TABLE).flatMap(([state, happenings]) =>
    Object.entries(happenings).map(
      ([happening, [to, ...effects]]) =>
        `| \`${state}\` | \`${happening}\` | \`${to}\` | ${effects.map((effect) => `\`${effect}\``).join(" ")} |`,
    ),
  );
  const held = readme.split("\n").filter((line) => /^\| `(idle|joining|open|waiting|closed)` \| `/.test(line));
  assert.deepEqual(held, rows);
});

test("the_readmes_example_is_the_one_that_compiles", async () => {
  const example = await read("../examples/chat.ts");
  assert.ok(readme.includes(example.replace("../src/index.ts", "dormouse-client")));
  assert.ok(example.trim().split("\n").length <= 18);
});

for (const [what, name] of [
  ["calls", "dice"],
  ["session", "session"],
] as const)
  test(`the_readmes_${what}_compiles_as_it_is`, async () => {
    const example = await read(`../examples/${name}.ts`);
    assert.ok(readme.includes(example.replace("../src/index.ts", "dormouse-client")));
  });

test("the_recipes_hold_the_code_that_compiles", async () => {
  const recipes = await read("../../docs/recipes.md");
  for (const name of await readdir(new URL("../examples/recipes", import.meta.url))) {
    const example = await read(`../examples/recipes/${name}`);
    assert.ok(recipes.includes(example.replace("../../src/index.ts", "dormouse-client").trimEnd()), name);
  }
});

test("the_readme_explains_every_code_an_app_can_meet", async () => {
  const source = await read("../src/errors.ts");
  const codes = [...source.matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code]) => code ?? "");
  // Those only HTTP or another client can bring about.
  const elsewhere = ["unknown_type", "method_not_allowed", "body_timeout", "upgrade_required"];
  assert.ok(codes.length > 20);
  for (const code of [...codes, ...RETRYABLE]) assert.ok(elsewhere.includes(code) || readme.includes(`\`${code}\``), code);
});
