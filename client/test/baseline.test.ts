import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { BASELINE } from "../baseline.mjs";
import { complaints } from "../compat.mjs";

const source = fileURLToPath(new URL("../src/", import.meta.url));

const NEWER = [
  'new URLSearchParams("a=1").size',
  "URL.canParse('a')",
  "AbortSignal.any([])",
  "Response.json({})",
  "new CompressionStream('gzip')",
  "navigator.wakeLock.request('screen')",
  "new ReadableStream<string>().values()",
  "document.startViewTransition(() => {})",
  "document.createElement('dialog').requestClose()",
  "scheduler.yield()",
];

const HAD = [
  'new URLSearchParams("a=1").get("a")',
  "structuredClone(1)",
  "new AbortController().abort(1)",
  "new Response().json()",
  "[1].at(-1)",
  "Object.hasOwn({}, 'a')",
  "navigator.locks.request('a', { steal: true }, async () => {})",
  "new BroadcastChannel('a').postMessage(1)",
  "globalThis.addEventListener('online', () => {}, { signal: AbortSignal.abort() })",
  "crypto.getRandomValues(new Uint32Array(3))",
  "queueMicrotask(() => {})",
];

/** What the compiler says of the client, and of each of these lines in a file of its own. */
const said: string[] = [];
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lines-"));
  const lines = await Promise.all(
    [...NEWER, ...HAD].map(async (line, at) => {
      const file = join(folder, `line${at}.ts`);
      await writeFile(file, `export {};\n${line};\n`);
      return file;
    }),
  );
  const files = (await readdir(source)).map((name) => join(source, name));
  assert.ok(files.length > 20);
  said.push(...(await complaints([...files, ...lines])));
});

after(() => rm(folder, { recursive: true }));

const complainedOf = (line: string): boolean => said.some((complaint) => complaint.includes(`line${[...NEWER, ...HAD].indexOf(line)}.ts`));

test("the_client_uses_nothing_that_a_browser_of_the_baseline_lacks", () => {
  assert.deepEqual(
    said.filter((complaint) => !/line\d+\.ts/.test(complaint)),
    [],
  );
});

test("what_is_newer_than_the_baseline_is_found_wherever_it_stands", () => {
  assert.deepEqual(NEWER.filter(complainedOf), NEWER);
});

test("what_the_baseline_has_is_let_pass", () => {
  assert.deepEqual(HAD.filter(complainedOf), []);
});

test("the_baseline_is_what_browsers_were_on_its_day_and_the_readme_names_it", async () => {
  const { browsers } = createRequire(import.meta.url)("@mdn/browser-compat-data") as {
    browsers: Record<string, { releases: Record<string, { release_date?: string }> }>;
  };
  const newest = (browser: string): string | undefined =>
    Object.entries(browsers[browser]?.releases ?? {})
      .filter(([, { release_date: day = "9999" }]) => day <= "2022-11-27")
      .sort(([, a], [, b]) => ((a.release_date ?? "") < (b.release_date ?? "") ? 1 : -1))[0]?.[0];
  for (const [browser, version] of Object.entries(BASELINE)) assert.equal(newest(browser), version, browser);
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  assert.ok(readme.includes(`Chrome and Edge ${BASELINE["chrome"]}, Firefox ${BASELINE["firefox"]}, Safari ${BASELINE["safari"]}`));
});
