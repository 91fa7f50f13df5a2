// @ts-check
// Everything `npm test` checks, in order: what is quick and fails often first.
import { ofTheDefault } from "./application.mjs";
import { needBrowser } from "./browser.mjs";
import { buildAll } from "./build.mjs";
import { cargoClosing, document, everyCrate, lint, needPure } from "./cargo.mjs";
import { packCreate } from "./create.mjs";
import { needRight } from "./deployment.mjs";
import { needLicences } from "./licences.mjs";
import { needTarball, nightly } from "./package.mjs";
import { needPython } from "./python.mjs";
import { dryRun, needSize } from "./release.mjs";
import { needRuntimes } from "./runtimes.mjs";
import { Stop, tryRun } from "./shell.mjs";
import { needTemplate } from "./template.mjs";
import { nodeTests, typeCheck } from "./typescript.mjs";
import { needVersions } from "./versions.mjs";

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string} title what it proves
 * @property {() => Promise<string[]>} run stops where it fails; returns the runner's own closing lines
 */

/** @type {Check[]} */
export const checks = [
  {
    name: "contract",
    title: "the contract compiles and has no mistake (a development build, asked on the runtime)",
    run: async () => {
      await needRight();
      return [];
    },
  },
  {
    name: "fmt",
    title: "the Rust is formatted (cargo fmt)",
    run: async () => {
      await everyCrate("fmt", ["--check"], { why: 'The Rust is not formatted: run "cargo fmt".' });
      return [];
    },
  },
  { name: "types", title: "TypeScript and the scripts have the types they claim (tsc)", run: typeCheck },
  { name: "licences", title: "every dependency is licensed as deny.toml allows, and none is denied", run: async () => needLicences() },
  { name: "pure", title: "the pure part has no platform crate in its dependency tree", run: async () => needPure() },
  { name: "clippy", title: "the linter finds nothing, for this machine and for wasm", run: lint },
  {
    name: "rust",
    title: "the machine does what the protocol says (cargo test)",
    run: async () => cargoClosing(await everyCrate("test", ["--locked"], { why: "A Rust test failed." })),
  },
  {
    name: "storage",
    title: "the storage contract holds over the runtime's own SQLite",
    run: async () => {
      const { code, output } = await tryRun("node", ["tests/storage_contract/on_runtime.mjs"]);
      if (code !== 0) throw new Stop("The storage contract does not hold over the runtime's SQLite.");
      return cargoClosing(output);
    },
  },
  {
    name: "doc",
    title: "the documentation builds without a warning (cargo doc), as docs.rs builds it too",
    run: document,
  },
  {
    name: "size",
    title: "the release wasm builds, and its size sets off no alarm",
    run: async () => {
      await buildAll();
      return ofTheDefault(async () => needSize());
    },
  },
  {
    name: "versions",
    title: "the crates build with the newest and the oldest versions that they allow (where NIGHTLY=1)",
    // By its name it always runs.
    run: async () => (nightly || process.argv.includes("versions") ? needVersions() : ["passed over: it takes minutes, and runs with NIGHTLY=1 or by its name"]),
  },
  { name: "template", title: "an application of one's own, out of template/ and the packaged crates, builds and serves", run: needTemplate },
  { name: "deploy", title: "each environment would deploy (wrangler deploy --dry-run), without DEV_TOKENS", run: dryRun },
  {
    name: "scripts",
    title: "the scripts keep their promises, and the benchmark's arithmetic is right",
    run: async () => {
      await buildAll();
      return [...(await nodeTests("scripts/test")), ...(await nodeTests("bench/lib"))];
    },
  },
  { name: "client", title: "the client keeps to the protocol", run: () => nodeTests("client/test") },
  {
    name: "package",
    title: "the client and create-dormouse install from their tarballs and work wherever they are used (NIGHTLY=1: in Next and jest too)",
    run: async () => {
      await needBrowser();
      await needRuntimes();
      await buildAll();
      await needTarball();
      await packCreate();
      return nodeTests("tests/package");
    },
  },
  {
    name: "examples",
    title: "the example client in Python hears everything once over 20 cuts",
    run: async () => {
      await needPython();
      await buildAll();
      return nodeTests("tests/examples");
    },
  },
  {
    name: "e2e",
    title: "real sockets and a real browser on the real runtime",
    run: () =>
      ofTheDefault(async () => {
        await needBrowser();
        await needRuntimes();
        await buildAll();
        return nodeTests("tests/e2e");
      }),
  },
];
