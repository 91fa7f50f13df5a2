// @ts-check
// The loop of editing, on a copy of the project: a mistake is told and served nothing of, its correction is served.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { host, root } from "../project.mjs";
import { freePort } from "./support/port.mjs";
import { program } from "./support/program.mjs";

const copied = ["Cargo.toml", "Cargo.lock", "package.json", "package-lock.json", "wrangler.toml", ".dev.vars", "src", "crates", "client", "scripts", "template", "public"];

/** A copy of the project with the tools of this one. @param {import("node:test").TestContext} t */
function copy(t) {
  const folder = mkdtempSync(join(tmpdir(), "dormouse-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of copied) cpSync(join(root, part), join(folder, part), { recursive: true });
  // Of the workspace only what the service is made of.
  const manifest = readFileSync(join(folder, "Cargo.toml"), "utf8").replace(', "bench/service"', "");
  writeFileSync(join(folder, "Cargo.toml"), manifest);
  for (const part of ["node_modules", ".tools"]) symlinkSync(join(root, part), join(folder, part));
  return folder;
}

test("an edit is served, a mistake of the language or of the contract is told by its line and leaves what is served", async (t) => {
  const folder = copy(t);
  const port = await freePort();
  const env = { CARGO_TARGET_DIR: join(root, "target") };
  const service = program(t, process.execPath, ["scripts/start.mjs", "--port", String(port)], { cwd: folder, env });
  const app = join(folder, "src", "app.rs");
  const right = readFileSync(app, "utf8");
  const burst = async () => {
    const { channels } = await (await fetch(`http://${host}:${port}/v1/contract`)).json();
    return channels.find((/** @type {{pattern: string}} */ { pattern }) => pattern === "chat:*").events.say.rate.burst;
  };
  await service.line(/^Dormouse listens at http:/);
  assert.equal(await burst(), 30);

  writeFileSync(app, right.replace("Event::kept()", "Event::kep()"));
  await service.line(/^error.*no .*`kep`/);
  await service.line(/^dormouse: what was served before still is/);
  assert.equal(await burst(), 30);

  const begun = service.lines.length;
  writeFileSync(app, right.replace('"chat:*"', '"chat:*:"').replace("rate(60)", "rate(0)"));
  await service.line(/^src\/app\.rs:\d+: .*a second is no rate/);
  await service.line(/^dormouse: what was served before still is/, begun);
  // What the test itself has asked is told too, a little later.
  const told = service.lines.slice(begun).filter((line) => !/^dormouse: |^\[wrangler:info\] GET /.test(line));
  assert.deepEqual(told.map((line) => line.replace(/\d+:.*/, "")), ["src/app.rs:", "src/app.rs:"], "each once, and nothing around them");
  assert.equal(await burst(), 30);

  const corrected = service.lines.length;
  writeFileSync(app, right.replaceAll("burst(30)", "burst(31)"));
  await service.line(/^dormouse: built in/, corrected);
  await service.line(/Local server updated and ready/, corrected);
  assert.equal(await burst(), 31);
  service.child.kill("SIGINT");
  assert.equal(await service.ended, 0);
});
