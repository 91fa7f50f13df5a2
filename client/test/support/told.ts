import { World, messageOf, welcomeOf } from "./world.ts";
import type { Chat, Frame } from "./world.ts";

/** Everything a channel tells of messages, in the order in which it tells it. */
export function record(channel: Chat): unknown[] {
  const told: unknown[] = [];
  channel.on("*", ({ seq, event }) => told.push(seq ?? event));
  channel.connection.on("recovered", ({ after, seq }) => told.push(`recovered ${after}-${seq}`));
  channel.connection.on("lost", ({ after, seq, first }) => told.push(`lost ${after}-${seq} first ${first}`));
  return told;
}

export const typing = { type: "message", event: "typing", data: { on: true }, from: { user: "bob", connection: "b1" }, at: 1 };

export const range = (from: number, to: number): object[] => Array.from({ length: to - from + 1 }, (_, at) => messageOf(from + at));

/** Breaks the connection, waits the wait out and welcomes the new one. */
export async function comeBack(world: World, welcome: object, ...frames: object[]): Promise<URL> {
  await world.socket.end(1006);
  await world.advance(1_000);
  const { url } = world.socket;
  await world.socket.say(welcomeOf(welcome), ...frames);
  return url;
}

export const page = (request: Frame | undefined, messages: object[], more: boolean): object => ({
  type: "history",
  id: request?.["id"],
  messages,
  more,
});
