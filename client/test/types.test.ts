import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { connect, connectWith } from "../src/index.ts";
import type { Channel, ChannelFor, ChannelOf, ConnectOptions, Contract, DataOf, KnownName } from "../src/index.ts";
import { contractFile, typesFile, typesOf } from "../types.mjs";

/** Compiles only where both are the same type. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const same = <Yes extends true>(yes: Yes): Yes => yes;

/** Never called: what it holds is for the compiler alone. */
export async function compiled(url: string, room: string, anything: string): Promise<void> {
  const chat = connect(url, "chat:lobby");
  await chat.publish("say", { text: "hi" });
  await chat.publish("say", { text: "hi" }, { to: { users: ["bob"] }, echo: false, ifSeq: 3 });
  await chat.publish("typing", { on: true }, { volatile: true });
  chat.on("say", ({ data, seq, from }) => {
    same<Same<typeof data.text, string>>(true);
    same<Same<typeof seq, number | undefined>>(true);
    same<Same<typeof from.user, string | null>>(true);
  });
  chat.on("*", (message) => {
    if (message.event === "typing") same<Same<typeof message.data.on, boolean>>(true);
  });
  for await (const { data } of chat.messages("typing")) same<Same<typeof data.on, boolean>>(true);
  for await (const message of chat) same<Same<typeof message.event, "say" | "typing">>(true);
  const { messages } = await chat.history({ before: 9, limit: 20 });
  same<Same<(typeof messages)[number]["event"], "say" | "typing">>(true);

  same<Same<(typeof messages)[number]["seq"], number>>(true);
  for (const entry of chat.timeline.getSnapshot().messages) {
    if (entry.status === "kept") same<Same<typeof entry.seq, number>>(true);
    if (entry.status === "failed") entry.error.code satisfies string;
    if (entry.event === "say") same<Same<typeof entry.data.text, string>>(true);
  }
  connectWith<Overlapping>()(url, "k:x").on("e", ({ seq }) => same<Same<typeof seq, number>>(true));
  connectWith<Overlapping>()(url, "k:x").on("whisper", ({ seq }) => same<Same<typeof seq, number | undefined>>(true));

  // Whatever takes a channel takes any.
  const anyOf = (...channels: readonly Channel[]): unknown => channels.map((channel) => channel.on("*", ({ data }) => data));
  anyOf(chat, connect(url, "public:a"), connect(url, "cursor:a"), connectWith<Overlapping>()(url, "a:b"), connectWith<Overlapping>()(url, "m:x"));
  same<Same<ChannelFor<"chat:*">, typeof chat>>(true);
  same<Same<ChannelFor<"app:**">, Channel<Contract["app:**"]>>>(true);
  same<Same<ChannelFor<"chat:lobby">, typeof chat>>(true);
  // @ts-expect-error: no such event in the timeline
  connect(url, "chat:lobby", { history: { events: ["shout"] } });
  // @ts-expect-error: no such event in the timeline
  await chat.timeline.send("shout", { text: "hi" });
  // Options that are handed on fit every channel.
  const options: ConnectOptions = { history: 50 };
  connect(url, "chat:lobby", options);

  // @ts-expect-error: no such event
  await chat.publish("shout", { text: "hi" });
  // @ts-expect-error: no such field
  await chat.publish("say", { txt: "hi" });
  // @ts-expect-error: a field more
  await chat.publish("say", { text: "hi", more: 1 });
  // @ts-expect-error: another type
  await chat.publish("typing", { on: "yes" });
  // @ts-expect-error: typing may not be directed
  await chat.publish("typing", { on: true }, { to: { users: ["bob"] } });
  // @ts-expect-error: no such event to hear
  chat.on("shout", () => {});
  // @ts-expect-error: before and after exclude each other
  await chat.history({ before: 1, after: 2 });
  // @ts-expect-error: no pattern fits a room within a room
  connect(url, "chat:lobby:corner");
  // @ts-expect-error: no pattern fits
  connect(url, "char:lobby");

  // A name with a part that is known only later still has its pattern.
  await connect(url, `cursor:${room}`).publish("move", { x: 0.5, y: 0.5 });
  // @ts-expect-error: no such field on a cursor channel
  await connect(url, `cursor:${room}`).publish("move", { x: 0.5, z: 0.5 });
  await connect(url, "app:a:b:c").publish("message", { any: ["json"] }, { to: { roles: ["admin"] } });
  // A name that is known only later may be anything.
  await connect(url, anything).publish("whatever", 1);

  const own = connectWith<Overlapping>();
  same<Same<DataOf<ChannelOf<Overlapping, "a:b">, "e">, "literal">>(true);
  same<Same<DataOf<ChannelOf<Overlapping, "a:x">, "e">, "one">>(true);
  same<Same<DataOf<ChannelOf<Overlapping, "a:b:c">, "e">, "two of them">>(true);
  same<Same<DataOf<ChannelOf<Overlapping, "a:x:y">, "e">, "rest">>(true);
  same<Same<DataOf<ChannelOf<Overlapping, "z:b">, "e">, "first">>(true);
  same<Same<KnownName<Overlapping, "z">, "No channel pattern of the contract fits 'z'.">>(true);
  const silent: Channel<ChannelOf<Overlapping, "a:b">> = own(url, "a:b");
  // @ts-expect-error: no presence there
  await silent.presence.set({ mood: "calm" });
  same<Same<ChannelOf<Contract, "door:x">, Contract["door:*"]>>(true);
}

interface Overlapping {
  "a:b": { events: { e: { data: "literal"; directed: false } }; presence: never };
  "a:*": { events: { e: { data: "one"; directed: false } }; presence: unknown };
  "a:**": { events: { e: { data: "rest"; directed: false } }; presence: unknown };
  "a:b:*": { events: { e: { data: "two of them"; directed: false } }; presence: unknown };
  "m:*": { events: { e: { data: string; directed: false } }; presence: { mood: string } };
  "k:*": {
    events: { e: { data: "kept"; directed: false; kept: true }; whisper: { data: "kept or not"; directed: true; kept: true } };
    presence: never;
  };
  "*:b": { events: { e: { data: "first"; directed: false } }; presence: unknown };
}

test("a_wrong_event_or_payload_does_not_compile", () => {
  const compiler = fileURLToPath(new URL("../../node_modules/.bin/tsc", import.meta.url));
  const { status, stdout } = spawnSync(compiler, ["--noEmit", "-p", fileURLToPath(new URL("..", import.meta.url))], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

test("the_types_are_those_of_the_contract_that_is_checked_in", async () => {
  const contract = JSON.parse(await readFile(contractFile, "utf8"));
  assert.equal(await readFile(typesFile, "utf8"), await typesOf(contract), "run `npm run types` with the service running");
});

test("schemas_become_types_and_free_json_becomes_unknown", async () => {
  const event = { ability: "publish", directed: true, kept: true, rate: { per_second: 1, burst: 2 } };
  const schema = { type: "object", properties: { level: { enum: ["low", "high"] } }, required: ["level"], additionalProperties: false };
  const text = await typesOf({
    channels: [
      { pattern: "a:**", join: "token", events: { free: { ...event, schema: true }, "up-down": { ...event, schema } }, presence: null },
    ],
  });
  assert.match(text, /"free": \{ data: unknown; directed: true \}/);
  assert.match(text, /export interface ARestUpDown \{\s+level: "low" \| "high";\s+\}/);
  assert.match(text, /"up-down": \{ data: ARestUpDown; directed: true \}/);
  assert.match(text, /presence: never/);
});
