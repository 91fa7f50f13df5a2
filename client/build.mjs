// @ts-check
// Builds the page into public/ and, with --package, the client as a package into client/dist/; prints what the client weighs.
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { targets } from "./baseline.mjs";
import { buildPackage } from "./package.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const publicDirectory = join(here, "..", "public");

/** The weight the client may have, as a page that uses it bundles it, in bytes; raised for channels that a session carries, which cost 350. */
export const CLIENT_BUDGET = 12_000;
/** What such a page imports. */
export const CLIENT_USE = 'export { connect, ChannelError } from "./src/index.ts";';
/** The same of a page that has many channels on one connection too. */
export const SESSION_BUDGET = 13_000;
export const SESSION_USE = 'export { connect, connectSession, ChannelError } from "./src/index.ts";';
const TABS_USE = 'export { shareToken } from "./src/tabs.ts";';

/** @type {import("esbuild").BuildOptions} */
const common = { bundle: true, minify: true, format: "esm", target: targets, legalComments: "none", logLevel: "warning" };

/** The page: one script, and what is copied as it is. */
export async function buildPage() {
  await mkdir(publicDirectory, { recursive: true });
  await build({ ...common, entryPoints: [join(here, "demo/main.ts")], outfile: join(publicDirectory, "app.js"), sourcemap: true });
  await build({ ...common, entryPoints: [join(here, "demo/style.css")], outfile: join(publicDirectory, "style.css") });
  for (const name of ["index.html", "favicon.svg"]) await copyFile(join(here, "demo", name), join(publicDirectory, name));
}

/** What a use of the client weighs in bytes, bundled, minified and gzipped. @param {string} contents @param {string} [resolveDir] where it looks for the client */
export async function weigh(contents, resolveDir = here) {
  const { outputFiles } = await build({ ...common, stdin: { contents, resolveDir, loader: "ts" }, write: false });
  return gzipSync(/** @type {import("esbuild").OutputFile} */ (outputFiles[0]).contents, { level: 9 }).length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPage();
  if (process.argv.includes("--package")) await buildPackage();
  console.log(
    `client: ${await weigh(CLIENT_USE)} bytes minified and gzipped (budget ${CLIENT_BUDGET}), with sessions ${await weigh(SESSION_USE)} (${SESSION_BUDGET}); tabs: ${await weigh(TABS_USE)}`,
  );
}
