// @ts-check
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

const watcher = `import { afterEdits } from ${JSON.stringify(new URL("../../template/scripts/lib/watch.mjs", import.meta.url))};
afterEdits(process.cwd(), { service: ["src"], page: ["page"] }, async (parts) => console.log([...parts].sort().join()));
console.log("watching");`;

test("every edit is told: of a file that an editor replaces, in a folder that is new, in one that came again", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "dormouse-watch-"));
  for (const folder of ["src", "page"]) mkdirSync(join(root, folder));
  writeFileSync(join(root, "src", "lib.rs"), "0");
  // A process of its own, since a watcher is never ended.
  const child = spawn(process.execPath, ["--input-type=module", "-e", watcher], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill();
    await ended;
    rmSync(root, { recursive: true });
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const told = async () => {
    const { value, done } = await lines.next();
    assert.ok(!done, "the watcher ended");
    return value;
  };
  assert.equal(await told(), "watching");

  const replace = (/** @type {string} */ path) => {
    writeFileSync(join(root, "new"), String(Math.random()));
    renameSync(join(root, "new"), join(root, path));
  };
  for (let edit = 0; edit < 3; edit++) {
    replace(join("src", "lib.rs"));
    assert.equal(await told(), "service", `edit ${edit}`);
  }
  for (let time = 0; time < 2; time++) {
    mkdirSync(join(root, "src", "payloads"));
    assert.equal(await told(), "service");
    writeFileSync(join(root, "src", "payloads", "say.rs"), "");
    assert.equal(await told(), "service");
    replace(join("src", "payloads", "say.rs"));
    assert.equal(await told(), "service");
    rmSync(join(root, "src", "payloads"), { recursive: true });
    assert.equal(await told(), "service");
  }
  replace("wrangler.toml");
  assert.equal(await told(), "service");
  replace(join("page", "main.ts"));
  // What came before may be told in two.
  while ((await told()) !== "page") continue;
});
