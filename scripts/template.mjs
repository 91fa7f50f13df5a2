// @ts-check
// The check "template": an application generated outside the repository, against the crates as they would be published,
// built to wasm, started on the runtime, joined and spoken in; once as it is, once with routes of its own, once by the ten
// lines of the README, once with code that panics and asks another server and bindings, once as the guide's dice game.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { generate } from "../create/create-dormouse.mjs";
import { clippyEnvironment } from "./cargo.mjs";
import { read, root, tools, wasmTarget } from "./project.mjs";
import { run, say, Stop } from "./shell.mjs";
import { wasmEnvironment } from "./toolchain.mjs";

// What is built here lies in the repository, so that it is built once.
const target = join(root, "target", "template");

/** @typedef {{name: string, change: (folder: string) => void | Promise<void>, more?: (folder: string, env: Record<string, string>) => Promise<void>}} Variant */

/** @type {Variant[]} */
const variants = [
  { name: "my-rooms", change: () => {}, more: lintAndEdit },
  { name: "my-routes", change: withRoutes },
  { name: "my-ten-lines", change: asShown },
  { name: "my-code", change: withCode },
  { name: "my-dice", change: asGuided },
];

/** Stops where the crates cannot be packaged, or an application of them does not build, serve or keep a clean log. */
export async function needTemplate() {
  // Of one name for each copy of the repository, so that cargo knows again what it has built.
  const home = join(tmpdir(), `dormouse-template-${createHash("sha256").update(root).digest("hex").slice(0, 8)}`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home);
  const env = environment();
  await packageCrates(home, env);
  for (const variant of variants) await tryOut(join(home, variant.name), variant, env);
  rmSync(home, { recursive: true });
  return variants.map(({ name }) => `${name}: generated, built, joined and spoken in`);
}

/** What cargo, worker-build and wrangler need, as an installed machine has it. @returns {Record<string, string>} */
function environment() {
  const wasm = wasmEnvironment();
  return {
    ...wasm,
    PATH_FIRST: [wasm.PATH_FIRST, join(tools, "bin")].filter(Boolean).join(delimiter),
    CARGO_TARGET_DIR: target,
    CARGO_PROFILE_DEV_DEBUG: "0",
    CARGO_INCREMENTAL: "0",
    // Else the runtime would ask the network where this machine is.
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  };
}

