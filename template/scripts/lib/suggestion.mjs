// @ts-check
// Which channel to try first, as the running service's own contract has it.

/**
 * @typedef {object} ChannelRules what is looked at of GET /v1/contract
 * @property {string} pattern
 * @property {string} join
 * @property {unknown} history
 * @property {unknown} presence
 * @property {Record<string, {ability: string, schema: unknown, from_service?: boolean}>} events
 * @property {Record<string, {ability: string, input: unknown}>} [calls]
 *
 * @typedef {object} Suggestion
 * @property {string} pattern
 * @property {string} channel a name that fits it
 * @property {string[]} can all that can be done there
 * @property {object} [frame] something to say or to ask there
 */

/**
 * The first pattern that has most to show: it is joined with a token, keeps what is said, and says what may be said.
 * @param {{channels: readonly ChannelRules[]}} contract @returns {Suggestion | undefined}
 */
export function suggestionOf({ channels }) {
  const [first] = channels.toSorted((one, other) => worth(other) - worth(one));
  return first && { pattern: first.pattern, channel: first.pattern.replaceAll(/\*+/g, "lobby"), can: abilities(first), frame: frame(first) };
}

/** @param {ChannelRules} rules */
function worth({ join, history, events, calls = {} }) {
  const typed = [...Object.values(events).map(({ schema }) => schema), ...Object.values(calls).map(({ input }) => input)].some((schema) => schema !== true);
  return [join === "token", history !== null, typed].filter(Boolean).length;
}

/** The first frame whose data can be made up. @param {ChannelRules} rules */
function frame({ events, calls = {} }) {
  const says = Object.entries(events).filter(([, event]) => !event.from_service).map(([event, { schema }]) => ({ type: "publish", id: "1", event, data: example(schema) }));
  const asks = Object.entries(calls).map(([name, { input }]) => ({ type: "call", id: "1", name, data: example(input) }));
  return [...says, ...asks].find(({ data }) => data !== undefined);
}

/** What a schema asks beyond its type and plain bounds. */
const subtle = /^(\$ref|(one|any|all)Of|not|const|pattern|exclusive.*|multipleOf|min(Items|Properties))$/;

/** A value that fits a schema, where that is plain to see. @param {any} schema @returns {unknown} */
function example(schema) {
  if (schema === true) return { text: "hello" };
  const { type, properties = {}, required = [], maximum = 0, minimum = Math.min(0, maximum), minLength = 0, maxLength = Infinity } = schema;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (Object.keys(schema).some((key) => subtle.test(key)) || (type === "string" && schema.format)) return undefined;
  if (type === "boolean") return true;
  if (type === "integer" || type === "number") return minimum;
  if (type === "string") return "hello".padEnd(minLength, "!").slice(0, maxLength);
  if (type === "array") return [];
  if (type !== "object") return undefined;
  /** @type {[string, unknown][]} */
  const made = required.map((/** @type {string} */ name) => [name, example(properties[name] ?? {})]);
  return made.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(made);
}

/** @param {ChannelRules} rules */
function abilities({ history, presence, events, calls = {} }) {
  // What the service says itself is nobody's to say.
  const says = Object.values(events).filter((event) => !event.from_service);
  const uses = [...says, ...Object.values(calls)].map(({ ability }) => ability);
  return [...new Set(["join", ...uses, ...(presence === null ? [] : ["presence"]), ...(history === null ? [] : ["history"])])];
}

/** Asks a service; nothing where none answers so. @param {string} url @param {number} ms @returns {Promise<Suggestion | undefined>} */
export async function suggested(url, ms) {
  try {
    const answer = await fetch(`${url}/v1/contract`, { signal: AbortSignal.timeout(ms) });
    return suggestionOf(await answer.json());
  } catch {
    return undefined;
  }
}
