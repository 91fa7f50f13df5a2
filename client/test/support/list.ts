import assert from "node:assert/strict";
import { World, messageOf } from "./world.ts";
import type { Chat, Frame } from "./world.ts";

export const range = (from: number, to: number): object[] => Array.from({ length: to - from + 1 }, (_, at) => messageOf(from + at));

export const page = (request: Frame | undefined, messages: object[], more: boolean): object => ({
  type: "history",
  id: request?.["id"],
  messages: messages.map((message) => ({ type: "message", ...message })),
  more,
});

export const typing = { type: "message", event: "typing", data: { on: true }, from: { user: "bob", connection: "b1" }, at: 1 };

/** What the list shows: kept messages by seq, what was sent from here by text and status, others by event; then its past. */
export const shown = ({ timeline }: Chat): unknown[] => {
  const { messages, past } = timeline.getSnapshot();
  const one = (entry: (typeof messages)[number]): unknown =>
    entry.status === "kept" ? entry.seq : entry.status === "ephemeral" ? entry.event : `${(entry.data as { text: string }).text} ${entry.status}`;
  return [...messages.map(one), past];
};

/** Answers the only question there is with a page. */
export async function answer(world: World, messages: object[], more: boolean): Promise<Frame> {
  const request = world.socket.heardOne();
  assert.equal(request.type, "history");
  await world.socket.say(page(request, messages, more));
  return request;
}
