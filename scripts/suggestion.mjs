// @ts-check
// Which channel to try first, as the running service's own contract has it.

/**
 * @typedef {object} ChannelRules what is looked at of GET /v1/contract
 * @property {string} pattern
 * @property {string} join
 * @property {unknown} history
 * @property {unknown} presence
 * @property {Record<string, {ability: string, schema: unknown}>} events
 *
 * @typedef {{pattern: string, channel: string, can: string[]}} Suggestion a pattern, a name that fits it, and all that can be done there
 */

/**
 * The first pattern that has most to show: it is joined with a token, keeps what is said, and says what may be said.
 * @param {{channels: readonly ChannelRules[]}} contract @returns {Suggestion | undefined}
 */
export function suggestionOf({ channels }) {
  const [first] = channels.toSorted((one, other) => worth(other) - worth(one));
  return first && { pattern: first.pattern, channel: first.pattern.replaceAll(/\*+/g, "lobby"), can: abilities(first) };
}

/** @param {ChannelRules} rules */
function worth({ join, history, events }) {
  const typed = Object.values(events).some(({ schema }) => schema !== true);
  return [join === "token", history !== null, typed].filter(Boolean).length;
}

/** @param {ChannelRules} rules */
function abilities({ history, presence, events }) {
  const says = Object.values(events).map(({ ability }) => ability);
  return [...new Set(["join", ...says, ...(presence === null ? [] : ["presence"]), ...(history === null ? [] : ["history"])])];
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
