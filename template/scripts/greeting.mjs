// @ts-check
// What `npm start` says once the service listens: where, and how to talk with it by hand.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suggested } from "./lib/suggestion.mjs";
import { project } from "./project.mjs";

// How long the service may take to tell its contract.
const patience = 5_000;

/** @param {string} url @returns {Promise<string>} */
export async function greeting(url) {
  const { name } = JSON.parse(readFileSync(join(project.root, "package.json"), "utf8"));
  const suggestion = await suggested(url, patience);
  return `
${name} listens at ${url}  (Ctrl-C ends it)
${suggestion ? await toJoin(url, suggestion) : ""}
What may be said is src/lib.rs: an edit of it is served once it is saved.
`;
}

/** By a token that the service hands out itself. @param {string} url @param {import("./lib/suggestion.mjs").Suggestion} suggestion */
async function toJoin(url, { channel, frame }) {
  const answer = await fetch(new URL("/dev/token", url), { method: "POST", body: '{"user":"you"}' });
  const { token } = /** @type {{token: string}} */ (await answer.json());
  return `
Join the channel ${channel} in another terminal${frame ? ", and paste the second line into it" : ""}:
npx wscat -c '${url.replace(/^http/, "ws")}/v1/channels/${channel}' -s dormouse.v1 -s bearer.${token}
${frame ? `${JSON.stringify(frame)}\n` : ""}`;
}
