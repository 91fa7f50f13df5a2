// @ts-check
// A contract as TypeScript.
import { compile } from "json-schema-to-typescript";

/**
 * @typedef {{ per_second: number, burst: number }} Rate
 * @typedef {{ ability: string, directed: boolean, kept: boolean, rate: Rate, schema: unknown, from_service?: boolean, refusals?: string[] }} Event
 * @typedef {{ ability: string, rate: Rate, input: unknown, output: unknown, remembered: boolean, refusals: string[] }} Call
 * @typedef {{
 *   pattern: string, join: string, events: Record<string, Event>, presence: null | { data: unknown, mode: string },
 *   calls?: Record<string, Call>, refusals?: string[], snapshot?: unknown,
 * }} Channel
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
async function channelType({ pattern, join: entry, events, calls = {}, refusals = [], snapshot = null, presence }, declared) {
  const guards = guarded(refusals, [...Object.values(events), ...Object.values(calls)]);
  const said = [];
  for (const [name, event] of Object.entries(events).sort()) {
    const data = await typeOf(event.schema, pascal(`${pattern} ${name}`), declared);
    const { directed, kept } = event;
    const reasons = [...(event.refusals ?? []), ...guards];
    said.push(
      `      /** ${kept ? "Kept" : "Ephemeral"}; ${event.from_service ? `said by the service, or with the ability \`${event.ability}\`` : `ability \`${event.ability}\``}; ${rateOf(event)}. */`,
      `      ${JSON.stringify(name)}: { data: ${data}; directed: ${directed}; kept: ${kept}${event.from_service ? "; fromService: true" : ""}${reasons.length ? `; refusals: ${oneOf(reasons)}` : ""} };`,
    );
  }
  const asked = [];
  for (const [name, call] of Object.entries(calls).sort()) {
    const input = await typeOf(call.input, pascal(`${pattern} ${name}`), declared);
    const output = await typeOf(call.output, pascal(`${pattern} ${name} reply`), declared);
    const { remembered } = call;
    asked.push(
      `      /** ${remembered ? "Remembered" : "Not remembered"}; ability \`${call.ability}\`; ${rateOf(call)}. */`,
      `      ${JSON.stringify(name)}: { input: ${input}; output: ${output}; remembered: ${remembered}; refusals: ${oneOf([...call.refusals, ...guards])} };`,
    );
  }
  const parts = [`    events: {\n${said.join("\n")}\n    };`];
  if (asked.length) parts.push(`    calls: {\n${asked.join("\n")}\n    };`);
  if (snapshot !== null) parts.push(`    snapshot: ${await typeOf(snapshot, pascal(`${pattern} snapshot`), declared)};`);
  parts.push(`    presence: ${presence === null ? "never" : await typeOf(presence.data, pascal(`${pattern} presence`), declared)};`);
  return `  /** Joined ${{ token: "with a token", anyone: "by anyone", later: "first, signed in later" }[entry] ?? entry}. */
  ${JSON.stringify(pattern)}: {
${parts.join("\n")}
  };`;
}

/** The reasons of a channel that are of no event and no call: those of its guards, which look at all of them. @param {string[]} all @param {{ refusals?: string[] }[]} parts */
function guarded(all, parts) {
  const own = new Set(parts.flatMap(({ refusals = [] }) => refusals));
  return all.filter((reason) => !own.has(reason));
}

/** @param {{ rate: Rate }} what */
const rateOf = ({ rate }) => `${rate.per_second} a second, ${rate.burst} at once`;

/** Any of these texts, as a type. @param {string[]} texts */
const oneOf = (texts) => [...new Set(texts)].map((text) => JSON.stringify(text)).join(" | ") || "never";

/** The TypeScript name of a schema, declared on the way. @param {unknown} schema @param {string} wanted @param {Map<string, string>} declared */
async function typeOf(schema, wanted, declared) {
  // `true` is free JSON.
  if (schema === true) return "unknown";
  let name = wanted;
  for (let more = 2; declared.has(name); more++) name = `${wanted}${more}`;
  const { type, properties = {}, additionalProperties, description } = /** @type {Record<string, any>} */ (schema);
  if (type === "object" && additionalProperties === false && Object.keys(properties).length === 0) {
    // An interface without fields would take anything.
    const text = `/**\n * ${`${description ?? "No data."}`.replaceAll("*/", "* /")}\n */\nexport type ${name} = Record<string, never>;\n`;
    declared.set(name, text);
    return name;
  }
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
