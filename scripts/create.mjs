// @ts-check
// The package create-dormouse, in target/create/: the template with a ready build of its own contract, packed so that it
// can be installed from its tarball: node scripts/create.mjs
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";
import { generate } from "../create/create-dormouse.mjs";
import { builtOf, builtOfFile } from "../template/scripts/lib/ready.mjs";
import { cargoTools } from "../template/scripts/lib/tools.mjs";
import { isCalled, root, tools } from "./project.mjs";
import { setup } from "./setup.mjs";
import { ask, run, say, script, Stop } from "./shell.mjs";
import { wasmEnvironment } from "./toolchain.mjs";

const home = join(root, "target", "create");
const ready = join(home, "ready");
const stamp = join(ready, "inputs");
export const tarball = join(home, "create-dormouse.tgz");

/** What the ready build is made of. */
const inputs = [join("template", "Cargo.toml"), join("template", "src"), join("template", "scripts", "lib", "release.mjs"), "crates", "Cargo.lock"];

/** The folder of the ready build, where it is what the sources here say. */
const currentReady = () => (existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint() ? ready : undefined);

/** What is said of it then: a line that holds wherever it is pasted, and makes nothing within the clone. */
export const usage = `packed: npx file:${tarball} ../my-app makes an application.`;

/** Packs create-dormouse. */
export async function packCreate() {
  if (!currentReady()) await makeReady();
  const folder = join(home, "package");
  rmSync(folder, { recursive: true, force: true });
  for (const file of ["package.json", "README.md", "create-dormouse.mjs"]) {
    cpSync(join(root, "create", file), join(folder, file.endsWith(".mjs") ? "create" : "", file));
  }
  for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) cpSync(join(root, licence), join(folder, licence));
  // Only what git has, in whatever state of work the folder is.
  for (const file of ask("git", ["ls-files", "template"])?.split("\n") ?? []) cpSync(join(root, file), join(folder, file));
  // npm packs no file of that name.
  renameSync(join(folder, "template", ".gitignore"), join(folder, "template", "gitignore"));
  cpSync(ready, join(folder, "ready"), { recursive: true, filter: (file) => file !== stamp });
  const packed = ask("npm", ["pack", folder, "--pack-destination", home, "--loglevel=error"]);
  if (packed === undefined) throw new Stop(`create-dormouse cannot be packed: see "npm pack ${relative(root, folder)}".`);
  renameSync(join(home, packed), tarball);
}

/** Builds the template's wasm by the scripts of an application of it, against the crates as they lie here. */
async function makeReady() {
  const place = join(tmpdir(), `dormouse-ready-${createHash("sha256").update(root).digest("hex").slice(0, 8)}`);
  const app = join(place, "template");
  rmSync(place, { recursive: true, force: true });
  mkdirSync(join(place, ".cargo"), { recursive: true });
  const patches = readdirSync(join(root, "crates")).map((name) => `${name} = { path = ${JSON.stringify(join(root, "crates", name))} }`);
  writeFileSync(join(place, ".cargo", "config.toml"), ["[patch.crates-io]", ...patches, ""].join("\n"));
  generate(app);
  cpSync(join(root, "Cargo.lock"), join(app, "Cargo.lock"));
  symlinkSync(join(root, "node_modules"), join(app, "node_modules"), "junction");
  const wasm = wasmEnvironment();
  const env = {
    ...wasm,
    PATH_FIRST: [wasm.PATH_FIRST, join(tools, "bin")].filter(Boolean).join(delimiter),
    CARGO_TARGET_DIR: join(home, "target"),
    RUSTFLAGS: remapped().map(([from, to]) => `--remap-path-prefix=${from}=${to}`).join(" "),
  };
  await run("node", [join("scripts", "build.mjs")], { cwd: app, env, why: "The template's wasm cannot be built; see the lines above." });

  rmSync(ready, { recursive: true, force: true });
  for (const file of ["index.js", "index_bg.wasm"]) cpSync(join(app, "build", file), join(ready, file));
  writeFileSync(builtOfFile(ready), `${JSON.stringify(builtOf(app), null, 2)}\n`);
  writeFileSync(join(ready, "Cargo.lock"), ofRegistry(readFileSync(join(app, "Cargo.lock"), "utf8")));
  writeFileSync(stamp, fingerprint());
  rmSync(place, { recursive: true });
}

/** Where sources lie on this machine, and what panics say instead: the wasm is the same wherever it was built. @returns {[string, string][]} */
function remapped() {
  const sources = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry", "src");
  const registries = existsSync(sources) ? readdirSync(sources) : [];
  return [[root, "dormouse"], ...registries.map((name) => /** @type {[string, string]} */ ([join(sources, name), "crates"]))];
}

/** A lock without what lies here: cargo adds it again, from where the application has it. @param {string} lock */
export const ofRegistry = (lock) => lock.split("\n\n").filter((part) => !part.startsWith("[[package]]") || part.includes("\nsource = ")).join("\n\n");

function fingerprint() {
  const hash = createHash("sha256").update(JSON.stringify([cargoTools(root), wasmEnvironment().RUSTC ?? ""]));
  for (const file of inputs.flatMap(files)) hash.update(file).update("\0").update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

/** The files at or below a path, in a steady order. @param {string} path @returns {string[]} */
function files(path) {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  return readdirSync(join(root, path)).sort().flatMap((name) => files(join(path, name)));
}

if (isCalled(import.meta.url)) {
  await script(async () => {
    await setup();
    await packCreate();
    say(usage);
  });
}