/** Packages the crates, unpacks them, and builds each alone for wasm. @param {string} home @param {Record<string, string>} env */
async function packageCrates(home, env) {
  const packages = join(target, "package");
  rmSync(packages, { recursive: true, force: true });
  // Cargo's own verification keeps what it unpacked once, and takes it again for as long as the version is the same.
  const args = ["package", "--no-verify", "--workspace", "--locked", "--allow-dirty"];
  await run("cargo", args, { env, why: "The crates cannot be packaged; see the lines above." });

  // Those that are never published are packaged too, and used by nobody.
  const tarballs = readdirSync(packages).filter((name) => name.endsWith(".crate") && !/^(deployment|dormouse-bench)-/.test(name));
  const folders = tarballs.map((name) => name.replace(/\.crate$/, ""));
  const patches = folders.map((folder) => `${folder.replace(/-\d.*$/, "")} = { path = ${JSON.stringify(join(home, folder))} }`);
  mkdirSync(join(home, ".cargo"));
  // By the application's profile, so that what is built here is not built again for it.
  const profile = read("template", "Cargo.toml").match(/^\[profile\.development\][\s\S]*?(?=^\[lints)/m)?.[0];
  if (!profile) throw new Stop("template/Cargo.toml has no profile.development.");
  writeFileSync(join(home, ".cargo", "config.toml"), ["# What the registry would serve.", "[patch.crates-io]", ...patches, "", profile].join("\n"));
  // The times in a tarball are of no day, by which cargo would take it for unchanged: here they are of now.
  for (const tarball of tarballs) await run("tar", ["-xmzf", join(packages, tarball), "-C", home]);
  for (const folder of folders) {
    const why = `${folder} does not build out of its package; see the lines above.`;
    await run("cargo", ["build", "--quiet", "--profile", "development", "--lib", "--target", wasmTarget], { cwd: join(home, folder), env, why });
  }
  say(`packaged ${folders.join(", ")}.`);
}

/** Generates a variant, and runs its own tests. @param {string} folder @param {Variant} variant @param {Record<string, string>} env */
async function tryOut(folder, { name, change, more }, env) {
  generate(folder);
  await change(folder);
  // The versions that everything else here is tried with, and the packages that are installed.
  copyFileSync(join(root, "Cargo.lock"), join(folder, "Cargo.lock"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  await run("cargo", ["fmt", "--check"], { cwd: folder, why: `template/src is not formatted as rustfmt does by itself (${folder}).` });
  // Unoptimised: what a release makes of the template is tried by the check "package".
  await run("npm", ["test"], { cwd: folder, env, why: `The generated application ${name} does not work (${folder}); see the lines above.` });
  await more?.(folder, env);
}

/** The gate of the template's workflow, and its loop of editing. @param {string} folder @param {Record<string, string>} env */
async function lintAndEdit(folder, env) {
  const gate = read("template", ".github", "workflows", "deploy.yml").match(/^ *- run: cargo (clippy .*)$/m)?.[1];
  if (!gate) throw new Stop("template/.github/workflows/deploy.yml runs no clippy.");
  await run("cargo", gate.split(" "), { cwd: folder, env: { ...env, ...(await clippyEnvironment()) }, why: `Clippy finds something in the template, whose workflow would not deploy (${folder}); see the lines above.` });
  await run("node", ["--test", join("tests", "template", "loop.mjs")], { env: { ...env, APPLICATION: folder }, why: `The loop of editing does not work in a generated application (${folder}); see the lines above.` });
}

/** The README's example of routes, in place of the line that serves all. @param {string} folder */
function withRoutes(folder) {
  const shown = read("crates", "dormouse", "README.md").match(/```rs\n([\s\S]*?)```/)?.[1];
  if (!shown) throw new Stop("crates/dormouse/README.md shows no routes of one's own.");
  const worker = read("crates", "dormouse", "Cargo.toml").match(/^worker = .*$/m)?.[0];
  edit(folder, join("src", "lib.rs"), "dormouse::serve!(App);\n", shown);
  edit(folder, "Cargo.toml", "[dependencies]\n", `[dependencies]\n${worker}\n`);
  copyFileSync(join(root, "tests", "template", "routes.test.mjs"), join(folder, "test", "routes.test.mjs"));
}

/** The README's crate of ten lines, in place of the template's. @param {string} folder */
function asShown(folder) {
  const shown = read("README.md").match(/```rust\n(use dormouse::[\s\S]*?dormouse::serve![\s\S]*?)```/)?.[1];
  if (!shown) throw new Stop("README.md shows no crate of ten lines.");
  writeFileSync(join(folder, "src", "lib.rs"), shown);
  rmSync(join(folder, "test", "channel.test.mjs"));
  copyFileSync(join(root, "tests", "template", "ten-lines.test.mjs"), join(folder, "test", "ten-lines.test.mjs"));
}

/** Code that panics, and that asks a server of the test's and bindings, in place of the template's. @param {string} folder */
async function withCode(folder) {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, "close");
  const take = (/** @type {string} */ file) => read("tests", "template", file).replaceAll("PORT", String(port));
  writeFileSync(join(folder, "src", "lib.rs"), take("code.rs"));
  appendFileSync(join(folder, "wrangler.toml"), read("tests", "template", "bindings.toml"));
  rmSync(join(folder, "test", "channel.test.mjs"));
  writeFileSync(join(folder, "test", "code.test.mjs"), take("code.test.mjs"));
}

/** The dice game of the guide, crate and test, in place of the template's. @param {string} folder */
function asGuided(folder) {
  const guide = read("crates", "dormouse", "docs", "handlers.md");
  const shown = [guide.match(/```rust\n([\s\S]*?)```/)?.[1], guide.match(/```rs\n([\s\S]*?)```/)?.[1]];
  if (!shown.every((part) => part?.includes("ROLL"))) throw new Stop("crates/dormouse/docs/handlers.md shows no dice game and no test of it.");
  writeFileSync(join(folder, "src", "lib.rs"), shown.join("\n"));
  rmSync(join(folder, "test", "channel.test.mjs"));
  copyFileSync(join(root, "tests", "template", "dice.test.mjs"), join(folder, "test", "dice.test.mjs"));
}

/** Replaces a text that stands in a file once. @param {string} folder @param {string} path @param {string} from @param {string} to */
function edit(folder, path, from, to) {
  const parts = readFileSync(join(folder, path), "utf8").split(from);
  if (parts.length !== 2) throw new Stop(`template/${path} says "${from.trim()}" ${parts.length - 1} times; once is meant.`);
  writeFileSync(join(folder, path), parts.join(to));
}
