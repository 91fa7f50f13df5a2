// @ts-check
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { unstable_readConfig } from "wrangler";
import { WebSocketServer } from "ws";
import { wscat } from "../greeting.mjs";
import { older } from "../../template/scripts/lib/toolchain.mjs";
import { cargoTools, locked } from "../../template/scripts/lib/tools.mjs";
import { environments, host, read, root } from "../project.mjs";
import { program } from "./support/program.mjs";

test("versions are compared as numbers", () => {
  assert.ok(older("20.9.0", "20.12.0"));
  assert.ok(older("1.90.9", "1.91"));
  assert.ok(!older("1.91.0", "1.91"));
  assert.ok(!older("24.1.0", "22.18.0"));
  assert.ok(!older("22.18.0", "22.18.0"));
});

test("a crate's version is read from Cargo.lock, and an unknown crate is told", () => {
  assert.match(locked(root, "serde"), /^1\.\d+\.\d+$/);
  assert.throws(() => locked(root, "no-such-crate"), /names no crate no-such-crate/);
});

test("every npm package is pinned exactly", () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read("package.json"));
  assert.equal(dependencies, undefined, "the service has no npm dependency at run time");
  for (const [name, version] of Object.entries({ ...devDependencies, ...optionalDependencies })) assert.match(version, /^(npm:[@\w/-]+@)?\d+\.\d+\.\d+(-\w+)?$/, name);
});

test("every npm package that may be installed is told by its hash, on every platform", () => {
  for (const lock of ["package-lock.json", "tests/e2e/runtimes/package-lock.json"]) {
    const packages = Object.entries(/** @type {Record<string, {integrity?: string}>} */ (JSON.parse(read(lock)).packages)).filter(([path]) => path !== "");
    assert.ok(packages.length > 0, lock);
    for (const [path, { integrity }] of packages) assert.match(integrity ?? "", /^sha512-/, `${lock}: ${path}`);
  }
});

test("every cargo tool is installed by a lock alone, and wasm-bindgen's has the version of the library", () => {
  const said = read("template/scripts/lib/tools.mjs");
  const installs = [...said.matchAll(/\["install", [^\]]*\]/g)].map(([args]) => args);
  assert.ok(installs.length > 0);
  for (const args of installs) assert.match(args, /"--locked"/);
  const version = locked(root, "wasm-bindgen");
  assert.match(read("template/scripts/lib/wasm-bindgen/Cargo.toml"), new RegExp(`^wasm-bindgen-cli-support = "=${version}"`, "m"));
  const pinned = new RegExp(`name = "wasm-bindgen-cli-support"\nversion = "${version}"\nsource = "registry[^"]*"\nchecksum = "[0-9a-f]{64}"`);
  assert.match(read("template/scripts/lib/wasm-bindgen/Cargo.lock"), pinned);
  for (const { name, source } of cargoTools(root)) assert.ok(source.length > 0 && !source.includes("--no-locked"), name);
});

test("every published crate carries the licences and a README of its own", () => {
  const crates = readdirSync(join(root, "crates"));
  assert.ok(crates.length > 0);
  for (const crate of crates) {
    for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) assert.equal(read("crates", crate, licence), read(licence), crate);
    assert.match(read("crates", crate, "README.md"), new RegExp(`^# ${crate}\n`), crate);
  }
});

test("every environment logs what the service says and no event beside, no query in it, and counts before a channel wakes", () => {
  for (const env of environments) {
    const { observability, ratelimits } = JSON.parse(JSON.stringify(unstable_readConfig({ config: join(root, "wrangler.toml"), env })));
    assert.deepEqual(observability, { enabled: true, redact_query_string: true, logs: { invocation_logs: false } }, env);
    const limits = ratelimits.map((/** @type {any} */ { name, simple }) => [name, simple.limit, simple.period]);
    assert.deepEqual(limits, [["JOINS_PER_ADDRESS", 200, 10], ["JOINS_PER_USER", 40, 10], ["ASKS_PER_ADDRESS", 200, 10], ["ASKS_PER_USER", 400, 10]], env);
    const ids = ratelimits.map((/** @type {any} */ { namespace_id }) => namespace_id);
    assert.equal(new Set(ids).size, ids.length, "each counts for itself");
  }
});

test("the wscat line of npm start offers both sub-protocols, in the shell", async (t) => {
  const server = new WebSocketServer({ host, port: 0, handleProtocols: (offered) => (offered.has("dormouse.v1") ? "dormouse.v1" : false) });
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.on("connection", (socket, request) => socket.send(JSON.stringify([request.url, request.headers["sec-websocket-protocol"]])));
  t.after(() => server.close());

  const talk = program(t, "sh", ["-c", `exec ${wscat(`http://${host}:${port}`, "chat:lobby", "aaa.bbb-_.ccc")}`]);
  const [url, offered] = JSON.parse((await talk.line(/\[.*\]/)).replace(/^.*?\[/, "["));
  assert.equal(url, "/v1/channels/chat:lobby");
  assert.deepEqual(offered.split(/, */), ["dormouse.v1", "bearer.aaa.bbb-_.ccc"]);
});

/** @param {string[]} args */
const start = (...args) => spawnSync(process.execPath, ["scripts/start.mjs", ...args], { cwd: root, encoding: "utf8" });

test("npm start tells that the port is in use before it does anything else", async () => {
  const other = createServer().listen(0, host);
  await once(other, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (other.address());
  const { status, stderr } = start("--port", String(port));
  other.close();
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`^dormouse: Port ${port} of ${host} is in use: end what listens there, or .*\n$`));
});

test("npm start refuses options it does not know", () => {
  for (const args of [["--port", "http"], ["--port", "70000"], ["--prot", "1"], ["--var", "NAME"], ["more"]]) {
    const { status, stderr } = start(...args);
    assert.equal(status, 2, args.join(" "));
    assert.match(stderr, /npm start takes/);
  }
});

test("npm test names its checks, and refuses one it does not have", () => {
  const run = (/** @type {string} */ arg) => spawnSync(process.execPath, ["scripts/test.mjs", arg], { cwd: root, encoding: "utf8" });
  for (const name of ["fmt", "clippy", "rust", "e2e"]) assert.match(run("--list").stdout, new RegExp(`^${name} `, "m"));
  const refused = run("e3e");
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /There is no check "e3e"\. There are: contract, /);
});
