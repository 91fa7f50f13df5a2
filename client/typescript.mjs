// @ts-check
// A contract as TypeScript.
import { compile } from "json-schema-to-typescript";

/**
 * @typedef {{ ability: string, directed: boolean, kept: boolean, rate: { per_second: number, burst: number }, schema: unknown }} Event
 * @typedef {{ pattern: string, join: string, events: Record<string, Event>, presence: null | { data: unknown, mode: string } }} Channel
 * @typedef {{ channels: Channel[] }} Contract
 */

const head = `// Written by dormouse-types out of the service's own contract; not to be edited by hand.
/* eslint-disable */
`;

/** How the client is told of a contract: whoever imports it in the same program knows it then. */
const declaration = `
declare module "dormouse-client" {
  interface Contract extends ServiceContract {}
}
`;

/**
 * The contract as TypeScript. Where it stands `alone` the client is not told of it: that of a second service is named
 * by `connectWith<ServiceContract>()`.
 * @param {Contract} contract
 */
export async function typesOf({ channels }, alone = false) {
  /** By its name, what a payload is. @type {Map<string, string>} */
  const declared = new Map();
  const patterns = [];
  for (const channel of channels) patterns.push(await channelType(channel, declared));
  const text = [
    head,
    ...declared.values(),
    "/** What may be said on which channels of this deployment. */",
    `export interface ServiceContract {\n${patterns.join("\n")}\n}`,
  ].join("\n");
  return `${text}\n${alone ? "" : declaration}`;
}

/** @param {Channel} channel @param {Map<string, string>} declared */
async function channelType({ pattern, join: entry, events, presence }, declared) {
  const lines = [];
  for (const [name, event] of Object.entries(events).sort()) {
    const data = await typeOf(event.schema, pascal(`${pattern} ${name}`), declared);
    const kept = event.kept ? "Kept" : "Ephemeral";
    lines.push(
      `      /** ${kept}; ability \`${event.ability}\`; ${event.rate.per_second} a second, ${event.rate.burst} at once. */`,
      `      ${JSON.stringify(name)}: { data: ${data}; directed: ${event.directed}; kept: ${event.kept} };`,
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

/** The TypeScript name of a schema, declared on the way. @param {unknown} schema @param {string} wanted @param {Map<string, string>} declared */
async function typeOf(schema, wanted, declared) {
  // `true` is free JSON.
  if (schema === true) return "unknown";
  let name = wanted;
  for (let more = 2; declared.has(name); more++) name = `${wanted}${more}`;
  const options = {
    bannerComment: "",
    additionalProperties: false,
    // A list of at most 20 would be 21 tuples, and none of them takes a `string[]`.
    ignoreMinAndMaxItems: true,
    // The formatter is 5 MB, of which the package's own copy of this does without.
    format: false,
  };
  const text = await compile(/** @type {import("json-schema-to-typescript").JSONSchema} */ (named(schema, name)), name, options);
  declared.set(name, indented(text));
  return name;
}

/**
 * A schema named so, and each definition within it too: two payloads may each have a `Mood` of their own.
 * @param {unknown} schema @param {string} name
 */
function named(schema, name) {
  const text = JSON.stringify(schema, (key, value) => {
    // What the compiler of schemas knows by an older name.
    if (Array.isArray(value?.prefixItems)) return { ...value, items: value.prefixItems, additionalItems: false };
    if (key === "$defs") return Object.fromEntries(Object.entries(value).map(([inner, one]) => [name + inner, one]));
    if (typeof value !== "string") return value;
    if (key === "$ref") return value.replace("#/$defs/", `#/$defs/${name}`);
    if (key === "title") return undefined;
    return key === "description" ? value.replaceAll("*/", "* /") : value;
  });
  return { ...JSON.parse(text), title: name };
}

/** Lays out what has no layout: each line as far in as braces are open before it. @param {string} text */
function indented(text) {
  let depth = 0;
  const lines = text.trim().split("\n").flatMap((line) => {
    if (line === "" && depth > 0) return [];
    if (line === "" || /^(\/\*\*| \*)/.test(line)) return ["  ".repeat(line === "" ? 0 : depth) + line];
    if (/^[})]/.test(line)) depth--;
    const end = /[{(|]$/.test(line) || (line === "}" && depth === 0) ? "" : ";";
    const laid = `${"  ".repeat(depth)}${line.replace(/([:=] )\(([^()]*)\)$/, "$1$2")}${end}`;
    if (/[{(]$/.test(line)) depth++;
    return [laid];
  });
  return `${lines.join("\n")}\n`;
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
