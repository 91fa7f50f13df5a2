import assert from "node:assert/strict";
import { test } from "node:test";
import { World, messageOf } from "./support/world.ts";

test("async_iteration_tells_every_message_and_ends_with_the_channel", async () => {
  const world = new World();
  const channel = await world.open();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const message of channel) seen.push(message.seq ?? 0);
    return "ended";
  })();
  await world.socket.say(messageOf(1), messageOf(2));
  await world.socket.say(messageOf(3));
  void channel.close();
  assert.equal(await reading, "ended");
  assert.deepEqual(seen, [1, 2, 3]);
});

test("async_iteration_throws_the_error_that_ended_the_channel", async () => {
  const world = new World();
  const channel = await world.open();
  const says = channel.messages("say");
  await world.socket.say(messageOf(1), { type: "bye", code: 4008, reason: "removed" });
  assert.equal((await says.next()).value?.data.text, "m1");
  await assert.rejects(says.next(), { code: "removed" });
  assert.equal((await says.next()).done, true);
});

test("async_iteration_that_is_left_or_aborted_stops_listening", async () => {
  const world = new World();
  const channel = await world.open();
  const abort = new AbortController();
  const aborted = channel.messages("say", { signal: abort.signal });
  const left = (async () => {
    for await (const { seq } of channel.messages("say")) return seq;
    return 0;
  })();
  await world.socket.say(messageOf(1));
  assert.equal(await left, 1);
  abort.abort();
  assert.equal((await aborted.next()).done, true);
});

test("async_iteration_of_a_closed_channel_or_by_an_aborted_signal_ends_at_once", async () => {
  const world = new World();
  const channel = await world.open();
  const aborted = channel.messages("say", { signal: AbortSignal.abort() });
  assert.equal((await aborted.next()).done, true);
  void channel.close();
  assert.equal((await channel.messages("say").next()).done, true);
});

test("async_iteration_that_lags_ten_thousand_behind_is_ended_rather_than_fed", async () => {
  const world = new World();
  const channel = await world.open();
  const says = channel.messages("say");
  for (let seq = 1; seq <= 10_001; seq += 100) await world.socket.say(...Array.from({ length: 100 }, (_, at) => messageOf(seq + at)));
  for (let read = 0; read < 10_001; read++) await says.next();
  await assert.rejects(says.next(), { code: "too_slow" });
});
