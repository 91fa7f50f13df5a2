// Rule R7: frames and bodies that ask for nothing, or for what is refused, cost no more than who sends them may spend.
import assert from "node:assert/strict";
import { setTimeout as passing } from "node:timers/promises";
import { after, before, test } from "node:test";
import { Intruder, frame, paced, pipelined } from "./support/intruder.ts";
import { Runtime } from "./support/runtime.ts";
import { token } from "./support/tokens.ts";
import { attacked } from "./support/witness.ts";

/** All frames together, a second and at once: what the channels here have by R5. */
const HARD = 200;
/** What a refusal costs of it. */
const REFUSAL = 10;
/** How many bodies are sent at once. */
const POSTS = 1_000;
/** What all tokenless connections of an address have of it together. */
const ADDRESS = 5 * HARD;

let runtime: Runtime;
before(async () => {
  runtime = await Runtime.start();
});
after(() => runtime.stop());

/** How many lines the log may have of a user's, or a connection's, refusals in so many seconds: ten at once, and one a second. A channel has ten times that. */
const logged = (seconds: number) => 10 + seconds + 1;

/** Frames as one piece for the wire. */
const repeated = (text: string, count: number) => Buffer.alloc(frame(text).length * count, frame(text));

/** Eighteen frames of 60 kB that are found to be bad at their end, and one that anybody is accepted with. */
const round = Buffer.concat([
  repeated(`{"type":"publish","event":"message","data":"${"x".repeat(60_000)}","data":1}`, 18),
  frame('{"type":"presence","id":"accepted","data":1}'),
]);

const told = (socket: Intruder, code: string) => socket.of("error").filter((error) => error.code === code).length;

test("r7 frames: a hundred thousand empty arrays at once on a tokenless socket are not even read", async (context) => {
  const arrays = repeated("[]", 130_000);
  const { attacked: socket, told: times, seconds, lines } = await attacked(runtime, "public:empty", async () => {
    const socket = await Intruder.join(runtime, "public:empty", { address: "198.51.100.1" });
    socket.socket.write(arrays);
    await passing(2_000);
    return socket;
  });
  context.diagnostic(times);
  assert.equal(socket.bye, 4101);
  assert.equal(told(socket, "rate_limited"), 20, "and no more is told than twenty refusals");
  assert.ok(lines.length <= 3 + logged(seconds), JSON.stringify(lines));
});

test("r7 frames: eighteen bad frames for each accepted one come to an end", async (context) => {
  const eve = await token("eve");
  const { attacked: socket, told: times, seconds, lines } = await attacked(runtime, "app:bad", async () => {
    const socket = await Intruder.join(runtime, "app:bad", { token: eve });
    await paced(19, 3_000, () => socket.socket.write(round));
    return socket;
  });
  context.diagnostic(`${times}; ${told(socket, "bad_frame")} bad frames were read`);
  assert.ok(told(socket, "bad_frame") <= (HARD + HARD * seconds) / REFUSAL + 1, `${told(socket, "bad_frame")} bad frames were read`);
  assert.equal(socket.bye, 4101);
  assert.ok(lines.length <= 3 + logged(seconds), JSON.stringify(lines));
});

test("r7 frames: tokenless sockets of one address share what bad frames cost, and who is elsewhere has its own", async (context) => {
  const { attacked: sockets, told: times, seconds, lines } = await attacked(runtime, "public:bad", async () => {
    const sockets = await Promise.all(Array.from({ length: 4 }, () => Intruder.join(runtime, "public:bad", { address: "198.51.100.2" })));
    await Promise.all(sockets.map((socket) => paced(10, 3_000, () => socket.socket.writableLength === 0 && socket.socket.write(round))));
    return sockets;
  });
  const read = sockets.reduce((sum, socket) => sum + told(socket, "bad_frame"), 0);
  context.diagnostic(`${times}; ${read} bad frames were read`);
  assert.ok(read <= (ADDRESS + ADDRESS * seconds) / REFUSAL, `${read} bad frames were read`);
  assert.deepEqual(sockets.map(({ bye }) => bye), sockets.map(() => 4101));
  assert.ok(lines.length <= sockets.length * (3 + logged(seconds)), JSON.stringify(lines));
});

test("r7 frames: coming again does not give an address its frames anew, and gives another address its own", async (context) => {
  const frames = repeated("x", 19);
  const come = async (address: string) => {
    const socket = await Intruder.join(runtime, "public:again", { address });
    socket.socket.write(frames);
    await socket.until(() => socket.of("error").length === 19, "19 refusals");
    socket.reset();
    return told(socket, "bad_frame");
  };
  const { attacked: read, told: times, seconds, lines } = await attacked(runtime, "public:again", async () => {
    let read = 0;
    for (let at = 0; at < 60; at++) {
      read += await come("198.51.100.3");
      await passing(10);
    }
    return read;
  });
  context.diagnostic(`${times}; ${read} bad frames of ${60 * 19} were read`);
  assert.ok(read <= (ADDRESS + ADDRESS * seconds) / REFUSAL, `${read} bad frames were read in ${seconds} s`);
  assert.equal(await come("198.51.100.4"), 19);
  assert.ok(lines.length <= 2 * 60 + 10 * logged(seconds), JSON.stringify(lines));
});

for (const { body, costs, status } of [{ body: "[]", costs: 1, status: 200 }, { body: "x", costs: REFUSAL, status: 400 }]) {
  test(`r7 bodies: ${JSON.stringify(body)} is taken as often as frames are, and then refused unread`, async (context) => {
    const channel = `app:body-${costs}`;
    const head = `Host: ${runtime.url.host}\r\nAuthorization: Bearer ${await token("eve")}\r\nContent-Length: ${body.length}\r\n`;
    const post = `POST /v1/channels/${channel}/messages HTTP/1.1\r\n${head}\r\n${body}`;
    const { attacked: statuses, told: times, seconds, lines } = await attacked(runtime, channel, async () => {
      const [statuses] = await Promise.all([pipelined(runtime, Array.from({ length: POSTS }, () => post)), passing(1_000)]);
      return statuses;
    });
    const taken = statuses.filter((code) => code === status).length;
    context.diagnostic(`${times}; ${taken} of ${POSTS} were taken`);
    // Who has anything left is taken, whatever it comes to cost.
    assert.ok(taken > 0 && taken <= (HARD + HARD * seconds) / costs + 1, `${taken} of ${POSTS} were taken in ${seconds} s`);
    assert.equal(statuses.filter((code) => code === 429).length, POSTS - taken, "and the others are told to wait");
    assert.ok(lines.length <= logged(seconds), JSON.stringify(lines));
    assert.ok(lines.every(({ event }) => event === "refused"), JSON.stringify(lines));
  });
}
