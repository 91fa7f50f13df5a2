// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { isSame } from "../application.mjs";

const first = "//! The first.\n\nfn contract() {\n    chat()\n}\n";

test("an_application_that_has_grown_is_another_and_one_with_tests_of_its_own_is_not", () => {
  assert.ok(isSame(first, first.replace("The first.", "Mine.") + "\n#[cfg(test)]\nmod tests { fn chat() {} }\n"));
  assert.ok(!isSame(first, first.replace("chat()", "chat().board()")));
});
