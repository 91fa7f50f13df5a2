// @ts-check
// `npm run types` in a repository whose application has become another.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { bin, host, root } from "../project.mjs";

const call = promisify(execFile);
const event = { ability: "publish", directed: false, kept: true, rate: { per_second: 1, burst: 2 } };
const schema = { type: "object", properties: { shape: { type: "string" } }, required: ["shape"], additionalProperties: false };
const contract = { channels: [{ pattern: "board:*", join: "token", presence: null, history: null, events: { draw: { ...event, schema } } }] };

test("types of another application are written beside what this repository is typed by, which all compiles and holds as before", async (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "another-")));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const part of ["client", "scripts", "template", "create", "tests", "bench", "docs", "package.json", "tsconfig.json"])
    cpSync(join(root, part), join(folder, part), { recursive: true, filter: (path) => !/\/(node_modules|target|dist)$|client\/dormouse\.ts$/.test(path) });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const server = createServer((_, answer) => void answer.end(JSON.stringify(contract))).listen(0, host);
  t.after(() => server.close());
  await once(server, "listening");
  const url = `http://${host}:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;

  const node = (/** @type {string[]} */ ...args) => call(process.execPath, args, { cwd: folder });
  assert.match((await node("client/types.mjs", url)).stdout, /Wrote client\/dormouse\.ts\.\n$/);
  for (const project of ["tsconfig.json", "client/tsconfig.json", "client/tsconfig.dormouse.json"]) {
    const { stdout } = await call(`${bin}/tsc`, ["--noEmit", "--project", project, "--pretty", "false"], { cwd: folder }).catch((failed) => failed);
    assert.equal(stdout, "", project);
  }
  // Those of the client's tests that read the types; a runner within a runner would run nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await call(process.execPath, ["--test", "client/test/types.test.ts"], { cwd: folder, env });
  assert.match(stdout, /pass [1-9]/);
});
