// @ts-check
// The check "package": the client's tarball, and what it is tried with, in a folder where nothing else of the repository is found.
import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./project.mjs";
import { ask, run, say, Stop } from "./shell.mjs";

const tests = join("tests", "package");
const home = join(root, "target", "tarball");

/** What the package is tried with, and what else where NIGHTLY is set. */
const kits = [
  { name: "tools", what: "publint, attw, Vite and older compilers (npm ci, about 30 MB to fetch)", nightly: false },
  { name: "nightly", what: "Next and jest (npm ci, about 100 MB to fetch)", nightly: true },
];

export const packageLocks = kits.map(({ name }) => join(tests, name, "package-lock.json"));
export const nightly = Boolean(process.env.NIGHTLY);
/** The folder of an application that the package is installed for. @param {"tools" | "nightly"} kit @param {string} app */
export const appFolder = (kit, app) => join(home, kit, "apps", app);
/** Where a kit's programs are. @param {"tools" | "nightly"} kit */
export const programsOf = (kit) => join(home, kit, "node_modules", ".bin");
export const tarball = join(home, "dormouse-client.tgz");

/** Packs the client and installs it, as a stranger would, beside what it is tried with. */
export async function needTarball() {
  const { buildPackage } = await import("../client/package.mjs");
  await buildPackage();
  mkdirSync(home, { recursive: true });
  const packed = ask("npm", ["pack", join(root, "client"), "--pack-destination", home, "--loglevel=error"]);
  if (packed === undefined) throw new Stop('The client cannot be packed: see "npm pack ./client".');
  copyFileSync(join(home, packed), tarball);
  for (const kit of kits) if (!kit.nightly || nightly) await install(kit);
}

/** @param {(typeof kits)[number]} kit */
async function install({ name, what }) {
  const folder = join(home, name);
  const lock = readFileSync(join(root, tests, name, "package-lock.json"));
  const stamp = join(folder, "node_modules", ".dormouse");
  const wanted = createHash("sha256").update(lock).digest("hex");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    say(`installing ${what} …`);
    mkdirSync(folder, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(root, tests, name, file), join(folder, file));
    // None of their install scripts is needed.
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, why: "What the package is tried with cannot be installed; see the lines above." });
    writeFileSync(stamp, wanted);
  }
  const apps = join(folder, "apps");
  rmSync(apps, { recursive: true, force: true });
  cpSync(join(root, tests, "apps"), apps, { recursive: true });
  writeFileSync(join(apps, "package.json"), JSON.stringify({ private: true, dependencies: { "dormouse-client": `file:${tarball}` } }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"], { cwd: apps, why: "The package does not install from its tarball." });
}
