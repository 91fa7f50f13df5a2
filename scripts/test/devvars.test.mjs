// @ts-check
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { needDevVars } from "../../template/scripts/lib/devvars.mjs";
import { jwtSecret } from "../devvars.mjs";

/** @param {import("node:test").TestContext} t */
function directory(t) {
  const path = mkdtempSync(join(tmpdir(), "dormouse-"));
  t.after(() => rmSync(path, { recursive: true }));
  return { path, file: join(path, ".dev.vars") };
}

test("the first start writes a random secret that only its user can read", (t) => {
  const [one, two] = [directory(t), directory(t)];
  needDevVars(one.path);
  needDevVars(two.path);
  const written = parseEnv(readFileSync(one.file, "utf8"));
  assert.match(String(written.JWT_SECRET), /^[A-Za-z0-9_-]{43}$/);
  assert.equal(written.DEV_TOKENS, undefined, "wrangler dev may be bound to any address");
  assert.equal(statSync(one.file).mode & 0o777, 0o600);
  assert.notDeepEqual(jwtSecret(one.path), jwtSecret(two.path));
});

test("a .dev.vars that is there is never overwritten", (t) => {
  const { path, file } = directory(t);
  writeFileSync(file, "JWT_SECRET=mine\n");
  needDevVars(path);
  assert.equal(readFileSync(file, "utf8"), "JWT_SECRET=mine\n");
});

test("the secret is the raw bytes of the text", (t) => {
  const { path, file } = directory(t);
  writeFileSync(file, `JWT_SECRET="${"ä".repeat(16)}"\n`);
  assert.deepEqual(Buffer.from(jwtSecret(path)), Buffer.from("ä".repeat(16)));
});

test("a missing file, a missing secret and a short one are told apart", (t) => {
  const { path, file } = directory(t);
  assert.throws(() => jwtSecret(path), /no \.dev\.vars yet/);
  writeFileSync(file, "DEV_TOKENS=1\n");
  assert.throws(() => jwtSecret(path), /has no JWT_SECRET/);
  writeFileSync(file, `JWT_SECRET=${"x".repeat(31)}\n`);
  assert.throws(() => jwtSecret(path), /31 bytes; HS256 needs at least 32/);
});
