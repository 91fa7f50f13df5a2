// @ts-check
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { generate } from "../../create/create-dormouse.mjs";
import { read, root } from "../project.mjs";

/** @param {import("node:test").TestContext} t */
function empty(t) {
  const folder = mkdtempSync(join(tmpdir(), "dormouse-generate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a generated application has its name wherever one stands, and its workflow as it was", (t) => {
  const folder = empty(t);
  generate(folder, "my-rooms");
  const of = (/** @type {string[]} */ ...path) => readFileSync(join(folder, ...path), "utf8");
  assert.match(of("Cargo.toml"), /^name = "my-rooms"$/m);
  assert.match(of("wrangler.toml"), /^name = "my-rooms"$/m);
  assert.equal(JSON.parse(of("package.json")).name, "my-rooms");
  assert.match(of("README.md"), /^# my-rooms\n/);
  const workflow = join(".github", "workflows", "deploy.yml");
  assert.equal(of(workflow), read("template", workflow));
  assert.ok(!existsSync(join(folder, "cargo-generate.toml")), "it is for the generator alone");
});

test("a folder that holds something is left alone, and a name that no Worker or crate can have is refused", (t) => {
  const folder = empty(t);
  for (const name of ["", "My-Rooms", "1st", "my_rooms", "dormouse"]) assert.throws(() => generate(folder, name), /name/, name);
  writeFileSync(join(folder, "mine"), "");
  assert.throws(() => generate(folder, "my-rooms"), /is not empty/);
  assert.equal(existsSync(join(folder, "Cargo.toml")), false);
});

test("the template stands on the versions and the settings that everything here is tried with", (t) => {
  const folder = empty(t);
  generate(folder, "my-rooms");
  const workspace = read("Cargo.toml");
  const version = (/** @type {string} */ manifest, /** @type {string} */ crate) => manifest.match(new RegExp(`^${crate} = (?:\\{ version = )?"([^"]+)"`, "m"))?.[1];
  for (const crate of ["dormouse", "garde"]) {
    const expected = version(workspace, crate);
    assert.ok(expected, crate);
    for (const file of [["template", "Cargo.toml"], ["crates", "dormouse", "README.md"]]) assert.equal(version(read(...file), crate), expected, `${file.join("/")}: ${crate}`);
  }
  const oldest = (/** @type {string} */ manifest) => manifest.match(/^rust-version = "([^"]+)"/m)?.[1];
  assert.equal(oldest(read("template", "Cargo.toml")), oldest(workspace));
  const worker = version(read("crates", "dormouse", "Cargo.toml"), "worker");
  assert.ok(read("crates", "dormouse", "README.md").includes(`\`worker = "${worker}"\``));
  const [here, there] = ["package.json", "template/package.json"].map((file) => JSON.parse(read(file)));
  for (const [name, pinned] of Object.entries(there.devDependencies)) assert.equal(pinned, here.devDependencies[name], name);

  const settings = (/** @type {string} */ manifest, /** @type {string} */ section) => manifest.split(`[${section}]\n`)[1]?.split("\n[")[0]?.split("\n").filter((line) => /^[a-z]/.test(line) && !line.startsWith("panic"));
  const development = [...workspace.matchAll(/^\[(profile\.development[^\]*]*)\]/gm)].map(([, section]) => String(section));
  assert.ok(development.length > 1);
  for (const section of ["profile.release", "package.metadata.wasm-pack.profile.release", ...development]) {
    assert.deepEqual(settings(read("template", "Cargo.toml"), section), settings(workspace, section), section);
  }
  assert.equal(there.config["worker-build"], here.config["worker-build"]);
  const [ours, theirs] = [root, folder].map((where) => JSON.parse(JSON.stringify(unstable_readConfig({ config: join(where, "wrangler.toml") }))));
  assert.equal(theirs.build.command, ours.build.command);
  assert.equal(theirs.main, join(folder, "build", "index.js"));
  for (const setting of ["compatibility_date", "compatibility_flags", "durable_objects", "exports", "ratelimits", "observability"]) {
    assert.deepEqual(theirs[setting], ours[setting], setting);
  }
});
