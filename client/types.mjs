// @ts-check
// `npm run types [-- URL]`: asks the running service what may be said (GET /v1/contract) and writes it down twice:
// client/contract.json as it was answered, client/src/contract.ts as TypeScript.
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

/**
 * @typedef {{ ability: string, directed: boolean, kept: boolean, rate: { per_second: number, burst: number }, schema: unknown }} Event
 * @typedef {{ pattern: string, join: string, events: Record<string, Event>, presence: null | { data: unknown, mode: string } }} Channel
 * @typedef {{ channels: Channel[] }} Contract
 */

const here = dirname(fileURLToPath(import.meta.url));
export const contractFile = join(here, "contract.json");
export const typesFile = join(here, "src", "contract.ts");

const head = `// Written by \`npm run types\` out of the service's own contract; not to be edited by hand.
`;

/** The contract as TypeScript. @param {Contract} contract */
export async function typesOf({ channels }) {
  /** @type {Map<string, string>} */
  const declared = new Map();
  const patterns = [];
  for (const channel of channels) patterns.push(await channelType(channel, declared));
  const text = [
    head,
    ...declared.values(),
    "/** What may be said on which channels of this deployment. */",
    `export interface Contract {\n${patterns.join("\n")}\n}`,
  ].join("\n");
  return `${text}\n`;
}

/** @param {Channel} channel @param {Map<string, string>} declared */
async function channelType({ pattern, join: entry, events, presence }, declared) {
  const lines = [];
  for (const [name, event] of Object.entries(events).sort()) {
    const data = await typeOf(event.schema, pascal(`${pattern} ${name}`), declared);
    const kept = event.kept ? "Kept" : "Ephemeral";
    lines.push(
      `      /** ${kept}; ability \`${event.ability}\`; ${event.rate.per_second} a second, ${event.rate.burst} at once. */`,
      `      ${JSON.stringify(name)}: { data: ${data}; directed: ${event.directed} };`,
    );
  }
  const shown = presence === null ? "never" : await typeOf(presence.data, pascal(`${pattern} presence`), declared);
  return `  /** Joined ${{ token: "with a token", anyone: "by anyone", later: "first, signed in later" }[entry] ?? entry}. */
  ${JSON.stringify(pattern)}: {
    events: {
${lines.join("\n")}
    };
    presence: ${shown};
  };`;
}

/** The TypeScript name of a schema, declared on the way. @param {unknown} schema @param {string} name @param {Map<string, string>} declared */
async function typeOf(schema, name, declared) {
  // `true` is free JSON.
  if (schema === true) return "unknown";
  const options = { bannerComment: "", additionalProperties: false, style: { printWidth: 120 } };
  const text = await compile(
    /** @type {import("json-schema-to-typescript").JSONSchema} */ ({ ...Object(schema), title: name }),
    name,
    options,
  );
  declared.set(name, text);
  return name;
}

/** @param {string} text */
function pascal(text) {
  const words = text
    .replaceAll("**", " rest ")
    .replaceAll("*", " ")
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean);
  return words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join("");
}

/** Keys in a steady order, so that the file changes only with the contract. @param {unknown} value @returns {unknown} */
export function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}

async function main() {
  const url = new URL("/v1/contract", process.argv[2] ?? "http://127.0.0.1:8787");
  const answer = await fetch(url).catch((error) => {
    console.error(`${url} does not answer (${error.cause?.code ?? error}): run "npm start" first, or name another service.`);
    process.exit(1);
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}.`);
  const contract = /** @type {Contract} */ (sorted(await answer.json()));
  const before = await readFile(typesFile, "utf8").catch(() => "");
  await writeFile(contractFile, `${JSON.stringify(contract, null, 2)}\n`);
  await writeFile(typesFile, await typesOf(contract));
  console.log(
    before === (await readFile(typesFile, "utf8"))
      ? "The types are as they were."
      : "Wrote client/contract.json and client/src/contract.ts.",
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
