// The client as a stranger has it: installed from its tarball, it joins and talks wherever it is used.
import assert from "node:assert/strict";
import { type ExecFileOptions, execFile } from "node:child_process";
import { copyFile, readFile, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build, transform } from "esbuild";
import { Miniflare } from "miniflare";
import { targets } from "../../client/baseline.mjs";
import { CLIENT_BUDGET, weigh } from "../../client/build.mjs";
import { appFolder, nightly, programsOf, tarball } from "../../scripts/package.mjs";
import { runtimes } from "../e2e/support/programs.ts";
import { Runtime } from "../e2e/support/runtime.ts";
import { token } from "../e2e/support/tokens.ts";
import { Pages } from "./support/pages.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const apps = appFolder("tools", "");
const installed = join(apps, "node_modules", "dormouse-client");

let service: Runtime;
let pages: Pages;
before(async () => {
  pages = await Pages.start();
  // jsdom says that it is a page of http://localhost.
  service = await Runtime.start({ vars: { ALLOWED_ORIGINS: `${pages.origin},http://localhost` } });
});
after(async () => {
  await service.stop();
  await pages.stop();
});

/** Runs a program to its end; what it printed is in the error where it fails. */
async function run(program: string, args: readonly string[], options: ExecFileOptions = {}): Promise<string> {
  // Where CI is set, or FORCE_COLOR, programs colour even what goes into a pipe.
  const { FORCE_COLOR: _, ...environment } = process.env;
  const env = { ...environment, NO_COLOR: "1", ...options.env };
  const done = promisify(execFile)(program, args, { timeout: 300_000, maxBuffer: 1 << 26, ...options, env, encoding: "utf8" });
  const { stdout } = await done.catch((error: Error & { stdout: string; stderr: string }) => {
    throw new Error(`${program} ${args.join(" ")}: ${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout.trim();
}

/** Somebody's visit to a room of its own: where, as whom, and the one thing to be said there. */
async function visit(room: string) {
  return { url: service.url.origin, room, name: `chat:${room}`, token: await token("visitor"), text: `hello from ${room}` };
}

/** Writes an application's types as its README says. */
async function writeTypes(app: string, kit: "tools" | "nightly" = "tools"): Promise<void> {
  const told = await run("npx", ["--offline", "dormouse-types", service.url.origin, "--out", "dormouse.ts"], { cwd: appFolder(kit, app) });
  assert.match(told, /^Asked http:.*\/v1\/contract: 6 channel patterns\. (Wrote dormouse\.ts|dormouse\.ts is as it was)\.$/);
}

test("publint and attw find nothing to complain of", async () => {
  const linted = await run(join(programsOf("tools"), "publint"), ["--strict", tarball], { cwd: apps });
  assert.match(linted, /All good!$/);
  await run(join(programsOf("tools"), "attw"), [tarball], { cwd: apps });
});

test("it brings licences, types, maps and sources, and no file that nothing uses", async () => {
  const about = JSON.parse(await readFile(createRequire(join(apps, "x.js")).resolve("dormouse-client/package.json"), "utf8"));
  assert.deepEqual([about.license, about.dependencies], ["MIT OR Apache-2.0", undefined]);
  assert.deepEqual((await readdir(installed)).sort(), ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "dist", "package.json", "src"]);
  for (const form of ["esm", "cjs"]) {
    const folder = join(installed, "dist", form);
    for (const name of (await readdir(folder)).filter((file) => /\.(js|d\.ts)$/.test(file))) {
      const map = JSON.parse(await readFile(join(folder, `${name}.map`), "utf8"));
      for (const source of map.sources) await readFile(join(folder, source));
      if (name.endsWith(".js")) assert.equal(map.sourcesContent.length, 1);
      const text = await readFile(join(folder, name), "utf8");
      assert.doesNotMatch(text, /(from|import\(|require\() ?["'][^"']*\.ts["']/, name);
    }
  }
});

test("as a bundler takes it it is as small as the client itself, and an error class alone is under 500 bytes", async () => {
  const bytes = await weigh('export { connect, ChannelError } from "dormouse-client";', apps);
  assert.ok(bytes <= CLIENT_BUDGET, `${bytes}`);
  const contents = 'export { ChannelError } from "dormouse-client";';
  const { outputFiles } = await build({ stdin: { contents, resolveDir: apps }, bundle: true, minify: true, format: "esm", write: false });
  const alone = outputFiles[0]?.contents.length ?? Infinity;
  console.log(`bundled: connect and ChannelError ${bytes} bytes gzipped; ChannelError alone ${alone} bytes, not gzipped`);
  assert.ok(alone < 500, `${alone}`);
});

test("its syntax is that of the oldest browsers", async () => {
  const folder = join(installed, "dist", "esm");
  for (const name of (await readdir(folder)).filter((file) => file.endsWith(".js"))) {
    const text = await readFile(join(folder, name), "utf8");
    const as = async (target: string[]) => (await transform(text, { target, format: "esm" })).code;
    assert.equal(await as(targets), await as(["esnext"]), name);
  }
});

test("its types hold for every compiler from 5.5 on, without skipLibCheck", async () => {
  const folder = appFolder("tools", "types");
  await writeTypes("types");
  const compilers = ["5.5", "5.9", "6.0"].map((version) => join(apps, "..", "node_modules", `typescript-${version}`, "bin", "tsc"));
  const [oldest = "", ...others] = compilers;
  const newest = join(root, "node_modules/typescript/bin/tsc");
  const ways = [
    { type: "module", module: "node16", lib: ["ES2022", "DOM"], types: [], by: [oldest, ...others, newest] },
    { type: "module", module: "node16", lib: ["ES2022"], types: ["node"], by: [oldest, newest] },
    { type: "commonjs", module: "node16", lib: ["ES2022", "DOM"], types: [], by: [oldest, newest] },
    { type: "module", module: "esnext", moduleResolution: "bundler", lib: ["ES2022", "DOM"], types: [], exactOptionalPropertyTypes: true, by: [oldest, newest] },
  ];
  for (const { type, by, ...options } of ways) {
    await writeFile(join(folder, "package.json"), JSON.stringify({ type }));
    const compilerOptions = { strict: true, noEmit: true, target: "ES2022", skipLibCheck: false, ...options };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts", "dormouse.ts"] }));
    for (const compiler of by) await run(process.execPath, [compiler, "-p", folder]);
  }
});

test("without the types of a contract every name is refused, with what to run", async () => {
  const folder = appFolder("tools", "types");
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  const compilerOptions = { strict: true, noEmit: true, module: "node16", target: "ES2022", lib: ["ES2022", "DOM"], types: [] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["bare.ts"] }));
  await writeFile(join(folder, "bare.ts"), 'import { connect } from "dormouse-client";\nconnect("", "chat:one");\n');
  const compiled = run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder]);
  await assert.rejects(compiled, /The contract is empty: let `npx dormouse-types URL` write it/);
});

for (const { name, path, args } of runtimes()) {
  // Deno looks for packages only where it may read a package.json.
  const options = name.startsWith("Deno") ? ["--node-modules-dir=manual"] : [];
  const env = { ...process.env, DENO_DIR: join(apps, "deno"), DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" };
  for (const app of name.startsWith("Node") ? ["module/main.mjs", "commonjs/main.js"] : ["module/main.mjs"]) {
    test(`${app} on ${name} joins, talks and ends`, async () => {
      const { url, name: channel, token, text } = await visit(`${app}-${name}`.replaceAll(/[^A-Za-z0-9-]/g, "-"));
      const given = [...args.filter((arg) => arg !== "--no-config"), ...options, join(apps, app), url, channel, token, text];
      assert.equal(await run(path, given, { cwd: apps, env }), text);
    });
  }
}

test("a script tag joins and talks in a browser", async () => {
  const folder = appFolder("tools", "script");
  await copyFile(join(installed, "dist", "dormouse.global.js"), join(folder, "dormouse.global.js"));
  const asked = await visit("script");
  await pages.title(folder, asked, asked.text);
});

test("a page by Vite compiles, builds, joins and talks in a browser", async () => {
  const folder = appFolder("tools", "vite");
  await writeTypes("vite");
  const compilerOptions = { strict: true, noEmit: true, target: "ES2022", module: "esnext", moduleResolution: "bundler", lib: ["ES2022", "DOM"], types: [] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder]);
  await run(process.execPath, [join(programsOf("tools"), "vite"), "build", "--logLevel", "warn"], { cwd: folder });
  const asked = await visit("vite");
  await pages.title(join(folder, "dist"), asked, asked.text);
});

test("a Worker joins and talks on workerd", async () => {
  const { outputFiles } = await build({
    entryPoints: [join(appFolder("tools", "workerd"), "worker.js")],
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    write: false,
  });
  const worker = new Miniflare({
    cf: false,
    telemetry: { enabled: false },
    workers: [
      {
        config: {
          name: "visitor",
          compatibilityDate: "2026-11-01",
          manifest: { mainModule: "worker.js", modulesRoot: apps, modules: { "worker.js": { type: "esm", contents: outputFiles[0]?.text ?? "" } } },
        },
      },
    ],
  });
  try {
    const asked = await visit("workerd");
    const answer = await worker.dispatchFetch("http://worker.test/", { method: "POST", body: JSON.stringify(asked) });
    assert.equal(await answer.text(), asked.text);
  } finally {
    await worker.dispose();
  }
});

if (nightly) {
  test("jest with jsdom runs a test that joins and talks", async () => {
    const asked = await visit("jest");
    const env = { ...process.env, VISIT_URL: asked.url, VISIT_NAME: asked.name, VISIT_TOKEN: asked.token, VISIT_TEXT: asked.text };
    await run(process.execPath, [join(programsOf("nightly"), "jest"), "--ci"], { cwd: appFolder("nightly", "jest"), env });
  });

  test("a page by Next compiles, is rendered on the server, joins and talks in a browser", async () => {
    const folder = appFolder("nightly", "next");
    await writeTypes("next", "nightly");
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" } as NodeJS.ProcessEnv;
    await run(process.execPath, [join(programsOf("nightly"), "next"), "build"], { cwd: folder, env });
    assert.match(await readFile(join(folder, "out", "index.html"), "utf8"), /rendered on the server/);
    const asked = await visit("next");
    await pages.title(join(folder, "out"), asked, asked.text);
  });
}
