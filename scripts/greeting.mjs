// @ts-check
// What `npm start` says once the service listens: where, and how to talk with it by hand.
import { mint } from "./jwt.mjs";

/** The shell line that joins a channel. @param {string} url @param {string} token */
export const wscat = (url, token) =>
  `npx wscat -c '${url.replace(/^http/, "ws")}/v1/channels/chat:lobby' -s dormouse.v1 -s bearer.${token}`;

/** @param {string} url @returns {Promise<string>} */
export async function greeting(url) {
  const token = await mint({ user: "you", can: { "**": ["join", "publish", "presence", "history"] }, expires: 24 * 3600 });
  return `
Dormouse listens at ${url}  (Ctrl-C ends it)

A token for the user "you", good for a day on every channel:
${token}

Join the channel chat:lobby with it:
${wscat(url, token)}

More tokens: npm run token -- --user ann --can 'chat:*=join,publish,presence,history'
`;
}
