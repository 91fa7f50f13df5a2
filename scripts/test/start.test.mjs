// @ts-check
// npm start as a person uses it: the real service, the printed line in a shell, Ctrl-C.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { host } from "../project.mjs";
import { freePort } from "./support/port.mjs";
import { program } from "./support/program.mjs";

/**
 * npm start on a free port with storage of its own.
 * @param {import("node:test").TestContext} t @param {string[]} more
 */
async function start(t, ...more) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "dormouse-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const args = ["scripts/start.mjs", "--port", String(port), "--persist-to", folder, ...more];
  return { port, ...program(t, process.execPath, args) };
}

test("npm start runs the service, its wscat line is welcomed, and Ctrl-C ends all", async (t) => {
  const service = await start(t);
  await service.line(/^Dormouse listens at http:/);
  const printed = await service.line(/^npx wscat /);

  const talk = program(t, "sh", ["-c", `exec ${printed}`]);
  assert.match(await talk.line(/"welcome"/), /"user":"you".*"can":\["call","history","join","presence","publish"\]/);
  talk.child.stdin.end();

  service.child.kill("SIGINT");
  assert.equal(await service.ended, 0);
  await assert.rejects(fetch(`http://${host}:${service.port}/v1/health`), "nothing listens any more");
});

/** All that a process started, and what those did. @param {number} pid @returns {number[]} */
function descendants(pid) {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  const all = stdout.trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) found.push(...all.filter(([, of]) => of === parent).map(([child]) => child));
  return found.slice(1);
}

/** @param {number} pid */
const lives = (pid) => !/^(Z.*)?$/.test(spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim());

/** Those of the processes that still live after a while. @param {number[]} pids */
async function left(pids) {
  for (let patience = 0; patience < 100 && pids.some(lives); patience++) await wait(100);
  return pids.filter(lives);
}

for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP", "SIGKILL"])) {
  test(`npm start ends all it started when npm itself is ended by ${signal}`, async (t) => {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "dormouse-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const npm = program(t, "npm", ["start", "--", "--port", String(port), "--persist-to", folder]);
    await npm.line(/^Dormouse listens at http:/);
    const started = descendants(/** @type {number} */ (npm.child.pid));
    t.after(() => started.filter(lives).forEach((pid) => process.kill(pid, "SIGKILL")));
    assert.ok(started.length >= 3, "npm's shell, the script, wrangler and the runtime");
    npm.child.kill(signal);
    assert.deepEqual(await left(started), []);
    await assert.rejects(fetch(`http://${host}:${port}/v1/health`), "nothing listens any more");
  });
}

test("a script that is ended while it builds ends what it runs, and what that runs", async (t) => {
  const main = 'import { run } from "./scripts/shell.mjs"; await run("sh", ["-c", "sleep 600 & echo started; wait"]);';
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    const building = program(t, process.execPath, ["--input-type=module", "-e", main]);
    await building.line(/^started$/);
    const started = descendants(/** @type {number} */ (building.child.pid));
    t.after(() => started.filter(lives).forEach((pid) => process.kill(pid, "SIGKILL")));
    assert.equal(started.length, 2);
    building.child.kill(signal);
    assert.equal(await building.ended, 128 + constants.signals[signal], "it did not succeed");
    assert.deepEqual(await left(started), []);
  }
});

test("npm start tells a wrong configuration in the service's own words, and stops", async (t) => {
  const service = await start(t, "--var", "ALLOWED_ORIGINS:not an origin");
  assert.equal(await service.ended, 1);
  const said = service.lines.join("\n");
  assert.match(said, /^ALLOWED_ORIGINS has "not an origin": /m);
  assert.match(said, /correct what these lines name/);
  assert.doesNotMatch(said, /Dormouse listens/);
  await assert.rejects(fetch(`http://${host}:${service.port}/v1/health`), "nothing listens any more");
});
