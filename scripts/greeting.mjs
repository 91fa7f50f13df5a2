// @ts-check
// What `npm start` says once the service listens: where, and how to talk with it by hand.
import { mint } from "./jwt.mjs";
import { suggested } from "../template/scripts/lib/suggestion.mjs";

// How long the service may take to tell its contract.
const patience = 5_000;

/** The shell line that joins a channel. @param {string} url @param {string} channel @param {string} token */
export const wscat = (url, channel, token) =>
  `npx wscat -c '${url.replace(/^http/, "ws")}/v1/channels/${channel}' -s dormouse.v1 -s bearer.${token}`;

/** @param {string} url @returns {Promise<string>} */
export async function greeting(url) {
  const { pattern, channel, can } = (await suggested(url, patience)) ?? { pattern: "**", channel: "lobby", can: ["join"] };
  const all = [...new Set(["join", "publish", "call", "presence", "history", ...can])];
  const token = await mint({ user: "you", can: { "**": all }, expires: 24 * 3600 });
  return `
Dormouse listens at ${url}  (Ctrl-C ends it)

A token for the user "you", good for a day on every channel:
${token}

Join the channel ${channel} with it:
${wscat(url, channel, token)}

More tokens: npm run token -- --user ann --can '${pattern}=${can}'
`;
}
