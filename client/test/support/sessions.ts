import assert from "node:assert/strict";
import { connectSession } from "../../src/index.ts";
import type { Channel, Contract, Session, SessionOptions } from "../../src/index.ts";
import { World, welcomeOf } from "./world.ts";
import type { FakeSocket, Frame } from "./world.ts";

export type Room = Channel<Contract["chat:*"]>;

export const begin = (world: World, options: SessionOptions = {}): Session<Contract> =>
  connectSession("http://service.test", { runtime: world.runtime, token: "token", ...options });

export const helloOf = (fields: object = {}): object => ({
  type: "hello",
  connection: "s1",
  user: "ann",
  expires: 1_700_003_600_000,
  limits: { channels: 200, frame_bytes: 65_536, batch: 100 },
  now: 1_700_000_000_000,
  ...fields,
});

export const inOf = (channel: string, ...frames: object[]): object => ({ type: "in", channel, frames });

export const welcomed = (channel: string, fields: object = {}): object => inOf(channel, welcomeOf({ channel, connection: `c of ${channel}`, ...fields }));

export const bye = (channel: string, code: number, fields: object = {}): object => inOf(channel, { type: "bye", code, reason: `${code}`, ...fields });

export const room = (session: Session<Contract>, name: string): Room => session.channel(`chat:${name}`);

/** A session with these channels open. */
export async function open(world: World, names: readonly string[], options: SessionOptions = {}): Promise<{ session: Session<Contract>; channels: Room[] }> {
  const session = begin(world, options);
  const channels = names.map((name) => room(session, name));
  await world.settle();
  await world.socket.say(helloOf());
  for (const { name } of channels) await world.socket.say(welcomed(name));
  world.socket.heard();
  return { session, channels };
}

export const states = (channels: readonly Room[]): string[] => channels.map(({ connection }) => connection.state);

/** The only text the client sent since the last look, as the frames of an array. */
export function array(socket: FakeSocket): Frame[] {
  const texts = socket.heardTexts();
  assert.equal(texts.length, 1, `one text, not ${JSON.stringify(texts)}`);
  return JSON.parse(texts[0] as string) as Frame[];
}

/** Lets time pass on a connection that answers. */
export async function later(world: World, ms: number): Promise<void> {
  await world.advance(30_000);
  await world.socket.text("pong");
  await world.advance(ms - 30_000);
}
