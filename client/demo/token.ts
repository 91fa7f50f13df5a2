/** Where this page's tokens come from: the service itself on this machine, the reader elsewhere. */
import { shareToken } from "../src/tabs.ts";
import type { SharedToken } from "../src/tabs.ts";

/** Whether the service hands out tokens here, which it does on this machine alone. */
export const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

/** A token for a channel, shared with other tabs of the same user there. */
export function tokenFor(user: string, channel: string, pasted: string): SharedToken {
  return shareToken({
    url: location.origin,
    channel,
    user,
    get: ({ reason }) => (isLocal ? mint(user) : reason === "join" ? pasted : null),
  });
}

async function mint(user: string): Promise<string> {
  const answer = await fetch("/dev/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user }),
  });
  if (!answer.ok) throw new Error(`POST /dev/token answered ${answer.status}.`);
  const { token } = (await answer.json()) as { token: string };
  return token;
}
