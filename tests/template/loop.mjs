// @ts-check
// The loop of editing in a generated application (its folder is in APPLICATION): what is ready is served at once, an edit
// when it is built, and a mistake is told by its line and leaves what is served.
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../scripts/test/support/port.mjs";
import { program } from "../../scripts/test/support/program.mjs";
import { builtOf, builtOfFile } from "../../template/scripts/lib/ready.mjs";

const folder = String(process.env.APPLICATION);
const app = join(folder, "src", "lib.rs");
const right = readFileSync(app, "utf8");

test("what is ready is served, then an edit; a mistake of the language or of the contract leaves what was", async (t) => {
  t.after(() => writeFileSync(app, right));
  // As if it had come with the template: the build that its own tests were run on.
  cpSync(join(folder, "dist"), join(folder, "ready"), { recursive: true });
  writeFileSync(builtOfFile(join(folder, "ready")), JSON.stringify(builtOf(folder)));
  const port = await freePort();
  const service = program(t, process.execPath, ["scripts/start.mjs", "--port", String(port)], { cwd: folder });
  const burst = async () => (await (await fetch(`http://127.0.0.1:${port}/v1/contract`)).json()).channels[0].events.say.rate.burst;
  await service.line(/^my-rooms listens at http:/);
  assert.match(service.lines.join("\n"), /^dormouse: served is ready\//m);
  assert.doesNotMatch(service.lines.join("\n"), /building/);
  assert.equal(await burst(), 30);

  writeFileSync(app, right.replace("Event::kept()", "Event::kep()"));
  await service.line(/^error.*no .*`kep`/);
  await service.line(/^dormouse: what was served before still is/);
  assert.equal(await burst(), 30);

  const begun = service.lines.length;
  writeFileSync(app, right.replace('"chat:*"', '"chat:*:"').replace("rate(10)", "rate(0)"));
  await service.line(/^src\/lib\.rs:\d+: .*a second is no rate/, begun);
  await service.line(/^dormouse: what was served before still is/, begun);
  // What the test itself has asked is told too, a little later.
  const told = service.lines.slice(begun).filter((line) => !/^dormouse: |^\[wrangler:info\] GET /.test(line));
  assert.deepEqual(told.map((line) => line.replace(/\d+:.*/, "")), ["src/lib.rs:", "src/lib.rs:"], "each once, and nothing around them");
  assert.equal(await burst(), 30);

  const corrected = service.lines.length;
  writeFileSync(app, right.replace("burst(30)", "burst(31)"));
  await service.line(/^dormouse: built in/, corrected);
  await service.line(/Local server updated and ready/, corrected);
  assert.equal(await burst(), 31);
  service.child.kill("SIGINT");
  assert.equal(await service.ended, 0);
});
