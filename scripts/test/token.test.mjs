// @ts-check
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { jwtVerify } from "jose";
import { jwtSecret } from "../devvars.mjs";
import { root } from "../project.mjs";

/** @param {string[]} args */
function token(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/token.mjs", ...args], { cwd: root, encoding: "utf8" });
  return { status, stdout: stdout.trim(), stderr: stderr.trim() };
}

test("a token says what was asked, signed by the secret of .dev.vars", async () => {
  const made = token("--user", "ann", "--can", "chat:*=join, publish", "--can", "app:a=b=join,publish:say", "--can", "chat:*=publish,history", "--can", "demo:*=call,call:roll",
    "--expires", "60", "--roles", "admin, staff", "--info", '{"name":"Ann"}');
  assert.equal(made.status, 0, made.stderr);
  const { payload, protectedHeader } = await jwtVerify(made.stdout, jwtSecret(), { algorithms: ["HS256"] });
  assert.equal(protectedHeader.alg, "HS256");
  const { iat, exp, ...said } = payload;
  assert.deepEqual(said, {
    sub: "ann",
    can: { "chat:*": ["join", "publish", "history"], "app:a=b": ["join", "publish:say"], "demo:*": ["call", "call:roll"] },
    roles: ["admin", "staff"],
    info: { name: "Ann" },
  });
  assert.equal(Number(exp) - Number(iat), 60);
  assert.ok(Math.abs(Number(iat) - Date.now() / 1000) < 30);
});

test("what is not asked for is not said, and a token is good for an hour", async () => {
  const { payload } = await jwtVerify(token("--user", "ann", "--can", "**=join").stdout, jwtSecret());
  assert.deepEqual(Object.keys(payload).sort(), ["can", "exp", "iat", "sub"]);
  assert.equal(Number(payload.exp) - Number(payload.iat), 3600);
});

test("--help tells every option and mints nothing", () => {
  const { status, stdout } = token("--help");
  assert.equal(status, 0);
  for (const option of ["--user", "--can", "--expires", "--roles", "--info"]) assert.ok(stdout.includes(option), option);
  assert.doesNotMatch(stdout, /eyJ/);
});

const ann = ["--user", "ann"];
const join = [...ann, "--can", "chat:*=join"];
for (const [args, sentence] of /** @type {[string[], RegExp][]} */ ([
  [[], /--user is missing/],
  [ann, /--can is missing/],
  [["--user", "x".repeat(129), "--can", "a=join"], /longer than 128/],
  [[...ann, "--can", "chat:*"], /'chat:\*' is not PATTERN=ABILITY/],
  [[...ann, "--can", "=join"], /is not PATTERN=ABILITY/],
  [[...ann, "--can", "chat:*=fly"], /"fly" is no ability/],
  [[...ann, "--can", "chat:*=join,"], /"" is no ability/],
  [[...ann, "--can", "chat*=join"], /allows nothing: a `\*` must be a whole segment, and "chat\*" is more than that/],
  [[...ann, "--can", "a:**:b=join"], /`\*\*` may stand only as the last segment/],
  [[...ann, "--can", "chat::a=join"], /a segment is empty/],
  [[...ann, "--can", "chat room=join"], /"chat room" has a letter/],
  [[...ann, "--can", `${"x".repeat(129)}=join`], /at most 128 characters/],
  [[...join, "--expires", "soon"], /--expires 'soon' is not a whole number/],
  [[...join, "--expires", "0"], /not a whole number of seconds above 0/],
  [[...join, "--roles", Array.from({ length: 33 }, (_, i) => i).join()], /33 roles; 32 is the most/],
  [[...join, "--roles", "ä".repeat(33)], /has 66/],
  [[...join, "--info", "{"], /--info is not JSON/],
  [[...join, "--info", "[]"], /--info is not a JSON object/],
  [[...join, "--info", JSON.stringify({ a: "x".repeat(1024) })], /1,024 is the most/],
  [[...join, "--admin"], /Unknown option '--admin'/],
])) {
  test(`bad input is refused in a sentence: ${args.join(" ").slice(0, 60) || "nothing"}`, () => {
    const { status, stdout, stderr } = token(...args);
    assert.equal(status, 2);
    assert.equal(stdout, "");
    assert.match(stderr, sentence);
    assert.equal(stderr.split("\n").length, 1, stderr);
  });
}
