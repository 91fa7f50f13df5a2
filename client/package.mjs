// @ts-check
// The client as a package, in client/dist/: what `npm pack` packs.
//   esm/, cjs/            each module by itself, unminified, with types and source maps
//   dormouse.global.js    all of it for a script tag, as `Dormouse`
//   dormouse-types.js     the command, with the licences of what is bundled in it beside it
import { execFile } from "node:child_process";
import { chmod, copyFile, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { targets } from "./baseline.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const dist = join(here, "dist");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");

/** The two forms of a module. Only its own package.json says of a file ending in .js which of them it is. */
const forms = [
  { name: "esm", type: "module", options: [] },
  { name: "cjs", type: "commonjs", options: ["--module", "commonjs", "--verbatimModuleSyntax", "false"] },
];

/** Builds it whole, and only then puts it in the place of what was there. */
export async function buildPackage() {
  const made = `${dist}.new`;
  await rm(made, { recursive: true, force: true });
  for (const form of forms) await compile(join(made, form.name), form);
  await bundleGlobal(join(made, "dormouse.global.js"));
  await bundleCommand(made);
  for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) await copyFile(join(root, licence), join(here, licence));
  await rm(dist, { recursive: true, force: true });
  await rename(made, dist);
}

/** @param {string} folder @param {(typeof forms)[number]} form */
async function compile(folder, { type, options }) {
  await promisify(execFile)(process.execPath, [compiler, "-p", join(here, "tsconfig.build.json"), "--outDir", folder, ...options]);
  await writeFile(join(folder, "package.json"), `${JSON.stringify({ type, sideEffects: false })}\n`);
  // The compiler puts the names that modules have once they are built into them, but not into their types.
  for (const name of (await readdir(folder)).filter((name) => name.endsWith(".d.ts"))) {
    const file = join(folder, name);
    await writeFile(file, (await readFile(file, "utf8")).replaceAll(/(["'])(\.\.?\/[^"']*)\.ts\1/g, "$1$2.js$1"));
  }
}

/** @param {string} outfile */
async function bundleGlobal(outfile) {
  const contents = 'export * from "./src/index.ts"; export { shareToken } from "./src/tabs.ts";';
  const stdin = { contents, resolveDir: here, loader: /** @type {const} */ ("ts") };
  await build({ stdin, outfile, bundle: true, minify: true, sourcemap: true, format: "iife", globalName: "Dormouse", target: targets, logLevel: "warning" });
}

/** The command and all it needs in one file, so that whoever installs the client installs nothing else. @param {string} folder */
async function bundleCommand(folder) {
  const { metafile } = await build({
    entryPoints: [join(here, "bin.mjs")],
    outfile: join(folder, "dormouse-types.js"),
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node22",
    metafile: true,
    logLevel: "warning",
    // What is written in CommonJS asks for Node's own modules by it.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    plugins: [withoutFormatter],
  });
  await chmod(join(folder, "dormouse-types.js"), 0o755);
  const bundled = Object.keys(metafile.inputs).flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  const licences = await Promise.all([...new Set(bundled)].sort().map(licenceOf));
  await writeFile(join(folder, "dormouse-types.LICENSES.txt"), licences.join("\n\n"));
}

/** The formatter is 5 MB and not used (`format: false`). @type {import("esbuild").Plugin} */
const withoutFormatter = {
  name: "without the formatter",
  setup(bundling) {
    bundling.onResolve({ filter: /^prettier$/ }, () => ({ path: "prettier", namespace: "left out" }));
    bundling.onLoad({ filter: /.*/, namespace: "left out" }, () => ({ contents: "" }));
  },
};

/** The name, version and licence of a package that lies here. @param {string} path below the working directory, as esbuild tells it */
async function licenceOf(path) {
  const { name, version } = JSON.parse(await readFile(join(path, "package.json"), "utf8"));
  const file = (await readdir(path)).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined) throw new Error(`${name} is bundled, and has no licence to go with it`);
  return `${name} ${version}\n\n${(await readFile(join(path, file), "utf8")).trim()}\n`;
}
