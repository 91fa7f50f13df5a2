// @ts-check
// Rule C7, as far as it is JavaScript: what jobs.js asks of other servers and of bindings.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { host, root } from "../project.mjs";

// By its address, so that the compiler does not read the shell's JavaScript for the types it leaves out.
const { ask, call_binding, wait_until } = await import(pathToFileURL(join(root, "crates/dormouse/src/shell/jobs.js")).href);

/** Longer than any answer takes: no test waits for it. */
const PATIENT = 10_000;
/** As little as a job waits whose answer never comes. */
const HASTY = 50;

/**
 * A server on this machine, and its address.
 * @param {import("node:test").TestContext} t
 * @param {import("node:http").RequestListener} answer
 */
async function serving(t, answer) {
  const server = createServer(answer).listen(0, host);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://${host}:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}/score`;
}

/** Asks as jobs.rs does. @param {string} url @param {{ method?: string, headers?: [string, string][], body?: string, ms?: number, bytes?: number }} how */
const asked = (url, { method = "GET", headers = [], body = undefined, ms = PATIENT, bytes = 1_000 } = {}) =>
  ask(method, url, headers.map(([name]) => name), headers.map(([, value]) => value), body, ms, bytes);

/** Calls methods of a binding as jobs.rs does. @param {unknown} binding @param {[string, unknown[]][]} methods */
const called = (binding, methods, { ms = PATIENT, bytes = 1_000 } = {}) => call_binding(binding, JSON.stringify(methods), ms, bytes);

const count = (/** @type {string} */ resource) => process.getActiveResourcesInfo().filter((kind) => kind === resource).length;

test("c7 method, headers and body reach the server as they are given, and of a header given twice the last", async (t) => {
  /** @type {unknown} */
  let heard;
  const url = await serving(t, async (request, response) => {
    const chunks = await request.toArray();
    const { method, url, headers } = request;
    heard = [method, url, headers["content-type"], headers["authorization"], headers["idempotency-key"], Buffer.concat(chunks).toString()];
    response.writeHead(201).end("made");
  });
  const body = '{"text":"häßlich 🐁"}';
  /** @type {[string, string][]} */
  const headers = [["Content-Type", "application/json"], ["Authorization", "Bearer s"], ["idempotency-key", "mine"], ["Idempotency-Key", "score:1"]];
  assert.deepEqual(await asked(`${url}?a=1`, { method: "PUT", headers, body }), [201, "made"]);
  assert.deepEqual(heard, ["PUT", "/score?a=1", "application/json", "Bearer s", "score:1", body]);
  assert.deepEqual(await asked(url), [201, "made"]);
  assert.deepEqual(heard, ["GET", "/score", undefined, undefined, undefined, ""]);
});

test("c7 whatever the status is, it is the answer with its text, be there none", async (t) => {
  const url = await serving(t, ({ url }, response) => {
    const status = Number(url?.split("?")[1]);
    response.writeHead(status).end(status === 204 ? undefined : `{"n":${status}}`);
  });
  for (const status of [200, 400, 404, 429, 500, 503]) assert.deepEqual(await asked(`${url}?${status}`), [status, `{"n":${status}}`]);
  assert.deepEqual(await asked(`${url}?204`), [204, ""]);
});

test("c7 an answer that comes in pieces is one text, also where a character is cut in two", async (t) => {
  const text = "ein Häßliches 🐁 und ein …";
  const bytes = Buffer.from(text);
  const url = await serving(t, async (_, response) => {
    for (const byte of bytes) {
      response.write(Buffer.of(byte));
      // Sent, and then read at the other end, which is in this process too.
      for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    }
    response.end();
  });
  assert.deepEqual(await asked(url), [200, text]);
  assert.deepEqual(await asked(url, { bytes: bytes.length }), [200, text], "it may have as many bytes as it has");
  assert.equal(await asked(url, { bytes: bytes.length - 1 }), `the answer has more than ${bytes.length - 1} bytes`);
});

test("c7 an answer that ends within a character is a text all the same", async (t) => {
  const url = await serving(t, (_, response) => void response.end(Buffer.from("🐁").subarray(0, 3)));
  assert.deepEqual(await asked(url), [200, "\u{fffd}"]);
});

