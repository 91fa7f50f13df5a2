// In place of the template's own test: code that panics, and code that asks another server, on Cloudflare's runtime.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { createTestHarness } from "wrangler";
import { join } from "./support/member.mjs";

const secrets = { JWT_SECRET: "of the tests alone, 32 bytes at least", SCORE_KEY: "Bearer of-the-tests" };
const server = createTestHarness({ workers: [{ configPath: "dist/wrangler.json", secrets, vars: { DEV_TOKENS: "1" } }] });
let url;

/** What the other server was asked, and what it answers next; without an answer it says nothing. */
const asked = [];
const answers = [];
const other = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { authorization, "idempotency-key": key } = request.headers;
  asked.push({ path: request.url, authorization, key, body: JSON.parse(body) });
  const [status, headers, answer] = answers.shift() ?? [500, {}, ""];
  response.writeHead(status, headers).end(answer);
});

before(async () => {
  ({ url } = await server.listen());
  await once(other.listen(PORT, "127.0.0.1"), "listening");
});

after(async () => {
  await server.close();
  other.close();
  const faults = server.getLogs().filter(({ level, message }) => level === "error" && !/on purpose|RuntimeError: unreachable|has panicked over this/.test(message));
  assert.deepEqual(faults, [], "the log tells of another fault than that on purpose");
});

test("c1 where the code panics its asker is refused, the request does not run again, and everything else goes on", async () => {
  const [ann, bob] = [await join(url, "code:a", "ann"), await join(url, "code:a", "bob")];
  ann.send(say("1", "hello"));
  assert.equal((await bob.next("message")).seq, 1);
  ann.send(say("2", "panic"));
  assert.deepEqual(pick(await ann.next("error")), ["2", "internal"]);
  assert.equal((await ann.closed).code, 1011);
  // Sent again after it came back, it is refused and runs no more.
  const back = await join(url, "code:a", "ann");
  back.send(say("2", "panic"));
  assert.deepEqual(pick(await back.next("error")), ["2", "internal"]);
  back.send(say("3", "fine"));
  assert.equal((await back.next("message")).seq, 2);
  // Bob heard it too, or was told to come back for it.
  const heard = await bob.next("message", "bye");
  assert.ok(heard.seq === 2 || heard.code === 4200, JSON.stringify(heard));
});

test("c1 over HTTP too, at once", async () => {
  const token = await tokenOf("carl");
  const post = (id, text) => fetch(new URL("/v1/channels/code:b/messages", url), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ id, event: "say", data: { text } }),
  });
  for (const status of [500, 500]) {
    const answer = await post("1", "panic");
    assert.deepEqual([answer.status, (await answer.json()).error.code], [status, "internal"]);
  }
  assert.equal((await post("2", "fine")).status, 200);
});

test("c1 what makes a job's request may panic too, and its asker is refused", async () => {
  for (const time of ["first", "again"]) {
    const ann = await join(url, "code:g", "ann");
    ann.send({ type: "call", id: "r", name: "rate", data: { text: "panic" } });
    assert.deepEqual(pick(await ann.next("error")), ["r", "internal"], time);
    if (time === "first") assert.equal((await ann.closed).code, 1011);
  }
  assert.deepEqual(asked.splice(0), []);
});

test("c7 a job is tried again under its key until it is answered, with its secret, and its result is said", async () => {
  const ann = await join(url, "code:c", "ann");
  answers.push([503, {}, ""], [200, {}, '{"points":7}']);
  ann.send({ type: "call", id: "r", name: "rate", data: { text: "tried-again" } });
  assert.equal((await ann.next("result")).id, "r");
  assert.deepEqual((await ann.next("message")).data, { of: "tried-again", points: 7 });
  const [first, second] = asked.splice(0);
  assert.deepEqual([first.path, first.authorization, first.body], ["/tried-again", "Bearer of-the-tests", { text: "tried-again" }]);
  assert.match(first.key, /^score:[0-9a-f]{32}$/);
  assert.deepEqual(second, first);
});

test("c7 a job follows nobody to another place, and is told what it was refused with", async () => {
  const ann = await join(url, "code:d", "ann");
  answers.push([422, {}, "no"]);
  ann.send({ type: "call", id: "r", name: "rate", data: { text: "refused" } });
  assert.deepEqual((await ann.next("message")).data, { of: "refused", points: 422 });
  answers.push([302, { location: "/elsewhere" }, ""], [200, {}, '{"points":9}']);
  ann.send({ type: "call", id: "s", name: "rate", data: { text: "moved" } });
  assert.equal((await ann.next("message")).data.points, 9);
  assert.deepEqual(asked.splice(0).map(({ path }) => path), ["/refused", "/moved", "/moved"]);
});

test("c7 bindings are asked: a key-value store, a database, a queue; each result is a turn that asks the next", async () => {
  const ann = await join(url, "code:e", "ann");
  ann.send({ type: "call", id: "k", name: "keep", data: { text: "kept" } });
  // What the database gave, with the beginning of the job's key in it, and what the store holds.
  assert.deepEqual((await ann.next("message")).data, { of: "kept select: kept", points: 1 });
});

test("c7 a binding that is not there is named in the log", async () => {
  const ann = await join(url, "code:f", "ann");
  ann.send({ type: "call", id: "k", name: "keep", data: { text: "missing" } });
  await ann.next("result");
  const named = () => server.getLogs().some(({ message }) => message.includes("there is no binding NOWHERE"));
  // Each round trip gives the object its time; the log line comes with it.
  for (let nth = 0; !named(); nth += 1) {
    assert.ok(nth < 1_000, "the log names no binding");
    ann.send(say(`${nth}`, "still here"));
    await ann.next("message", "error");
  }
});

const say = (id, text) => ({ type: "publish", id, event: "say", data: { text } });

const pick = ({ id, code }) => [id, code];

async function tokenOf(user) {
  const answer = await fetch(new URL("/dev/token", url), { method: "POST", body: JSON.stringify({ user }) });
  return (await answer.json()).token;
}
