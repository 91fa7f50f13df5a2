// create-dormouse as a stranger has it, on a machine with Node and npm alone: installed from its tarball into an empty
// folder, its application starts, is joined and spoken in, tested, and says what an edit of its contract needs.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { tarball } from "../../scripts/create.mjs";
import { programsOf } from "../../scripts/package.mjs";
import { freePort } from "../../scripts/test/support/port.mjs";
import { program } from "../../scripts/test/support/program.mjs";

let home: string;
let app: string;
let bare: NodeJS.ProcessEnv;

/** Runs a program of the bare machine to its end; what it printed. */
async function run(name: string, args: string[], cwd = app): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(name, args, { cwd, env: bare, timeout: 300_000 });
  return `${stdout}${stderr}`;
}

before(async () => {
  home = await mkdtemp(join(tmpdir(), "dormouse-create-"));
  const bin = join(home, "bin");
  await mkdir(bin);
  await mkdir(join(home, "empty"));
  const npm = (await promisify(execFile)("which", ["npm"])).stdout.trim();
  const programs = { node: process.execPath, npm, npx: join(dirname(npm), "npx"), sh: "/bin/sh" };
  for (const [name, target] of Object.entries(programs)) await symlink(target, join(bin, name));
  // The registry, and what was fetched of it before, are those of this machine.
  const kept = Object.entries(process.env).filter(([name]) => /^(HOME|npm_config_(registry|cache)|.*_proxy)$/i.test(name));
  bare = { ...Object.fromEntries(kept), PATH: bin, NO_COLOR: "1", npm_config_prefer_offline: "true", npm_config_update_notifier: "false" };
  app = join(home, "empty", "my-app");
  await run("npx", ["--yes", `file:${tarball}`, "my-app"], join(home, "empty"));
  await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
});
after(() => rm(home, { recursive: true, force: true }));

/** `npm start`, once it listens: its lines, and where. */
async function start(t: import("node:test").TestContext) {
  const port = await freePort();
  const service = program(t, "npm", ["start", "--", "--port", String(port)], { cwd: app, env: bare, bare: true });
  await service.line(/^my-app listens at http:/);
  return { ...service, url: `http://127.0.0.1:${port}` };
}

/** Joins a room and says a word in it, which comes back. */
async function speak(url: string): Promise<void> {
  const answer = await fetch(`${url}/dev/token`, { method: "POST", body: '{"user":"ann"}' });
  const { token } = (await answer.json()) as { token: string };
  const socket = new WebSocket(`${url}/v1/channels/chat:lobby`, ["dormouse.v1", `bearer.${token}`]);
  await once(socket, "open");
  const heard = new Promise<unknown>((resolve, reject) => {
    socket.addEventListener("message", ({ data }) => {
      for (const frame of [JSON.parse(String(data))].flat()) if (frame.type === "message") resolve(frame.data);
    });
    socket.addEventListener("close", ({ code }) => reject(new Error(`closed with ${code}`)));
  });
  // An id that was said here before would be told as a duplicate, and heard by nobody.
  socket.send(JSON.stringify({ type: "publish", id: randomUUID(), event: "say", data: { text: "hello" } }));
  assert.deepEqual(await heard, { text: "hello" });
  socket.close();
}

test("publint finds nothing to complain of, and nothing of the machine that built it is in it", async () => {
  const { stdout } = await promisify(execFile)(join(programsOf("tools"), "publint"), ["--strict", "--level", "warning", tarball], { env: { ...process.env, NO_COLOR: "1" } });
  assert.match(stdout.trim(), /All good!$/);
  const wasm = await readFile(join(app, "ready", "index_bg.wasm"), "latin1");
  assert.match(wasm, /dormouse\/crates\/dormouse-core\/src\//);
  assert.doesNotMatch(wasm, /\/(home|root|Users|tmp|work)\//);
});

test("the application is the template, its licence is its owner's, and its .gitignore is there", async () => {
  const names = await readdir(app);
  for (const name of [".github", ".gitignore", "Cargo.lock", "Cargo.toml", "README.md", "ready", "scripts", "src", "test", "wrangler.toml"]) assert.ok(names.includes(name), name);
  assert.ok(!names.some((name) => /^(cargo-generate|LICENSE|gitignore)/.test(name)), names.join());
});

test("without Rust it starts, is joined and spoken in, tests and would deploy what was built of its sources", async (t) => {
  await assert.rejects(run("cargo", ["--version"]), /ENOENT/);
  const service = await start(t);
  await speak(service.url);
  const tested = await run("npm", ["test"]);
  assert.match(tested, /^dormouse: cargo test is passed over/m);
  assert.match(tested, /^. pass 3$/m);
  const deployed = await run("npm", ["run", "deploy", "--", "--dry-run"]);
  assert.match(deployed, /^dormouse: build\/ is ready\//m);
  assert.match(deployed, /^Total Upload/m);
});

test("without Rust an edit of its contract is never served or deployed as what it is not", async (t) => {
  const contract = join(app, "src", "lib.rs");
  const right = await readFile(contract, "utf8");
  t.after(() => writeFile(contract, right));
  const service = await start(t);
  await writeFile(contract, right.replace("burst(30)", "burst(31)"));
  await service.line(/^dormouse: There is no Rust on this machine\. Install it with rustup from https:\/\/rustup\.rs/);
  await service.line(/^dormouse: what was served before still is/);
  await speak(service.url);
  service.child.kill("SIGTERM");
  await service.ended;

  const again = await start(t);
  assert.match(again.lines.join("\n"), /There is no Rust[\s\S]*ready\/ is served, which was built of the sources AS THEY WERE/);
  await speak(again.url);
  for (const command of [["test"], ["run", "deploy", "--", "--dry-run"], ["run", "build"]]) {
    await assert.rejects(run("npm", command), (error: Error & { code: number; stdout: string; stderr: string }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /^dormouse: There is no Rust on this machine\./m);
      assert.doesNotMatch(error.stdout, /Total Upload|pass 3/);
      return true;
    });
  }
});
