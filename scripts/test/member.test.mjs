// @ts-check
// What an application's tests of its Worker stand on: a member, against a service that answers as it is told; and which files are tests.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { testsOf } from "../../template/scripts/lib/tests.mjs";
import { join } from "../../template/test/support/member.mjs";
import { host } from "../project.mjs";

/** A service that tells each who joins these frames, and closes with a code where one is given. @param {import("node:test").TestContext} t @param {unknown[]} frames @param {number} [code] */
async function telling(t, frames, code) {
  const server = createServer((_, answer) => void answer.end('{"token":"t"}')).listen(0, host);
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    for (const frame of frames) socket.send(JSON.stringify(frame));
    if (code) socket.close(code);
  });
  t.after(() => {
    sockets.clients.forEach((client) => client.terminate());
    server.close();
  });
  await once(server, "listening");
  return `http://${host}:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`;
}

test("who is refused is told the code and the reason of its bye", async (t) => {
  const url = await telling(t, [{ type: "bye", code: 4001, reason: "no_such_channel" }], 4001);
  await assert.rejects(join(url, "chat:lobby", "ann"), /^Error: refused with 4001 no_such_channel: no welcome comes any more \(chat:lobby, ann\)$/);
});

test("who is closed without a word is told the code of the socket", async (t) => {
  await assert.rejects(join(await telling(t, [], 1011), "chat:lobby", "ann"), /^Error: closed with 1011 before a welcome came/);
});

test("frames are told by their types, also out of an array, and a bye that is asked for", async (t) => {
  const url = await telling(t, [[{ type: "welcome" }, { type: "presence" }], { type: "message", seq: 1 }, { type: "bye", code: 4200, reason: "restart" }]);
  const ann = await join(url, "chat:lobby", "ann");
  assert.deepEqual(await ann.next("message"), { type: "message", seq: 1 });
  assert.equal((await ann.next("message", "bye")).code, 4200);
  await ann.close();
});

test("the tests of a Worker are those in test/, and none where there is no such folder", (t) => {
  const root = mkdtempSync(path(tmpdir(), "dormouse-"));
  t.after(() => rmSync(root, { recursive: true }));
  assert.deepEqual(testsOf(root), []);
  mkdirSync(path(root, "test", "support"), { recursive: true });
  for (const name of ["one.test.mjs", "two.test.ts", "other.mjs", "support/member.mjs"]) writeFileSync(path(root, "test", name), "");
  assert.deepEqual(testsOf(root), [path("test", "one.test.mjs"), path("test", "two.test.ts")]);
});
