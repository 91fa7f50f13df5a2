// @ts-check
// What a build says is wrong with its contract or configuration, each mistake once, asked of it on the real runtime.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as passing } from "node:timers/promises";
import { parseEnv } from "node:util";
import { createTestHarness, unstable_readConfig } from "wrangler";
import { logLine } from "./service.mjs";

// Else the runtime would ask the network where it is.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

/**
 * @param {string} root where wrangler.toml and .dev.vars are @param {string} folder where index.js and index_bg.wasm are
 * @param {Record<string, string>} vars variables beside those of wrangler.toml and .dev.vars
 * @returns {Promise<string[]>}
 */
export async function mistakes(root, folder, vars) {
  const { name, compatibility_date, compatibility_flags, durable_objects, exports, vars: set } = unstable_readConfig({ config: join(root, "wrangler.toml") });
  const secrets = parseEnv(readFileSync(join(root, ".dev.vars"), "utf8"));
  const config = { name, main: "index.js", compatibility_date, compatibility_flags, durable_objects, exports, vars: { ...set, ...secrets, ...vars } };
  const runtime = createTestHarness({ root: folder, workers: [{ config }] });
  const { url } = await runtime.listen();
  const details = () => runtime.getLogs().map(({ message }) => logLine(message)?.detail).filter((detail) => typeof detail === "string");
  const asked = async () => {
    const answer = await fetch(new URL("/v1/health", url));
    return { ok: answer.ok, said: await answer.text() };
  };
  try {
    const [first, second] = [await asked(), await asked()];
    if (first.ok) return [];
    // Each answer logs every mistake under its own id, in order: a line of the second ends those of the first.
    const of = (/** @type {{said: string}} */ { said }) => details().filter((detail) => said.includes(detail.split(": ", 1)[0] ?? detail));
    while (of(second).length === 0) await passing(10);
    return of(first).map((detail) => detail.slice(detail.indexOf(": ") + 2));
  } finally {
    await runtime.close();
  }
}
