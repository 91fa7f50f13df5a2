// The golden vectors that the service's own tests read too: both sides mean the same.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { RETRYABLE, advise } from "../src/errors.ts";
import type { ServiceCode } from "../src/errors.ts";
import type { Channel } from "../src/index.ts";
import { World, outcome } from "./support/world.ts";
import type { Frame } from "./support/world.ts";

interface Errors {
  readonly codes: readonly { readonly code: string; readonly retryable: boolean }[];
  readonly closes: readonly { readonly code: number; readonly reason: string; readonly advice: string }[];
  readonly ranges: readonly { readonly from: number; readonly to: number; readonly advice: string }[];
  readonly others: readonly { readonly code: number; readonly advice: string }[];
}

interface Frames {
  readonly server: readonly { readonly name: string; readonly frame: string }[];
  readonly client: readonly { readonly name: string; readonly text: string; readonly read?: unknown }[];
}

const vectors = async <Kind>(name: string): Promise<Kind> =>
  JSON.parse(await readFile(new URL(`../../tests/vectors/${name}.json`, import.meta.url), "utf8")) as Kind;

const errors = await vectors<Errors>("errors");
const frames = await vectors<Frames>("frames");
const ijson = await vectors<Record<"accepted" | "refused", readonly { readonly name: string; readonly text: string }[]>>("ijson");

/** Every code of the service; the compiler sees to it that none is missing. */
const CODES: Record<ServiceCode, "again" | "never"> = {
  bad_frame: "never",
  bad_name: "never",
  unknown_type: "never",
  unauthenticated: "never",
  forbidden: "never",
  not_found: "never",
  unknown_event: "never",
  method_not_allowed: "never",
  body_timeout: "again",
  conflict: "never",
  not_kept: "never",
  too_large: "never",
  invalid_data: "never",
  refused: "never",
  upgrade_required: "never",
  rate_limited: "again",
  internal: "again",
  over_capacity: "again",
};

test("r1_the_codes_and_whether_trying_again_helps_are_the_services", () => {
  assert.deepEqual(Object.fromEntries(errors.codes.map(({ code, retryable }) => [code, retryable ? "again" : "never"])), CODES);
  for (const { code, retryable } of errors.codes) assert.equal(RETRYABLE.has(code), retryable, code);
});

test("r3_every_close_code_and_range_has_the_services_advice", () => {
  for (const { code, advice } of [...errors.closes, ...errors.others]) assert.equal(advise(code), advice, String(code));
  for (const { from, to, advice } of errors.ranges)
    for (let code = from; code <= to; code++) assert.equal(advise(code), advice, String(code));
});

for (const { name, frame } of frames.server) {
  test(`f1_the_services_frame_is_understood: ${name}`, async () => {
    const world = new World();
    const channel = await world.open({}, { seq: 41 });
    const heard: Frame[] = [];
    channel.on("*", (message) => heard.push(message as unknown as Frame));
    await world.socket.text(frame);
    const read = [JSON.parse(frame) as Frame | Frame[]].flat();
    const told = read.filter(({ type, seq }) => type === "message" && (seq === undefined || seq === 42));
    assert.deepEqual(
      heard,
      told.map(({ type: _, ...message }) => message),
    );
    for (const { type, code } of read) if (type === "bye") assert.notEqual(channel.connection.state, "open", String(code));
    if (!read.some(({ type }) => type === "bye")) assert.equal(channel.connection.state, "open");
  });
}

for (const { name, text } of ijson.refused.filter(({ name }) => /surrogate|noncharacter|(arrays|objects) deep/.test(name))) {
  test(`r4_what_the_service_refuses_as_i_json_is_not_sent: ${name}`, async () => {
    const world = new World();
    const channel = await world.open();
    const seen = outcome(channel.presence.set(JSON.parse(text)));
    await world.settle();
    assert.equal(seen.error?.code, "bad_frame");
    assert.deepEqual(world.socket.heard(), []);
  });
}

test("r4_what_the_service_takes_as_i_json_is_sent", async () => {
  for (const { name, text } of ijson.accepted) {
    // Inside of a frame these are deeper than 64.
    if (name.startsWith("64 ")) continue;
    const world = new World();
    const channel = await world.open();
    outcome(channel.presence.set(JSON.parse(text)));
    await world.settle();
    assert.deepEqual(JSON.stringify(world.socket.heardOne()["data"]), JSON.stringify(JSON.parse(text)), name);
  }
});

/** A frame without what each request has of its own, so that two can be compared. */
const form = ({ id: _, ...fields }: Frame): string => JSON.stringify(Object.fromEntries(Object.entries(fields).sort()));

const vector = (name: string): Frame => {
  const found = frames.client.find((one) => one.name === name);
  assert.ok(found?.read, `there is a vector "${name}", and the service reads it`);
  return JSON.parse(found.text) as Frame;
};

test("f2_what_the_client_sends_is_what_the_service_reads", async () => {
  const world = new World();
  const channel = await world.open({}, { seq: 41, epoch: "e1" });
  const loosely = channel as unknown as { publish(event: string, data: unknown, options?: object): Promise<unknown> };
  const sent = async (ask: () => Promise<unknown>): Promise<string> => {
    outcome(ask());
    await world.settle();
    const frame = world.socket.heardOne();
    assert.match(String(frame["id"]), /^[\w-]{1,64}$/);
    await world.socket.say({ type: "ack", id: frame["id"] });
    return form(frame);
  };
  assert.equal(await sent(() => loosely.publish("say", 1)), form(vector("publish")));
  const everything = { to: { users: ["ann"], connections: ["c1", "c2"], roles: ["crew"] }, echo: false, ifSeq: 41 };
  assert.equal(await sent(() => loosely.publish("say", 1, everything)), form(vector("publish with everything")));
  const call = vector("call");
  const { name, data } = call as unknown as { name: string; data: unknown };
  assert.equal(await sent(() => (channel as unknown as Channel).call(name, data)), form(call));
  const auth = vector("auth");
  assert.equal(await sent(() => channel.signIn(String(auth["token"]))), form(auth));
  const presence = vector("presence");
  assert.equal(await sent(() => channel.presence.set(presence["data"])), form(presence));
  assert.equal(await sent(() => channel.presence.leave()), form(vector("presence, to leave the list")));
  assert.equal(await sent(() => channel.history()), form(vector("history")));
  const before = vector("history before");
  assert.equal(
    await sent(() =>
      channel.history({ before: Number(before["before"]), ...("limit" in before ? { limit: Number(before["limit"]) } : {}) }),
    ),
    form(before),
  );
});
