// @ts-check
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { generate } from "../../create/create-dormouse.mjs";
import { located } from "../../template/scripts/lib/crates.mjs";
import { ofRegistry, usage } from "../create.mjs";
import { read, root } from "../project.mjs";
import { environment } from "../shell.mjs";

/** @param {import("node:test").TestContext} t @param {string} [home] */
function empty(t, home = tmpdir()) {
  const folder = mkdtempSync(join(home, "dormouse-generate-"));
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

/** A program to its end, which asks no network. @param {string} cwd @param {string} name @param {string[]} args */
const offline = (cwd, name, ...args) => spawnSync(name, args, { cwd, env: environment({ CARGO_NET_OFFLINE: "true" }), encoding: "utf8" });

for (const [where, home] of /** @type {[string, string][]} */ ([["beside a clone", tmpdir()], ["within a clone", join(root, "target")]])) {
  test(`an application that a clone generates ${where} says where the crates lie, and cargo finds them`, (t) => {
    mkdirSync(home, { recursive: true });
    const folder = empty(t, home);
    const { stderr, status } = offline(root, process.execPath, "scripts/generate.mjs", folder, "my-dice");
    assert.equal(status, 0, stderr);
    assert.match(stderr, /It has no ready build, so the first start builds it, which needs Rust\./);
    assert.ok(!existsSync(join(folder, "ready")), "what lies in the clone may change");
    const manifest = readFileSync(join(folder, "Cargo.toml"), "utf8");
    assert.equal(manifest.match(/^dormouse = \{ version = "[\d.]+", path = "\.\.\/[^"]*crates\/dormouse"(, features = \["testing"\])? \}$/gm)?.length, 2, manifest);
    const found = offline(folder, "cargo", "fetch", "--target", "wasm32-unknown-unknown");
    assert.equal(found.status, 0, found.stderr);
    assert.match(readFileSync(join(folder, "Cargo.lock"), "utf8"), /name = "dormouse"/);
  });
}

test("where no registry has the crates, it is said what to write before anything is built", (t) => {
  const folder = empty(t);
  generate(folder, "my-dice");
  writeFileSync(join(folder, "Cargo.lock"), ofRegistry(read("Cargo.lock")));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const { stderr, status } = offline(folder, process.execPath, "scripts/build.mjs");
  assert.equal(status, 1);
  const told = `dormouse: cargo cannot find the crates of Cargo.toml; see the lines above. The crates are not on crates.io yet: say by path or git where they are, under [dependencies] and under [dev-dependencies], as in
  dormouse = { version = "0.2.0", path = "../dormouse/crates/dormouse" }
  dormouse = { version = "0.2.0", path = "../dormouse/crates/dormouse", features = ["testing"] }
`;
  assert.ok(stderr.endsWith(told), stderr);
  assert.doesNotMatch(stderr, /building|wasm-bindgen/);
});

test("where the crates lie is said once, of whatever else a line says", () => {
  const lines = ['dormouse = "0.2.0"', 'dormouse = { version = "0.2.0", features = ["testing"] }', 'dormouse-core = "0.2.0"', 'dormouse = { git = "https://example.com" }'].join("\r\n");
  assert.deepEqual(located(lines, "../a").split("\r\n"), ['dormouse = { version = "0.2.0", path = "../a" }', 'dormouse = { version = "0.2.0", path = "../a", features = ["testing"] }', ...lines.split("\r\n").slice(2)]);
});

test("the line that npm run create says holds in any folder, and makes nothing within the clone", () => {
  const [, tarball = "", folder] = /npx file:(\S+) (\S+) /.exec(usage) ?? [];
  assert.ok(isAbsolute(tarball), usage);
  assert.equal(folder, "../my-app");
});
