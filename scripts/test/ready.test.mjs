// @ts-check
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { builtOf, builtOfFile, readyBuild } from "../../template/scripts/lib/ready.mjs";

const lock = (/** @type {string[]} */ ...crates) => crates.map((crate) => `[[package]]\nname = "${crate.split(" ")[0]}"\nversion = "${crate.split(" ")[1]}"\n`).join("\n");

/** An application with a ready build of its sources. @param {import("node:test").TestContext} t */
function application(t) {
  const root = mkdtempSync(join(tmpdir(), "dormouse-ready-"));
  t.after(() => rmSync(root, { recursive: true }));
  const write = (/** @type {string} */ path, /** @type {string} */ text) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("Cargo.toml", '[package]\nname = "one"\n\n[dependencies]\ndormouse = "0.2.0"\n\n[[bin]]\nname = "first"\n');
  write("Cargo.lock", lock("dormouse 0.2.0", "one 0.1.0", "serde 1.0.1"));
  write("src/lib.rs", "fn contract() {}\n");
  write("wrangler.toml", 'name = "one"\n');
  mkdirSync(join(root, "ready"));
  writeFileSync(builtOfFile(join(root, "ready")), JSON.stringify(builtOf(root)));
  const read = (/** @type {string} */ path) => readFileSync(join(root, path), "utf8");
  return { root, write, read, isCurrent: () => readyBuild(root)?.isCurrent };
}

test("an application without a ready build has none", (t) => {
  const { root } = application(t);
  rmSync(join(root, "ready"), { recursive: true });
  assert.equal(readyBuild(root), undefined);
});

for (const [what, change] of /** @type {[string, (app: ReturnType<typeof application>) => void][]} */ ([
  ["under another name", ({ write, read }) => write("Cargo.toml", read("Cargo.toml").replace('"one"', '"two"'))],
  ["checked out with other ends of lines", ({ write, read }) => ["Cargo.toml", "src/lib.rs", "Cargo.lock"].forEach((file) => write(file, read(file).replaceAll("\n", "\r\n")))],
  ["with another configuration of the Worker", ({ write }) => write("wrangler.toml", 'name = "two"\n')],
  ["beside what an editor leaves", ({ write }) => ["src/.lib.rs.swp", "src/lib.rs~"].forEach((file) => write(file, "x"))],
  ["with a lock that cargo has yet to complete", ({ write }) => write("Cargo.lock", lock("serde 1.0.1"))],
  ["with a lock that names more", ({ write, read }) => write("Cargo.lock", `${read("Cargo.lock")}\n${lock("two 0.1.0", "windows 1.0.0")}`)],
  ["without a lock", ({ root }) => rmSync(join(root, "Cargo.lock"))],
])) {
  test(`a ready build is what the sources say ${what}`, (t) => {
    const app = application(t);
    change(app);
    assert.equal(app.isCurrent(), true);
  });
}

for (const [what, change] of /** @type {[string, (app: ReturnType<typeof application>) => void][]} */ ([
  ["another contract", ({ write }) => write("src/lib.rs", "fn contract() { chat() }\n")],
  ["one more source", ({ write }) => write("src/payloads/say.rs", "")],
  ["a source less", ({ root }) => rmSync(join(root, "src/lib.rs"))],
  ["a source under another name", ({ root, write, read }) => [write("src/main.rs", read("src/lib.rs")), rmSync(join(root, "src/lib.rs"))]],
  ["another dependency", ({ write, read }) => write("Cargo.toml", read("Cargo.toml").replace('"0.2.0"', '{ path = ".." }'))],
  ["a program of another name", ({ write, read }) => write("Cargo.toml", read("Cargo.toml").replace('"first"', '"second"'))],
  ["a later dormouse by cargo update", ({ write }) => write("Cargo.lock", lock("dormouse 0.2.1", "one 0.1.0", "serde 1.0.1"))],
  ["a later crate below it", ({ write }) => write("Cargo.lock", lock("dormouse 0.2.0", "serde 1.0.2"))],
  ["a script of cargo's", ({ write }) => write("build.rs", "fn main() {}\n")],
  ["settings of cargo's", ({ write }) => write(".cargo/config.toml", "[patch.crates-io]\n")],
  ["another compiler", ({ write }) => write("rust-toolchain.toml", "")],
])) {
  test(`a ready build is not what the sources say with ${what}`, (t) => {
    const app = application(t);
    change(app);
    assert.equal(app.isCurrent(), false);
  });
}
