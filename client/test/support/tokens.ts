import type { TokenAsk } from "../../src/index.ts";
import { World, jwt, welcomeOf } from "./world.ts";
import type { Frame } from "./world.ts";

/** A token function that gives tokens of one minute and remembers why it was asked. */
export function source(world: World, minutes = 1): { asked: TokenAsk["reason"][]; given: string[]; token: (ask: TokenAsk) => Promise<string> } {
  const seen = {
    asked: [] as TokenAsk["reason"][],
    given: [] as string[],
    async token({ reason }: TokenAsk) {
      seen.asked.push(reason);
      const token = jwt({ sub: "ann", exp: world.now / 1000 + 60 * minutes, n: seen.given.length });
      seen.given.push(token);
      return token;
    },
  };
  return seen;
}

export const guest = { type: "welcome", channel: "chat:lobby", connection: "c1", user: null, can: [] };

export const ack = (frame: Frame): object => ({ type: "ack", id: frame["id"] });

export const refused = (frame: Frame, code: string): object => ({ type: "error", id: frame["id"], code, message: code });

/** Comes back after a broken way; tells the token it came with. */
export async function tokenOfReturn(world: World): Promise<string | undefined> {
  await world.socket.end(1006);
  await world.reconnected();
  await world.socket.say(welcomeOf({ resume: "recovered" }));
  return world.socket.protocols[1];
}

/** A token function whose first answer to `reason` never comes; what it was called with. */
export function hanging(reason: TokenAsk["reason"]): { asks: TokenAsk[]; token: (ask: TokenAsk) => Promise<string> } {
  const asks: TokenAsk[] = [];
  return {
    asks,
    token(ask) {
      asks.push(ask);
      const hangs = ask.reason === reason && asks.filter((other) => other.reason === reason).length === 1;
      return hangs ? new Promise(() => {}) : Promise.resolve(`token${asks.length}`);
    },
  };
}
