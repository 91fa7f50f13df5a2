// @ts-check
// `npm run token`: mints a token for this machine's service. The token alone goes to standard output.
import { parseArgs } from "node:util";
import { mint } from "./jwt.mjs";
import { host, isCalled, port } from "./project.mjs";
import { script, Stop } from "./shell.mjs";
import { suggested } from "../template/scripts/lib/suggestion.mjs";

/** What --help says, with an example that fits the contract. @param {string} example */
const help = (example) => `Mints a token for the service on this machine, signed by JWT_SECRET of .dev.vars (HS256).

  npm run token -- --user ann --can '${example}'

  --user NAME          whom the token names (sub), 1-128 characters; required
  --can PATTERN=LIST   what it allows on the channels that fit the pattern; required, may be repeated.
                       Abilities: join, publish, publish:EVENT, call, call:NAME, presence, history, meter, unmetered
  --expires SECONDS    how long it is good, 3600 where not said
  --roles A,B          roles that messages can be directed to, at most 32 of 64 bytes
  --info JSON          a public object that members see, at most 1 KiB: '{"name":"Ann"}'
  --help               this text`;

const abilities = /^(join|(publish|call)(:[^,\s]+)?|presence|history|meter|unmetered)$/;
const wrong = (/** @type {string} */ message) => new Stop(`${message} See "npm run token -- --help".`, 2);

/** @param {string[]} args @returns {import("./jwt.mjs").TokenRequest | undefined} undefined: only help is wanted */
export function wish(args) {
  const given = read(args);
  if (given.help) return undefined;
  if (!given.user) throw wrong("--user is missing: say whom the token names.");
  if ([...given.user].length > 128) throw wrong("--user is longer than 128 characters.");
  if (!given.can) throw wrong("--can is missing: say what the token allows, as in --can 'chat:*=join,publish'.");
  return {
    user: given.user,
    can: grants(given.can),
    expires: seconds(given.expires ?? "3600"),
    roles: given.roles === undefined ? undefined : roles(given.roles),
    info: given.info === undefined ? undefined : info(given.info),
  };
}

/** @param {string[]} args */
function read(args) {
  const options = /** @type {const} */ ({
    user: { type: "string" },
    can: { type: "string", multiple: true },
    expires: { type: "string" },
    roles: { type: "string" },
    info: { type: "string" },
    help: { type: "boolean" },
  });
  try {
    return parseArgs({ args, options, strict: true }).values;
  } catch (error) {
    throw wrong(`${error instanceof Error ? error.message.split(". ")[0] : error}.`);
  }
}

/** @param {string[]} texts each PATTERN=LIST; a pattern given twice adds up */
function grants(texts) {
  /** @type {Map<string, string[]>} */
  const can = new Map();
  for (const text of texts) {
    // A name may hold "=", an ability never does.
    const at = text.lastIndexOf("=");
    const [pattern, list] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1).split(",").map((ability) => ability.trim())];
    if (!pattern) throw wrong(`--can '${text}' is not PATTERN=ABILITY,ABILITY.`);
    const unfit = whyUnfit(pattern);
    if (unfit) throw wrong(`--can '${text}' allows nothing: ${unfit}.`);
    const unknown = list.find((ability) => !abilities.test(ability));
    if (unknown !== undefined) throw wrong(`--can '${text}': "${unknown}" is no ability.`);
    can.set(pattern, [...new Set([...(can.get(pattern) ?? []), ...list])]);
  }
  return Object.fromEntries(can);
}

/** Why a pattern fits no channel at all, if it does not (rule E5). @param {string} pattern */
export function whyUnfit(pattern) {
  const segments = pattern.split(":");
  if (pattern === "." || pattern === "..") return `"${pattern}" is refused as a name`;
  if (segments.slice(0, -1).includes("**")) return "`**` may stand only as the last segment";
  const partial = segments.find((segment) => segment.includes("*") && segment !== "*" && segment !== "**");
  if (partial) return `a \`*\` must be a whole segment, and "${partial}" is more than that`;
  const bad = segments.find((segment) => !/^(\*\*?|[A-Za-z0-9_.=@~-]+)$/.test(segment));
  if (bad !== undefined) return bad === "" ? "a segment is empty" : `"${bad}" has a letter that is none of A-Z a-z 0-9 _ - . = @ ~`;
  if (pattern.replace(/\*\*$/, "*").length > 128) return "a name has at most 128 characters";
  return undefined;
}

/** @param {string} text */
function seconds(text) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw wrong(`--expires '${text}' is not a whole number of seconds above 0.`);
  return value;
}

/** @param {string} text */
function roles(text) {
  const list = text.split(",").map((role) => role.trim());
  if (list.length > 32) throw wrong(`--roles names ${list.length} roles; 32 is the most.`);
  const bad = list.find((role) => role === "" || Buffer.byteLength(role) > 64);
  if (bad !== undefined) throw wrong(`--roles: a role has 1 to 64 bytes, '${bad}' has ${Buffer.byteLength(bad)}.`);
  return list;
}

/** @param {string} text @returns {Record<string, unknown>} */
function info(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong("--info is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong("--info is not a JSON object.");
  const size = Buffer.byteLength(JSON.stringify(value));
  if (size > 1024) throw wrong(`--info has ${size} bytes; 1,024 is the most.`);
  return value;
}

if (isCalled(import.meta.url)) {
  await script(async () => {
    const wanted = wish(process.argv.slice(2));
    if (wanted) return console.log(await mint(wanted));
    // Where the service runs it knows its contract best.
    const { pattern, can } = (await suggested(`http://${host}:${port}`, 1_000)) ?? { pattern: "chat:*", can: ["join", "publish", "call", "presence", "history"] };
    console.log(help(`${pattern}=${can}`));
  });
}