test("c7 of an answer that is too long the rest is not read, and its server sees the connection end", async (t) => {
  /** @type {PromiseWithResolvers<unknown>} */
  const ended = Promise.withResolvers();
  let sent = 0;
  const url = await serving(t, async (_, response) => {
    const closed = once(response, "close");
    ended.resolve(closed);
    const chunk = Buffer.alloc(64 * 1024, "x");
    // As much as is taken, and without an end.
    while (!response.destroyed) {
      sent += chunk.length;
      if (!response.write(chunk)) await Promise.race([once(response, "drain"), closed]);
    }
  });
  assert.equal(await asked(url, { bytes: 100_000 }), "the answer has more than 100000 bytes");
  await ended.promise;
  assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were sent`);
});

test("c7 a server that never answers, or not to the end, is given up after the time it has, and sees the connection end", async (t) => {
  /** @type {PromiseWithResolvers<void>} */
  let closed;
  const url = await serving(t, ({ url }, response) => {
    response.on("close", () => closed.resolve());
    if (url?.endsWith("?ready")) response.end();
    if (url?.endsWith("?begun")) response.writeHead(200).write('{"points":');
  });
  for (const how of ["never", "begun"]) {
    closed = Promise.withResolvers();
    // The connection is there: what follows reaches the server however busy this machine is.
    assert.deepEqual(await asked(`${url}?ready`), [200, ""]);
    await closed.promise;
    closed = Promise.withResolvers();
    assert.equal(await asked(`${url}?${how}`, { ms: HASTY }), `there was no answer within ${HASTY} ms`);
    await closed.promise;
  }
});

test("c7 an answer that breaks off is none", async (t) => {
  const url = await serving(t, (_, response) => response.write("7", () => response.destroy()));
  assert.equal(await asked(url), "the server could not be reached");
});

test("c7 a redirect is not followed: it is the answer", async (t) => {
  /** @type {(string | undefined)[]} */
  const paths = [];
  const url = await serving(t, (request, response) => {
    paths.push(request.url);
    response.writeHead(Number(request.url?.split("?")[1] ?? 200), { Location: "/elsewhere" }).end("see there");
  });
  for (const status of [301, 302, 303, 307, 308]) assert.deepEqual(await asked(`${url}?${status}`, { method: "POST", body: "{}" }), [status, "see there"]);
  assert.deepEqual(paths, [301, 302, 303, 307, 308].map((status) => `/score?${status}`));
});

test("c7 a header that HTTP does not have is told without its words, and nothing is asked", async (t) => {
  let heard = 0;
  const url = await serving(t, (_, response) => {
    heard += 1;
    response.end();
  });
  for (const header of /** @type {[string, string][]} */ ([["a b", "x"], ["", "x"], ["Authorization", "a\nsecret"], ["Authorization", "🐁"]])) {
    assert.equal(await asked(url, { headers: [["Accept", "*/*"], header] }), "a header is not valid");
  }
  assert.equal(heard, 0);
});

test("c7 a server that is not there, or an address that is none, is told without what was to be sent", async () => {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  for (const url of [`http://${host}:${port}/secret`, "no address", "ftp://example.test/secret"]) {
    assert.equal(await asked(url, { method: "POST", body: "secret" }), "the server could not be reached");
  }
});

test("c7 the methods of a binding are called one on what the other gave, each as a method of it, with the arguments as they are given", async () => {
  class Statement {
    /** @param {string} text @param {unknown[]} values */
    constructor(text, values = []) {
      this.text = text;
      this.values = values;
    }
    /** @param {unknown[]} values */
    bind(...values) {
      return new Statement(this.text, values);
    }
    run() {
      return Promise.resolve({ text: this.text, values: this.values });
    }
  }
  class Database {
    #asked = 0;
    /** @param {string} text */
    async prepare(text) {
      this.#asked += 1;
      return new Statement(`${text} ${this.#asked}`);
    }
  }
  const values = ["score:1", { text: "ä" }, null, [1, 2.5]];
  const methods = /** @type {[string, unknown[]][]} */ ([["prepare", ["INSERT"]], ["bind", values], ["run", []]]);
  assert.deepEqual(await called(new Database(), methods), [200, JSON.stringify({ text: "INSERT 1", values })]);
});

test("c7 nothing is null, and a value of any kind is its JSON", async () => {
  const give = (/** @type {unknown} */ value) => called({ give: () => value }, [["give", []]]);
  for (const nothing of [undefined, null, Promise.resolve(), () => 1, Symbol("s")]) assert.deepEqual(await give(nothing), [200, "null"]);
  for (const value of [0, false, "", "ä\"", [], [undefined], { a: { b: [1, null] } }]) assert.deepEqual(await give(value), [200, JSON.stringify(value)]);
  assert.deepEqual(await give({ toJSON: () => ({ n: 1 }) }), [200, '{"n":1}']);
});

test("c7 what JSON cannot hold is a try that failed, in words for the log", async () => {
  const give = (/** @type {unknown} */ value) => called({ give: () => value }, [["give", []]]);
  /** @type {Record<string, unknown>} */
  const cycle = {};
  cycle["itself"] = cycle;
  assert.match(await give(cycle), /circular/);
  assert.match(await give({ n: 1n }), /BigInt/);
  assert.equal(await give({ toJSON: () => { throw new Error("not this one"); } }), "not this one");
});

