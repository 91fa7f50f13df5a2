// @ts-check
// npm start as a person uses it: the real service, the printed line in a shell, Ctrl-C.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { host } from "../project.mjs";
import { program } from "./support/program.mjs";

/** A port that nobody has at the moment. */
async function freePort() {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, "close");
  return port;
}

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
  assert.match(await talk.line(/"welcome"/), /"user":"you"/);
  talk.child.stdin.end();

  service.child.kill("SIGINT");
  assert.equal(await service.ended, 0);
  await assert.rejects(fetch(`http://${host}:${service.port}/v1/health`), "nothing listens any more");
});

test("npm start tells a wrong configuration in the service's own words, and stops", async (t) => {
  const service = await start(t, "--var", "ALLOWED_ORIGINS:not an origin");
  assert.equal(await service.ended, 1);
  const said = service.lines.join("\n");
  assert.match(said, /the service is not healthy: GET \/v1\/health answered 500/);
  assert.match(said, /the service's log: \{.*ALLOWED_ORIGINS/);
  assert.doesNotMatch(said, /Dormouse listens/);
  await assert.rejects(fetch(`http://${host}:${service.port}/v1/health`), "nothing listens any more");
});