test("c7 of a stream that a binding gives nothing is read", async () => {
  let pulled = 0;
  const stream = new ReadableStream({ pull: () => void (pulled += 1) }, { highWaterMark: 0 });
  assert.deepEqual(await called({ get: async () => stream }, [["get", []]]), [200, "{}"]);
  assert.deepEqual([pulled, stream.locked], [0, false]);
  let next = 0;
  const endless = { body: { [Symbol.asyncIterator]: () => ({ next: async () => ({ value: (next += 1), done: false }) }) }, size: 7 };
  assert.deepEqual(await called({ get: () => endless }, [["get", []]]), [200, '{"body":{},"size":7}']);
  assert.equal(next, 0);
});

test("c7 what a binding throws is told in its own words, cut to what the log has room for", async () => {
  const thrown = (/** @type {unknown} */ what) => called({ go() { throw what; } }, [["go", []]]);
  const rejected = (/** @type {unknown} */ what) => called({ go: () => Promise.reject(what) }, [["go", []]]);
  for (const way of [thrown, rejected]) {
    assert.equal(await way(new Error("D1_ERROR: no such table")), "D1_ERROR: no such table");
    assert.equal(await way("a text"), "a text");
    assert.equal(await way({ message: "of no class" }), "of no class");
    assert.equal(await way(7), "7");
    assert.equal(await way(undefined), "undefined");
    assert.equal(await way(null), "null");
    assert.equal(await way(new Error("x".repeat(1_000))), "x".repeat(300));
  }
  // Also where it is not the last that throws: the others are not called.
  let went = false;
  const binding = { first: () => Promise.reject(new Error("first")), then_this: () => void (went = true) };
  assert.equal(await called(binding, [["first", []], ["then_this", []]]), "first");
  assert.equal(went, false);
});

test("c7 a method that is not there is named, wherever it stands", async () => {
  assert.equal(await called({}, [["put", []]]), "it has no method put");
  assert.equal(await called({ put: "a text" }, [["put", []]]), "it has no method put");
  for (const nothing of [undefined, null, 7, { put: 1 }]) {
    assert.equal(await called({ get: () => nothing }, [["get", []], ["put", []]]), "it has no method put");
  }
});

test("c7 a binding that never answers is given up after the time it has, and what comes of it later harms nobody", async (t) => {
  /** @type {unknown[]} */
  const unhandled = [];
  const note = (/** @type {unknown} */ reason) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => void process.off("unhandledRejection", note));
  const late = `there was no answer within ${HASTY} ms`;
  const never = new Promise(() => {});
  assert.equal(await called({ go: () => never }, [["go", []]], { ms: HASTY }), late);
  assert.equal(await called({ go: () => ({ on: () => never }) }, [["go", []], ["on", []]], { ms: HASTY }), late);
  /** @type {PromiseWithResolvers<void>} */
  const slow = Promise.withResolvers();
  assert.equal(await called({ go: () => slow.promise }, [["go", []]], { ms: HASTY }), late);
  slow.reject(new Error("too late"));
  await new Promise(setImmediate);
  assert.deepEqual(unhandled, []);
});

test("c7 a binding that has answered, or failed, leaves no timer behind", async () => {
  const before = count("Timeout");
  await called({ go: () => 1 }, [["go", []]]);
  await called({ go: () => Promise.reject(new Error("no")) }, [["go", []]]);
  await called({}, [["go", []]]);
  assert.equal(count("Timeout"), before);
});

test("c7 what a binding gives has at most so many bytes, as JSON", async () => {
  const give = (/** @type {unknown} */ value, /** @type {number} */ bytes) => called({ give: () => value }, [["give", []]], { bytes });
  const over = (/** @type {number} */ bytes) => `the answer has more than ${bytes} bytes`;
  // With its quotes, and in bytes: a mouse has four, and two characters of JavaScript's.
  for (const [value, bytes] of /** @type {[unknown, number][]} */ ([["x".repeat(98), 100], ["🐁".repeat(24) + "xx", 100], [{ a: "ä" }, 10], [[1, 2], 5], [undefined, 4]])) {
    assert.deepEqual(await give(value, bytes), [200, JSON.stringify(value) ?? "null"]);
    assert.equal(await give(value, bytes - 1), over(bytes - 1));
  }
  assert.equal(await give("x".repeat(1_000), 100), over(100));
});

test("c7 the object is kept in memory until its job is settled", () => {
  /** @type {unknown[]} */
  const kept = [];
  const ctx = {
    kept,
    /** @param {Promise<unknown>} promise */
    waitUntil(promise) {
      this.kept.push(promise);
    },
  };
  const job = Promise.resolve();
  wait_until(ctx, job);
  assert.equal(kept.length, 1);
  assert.equal(kept[0], job);
});
