// @ts-check
// Calls between objects, as far as they are JavaScript, and what is left of an object where all memory is lost.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { root } from "../project.mjs";

// By its address, so that the compiler does not read the shell's JavaScript for the types it leaves out.
const shell = (/** @type {string} */ name) => import(pathToFileURL(join(root, "crates/dormouse/src/shell", name)).href);
const [{ ask, keep_for }, { begins, ended, outlive, survive, LOST }, { Timer }, { is_clean, note }] =
  await Promise.all([shell("exchange.js"), shell("code.js"), shell("timer.js"), shell("memory.js")]);

/** Longer than any answer takes: no test waits for it. */
const PATIENT = 10_000;
const URL_OF_CALLS = "http://dormouse/v1/exchange";
const running = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

/** An object that answers in some way. @param {(url: string, init: RequestInit) => unknown} fetch */
const object = (fetch) => ({ fetch: async (/** @type {string} */ url, /** @type {RequestInit} */ init) => fetch(url, init) });

let panics = 0;
/** Has code of the application panic: it begins, and never ends within its event. Over one request it would do so once. */
async function panic() {
  assert.ok(begins("another", JSON.stringify(["call", null, ++panics]), { fail() {} }, undefined));
  await new Promise((resolve) => setImmediate(resolve));
}

/** What the platform gives an object. */
function context() {
  return {
    /** @type {Promise<unknown>[]} */ kept: [],
    /** @type {number[]} */ alarms: [],
    /** @type {string[]} */ told: [],
    waitUntil(/** @type {Promise<unknown>} */ promise) { this.kept.push(promise); },
    getWebSockets() { return [{ send: (/** @type {string} */ text) => this.told.push(text), close() {} }]; },
    storage: { setAlarm: async (/** @type {number} */ at) => { context_.alarms.push(at); } },
  };
}
/** The one of the test that runs. @type {ReturnType<typeof context>} */
let context_;

test("a call is one POST of a text, and what it is answered is a text", async () => {
  /** @type {unknown} */
  let asked;
  const answered = await ask(object((url, { method, body }) => {
    asked = [url, method, body];
    return new Response("häßlich 🐁");
  }), URL_OF_CALLS, '{"n":1}', PATIENT, 1_000);
  assert.deepEqual([asked, answered], [[URL_OF_CALLS, "POST", '{"n":1}'], "häßlich 🐁"]);
});

test("a call that fails, is refused, is answered with too much or is not answered in time has no answer", async () => {
  const never = new Promise(() => {});
  const cases = /** @type {[string, (url: string, init: RequestInit) => unknown][]} */ ([
    ["it throws", () => { throw new Error("gone"); }],
    ["500", () => new Response("{}", { status: 500 })],
    ["404", () => new Response(null, { status: 404 })],
    ["too much", () => new Response("x".repeat(101))],
    ["late", (_, { signal }) => Promise.race([never, new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)))])],
    ["a body that breaks", () => new Response(new ReadableStream({ start: (body) => body.error(new Error("broken")) }))],
  ]);
  for (const [why, answer] of cases) {
    assert.equal(await ask(object(answer), URL_OF_CALLS, "", why === "late" ? 20 : PATIENT, 100), undefined, why);
  }
  assert.equal(await ask(object(() => new Response("x".repeat(100))), URL_OF_CALLS, "", PATIENT, 100), "x".repeat(100));
});

test("no timer of a call runs on behind it: it would keep its object awake", async () => {
  const before = running();
  for (const answer of [() => new Response("{}"), () => { throw new Error("gone"); }, () => new Response("", { status: 503 })]) {
    await ask(object(answer), URL_OF_CALLS, "", PATIENT, 100);
    assert.equal(running(), before);
  }
});

test("an object is kept in memory until its call is answered, and is not woken then", async () => {
  const ctx = context_ = context();
  keep_for(ctx, Promise.resolve("answer"), true);
  assert.equal(ctx.kept.length, 1);
  await ctx.kept[0];
  assert.deepEqual(ctx.alarms, []);
});

test("where all memory is lost a relay that waits for an answer is woken, and a channel is not kept any longer", async () => {
  const never = new Promise(() => {});
  for (const [wakes, alarms] of [[true, 1], [false, 0]]) {
    const ctx = context_ = context();
    keep_for(ctx, never, wakes);
    await panic();
    await ctx.kept[0];
    assert.equal(ctx.alarms.length, alarms);
    assert.deepEqual(ctx.told, []);
  }
});

test("where all memory is lost a timer of a relay wakes it, and one of a channel has its members come back", async () => {
  for (const wakes of [true, false]) {
    const ctx = context_ = context();
    let fired = 0;
    const timer = new Timer(() => fired++, ctx, wakes);
    timer.set(1);
    await panic();
    for (let turns = 0; turns < 1_000 && fired + ctx.alarms.length + ctx.told.length === 0; turns++) await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual([fired, ctx.alarms.length, ctx.told.length], wakes ? [0, 1, 0] : [0, 0, 1]);
  }
});

test("a promise that is kept before memory is lost is what it is, and one behind it is lost", async () => {
  const never = new Promise(() => {});
  assert.equal(await outlive(Promise.resolve(7)), 7);
  await assert.rejects(outlive(Promise.reject(new Error("mine"))), /mine/);
  const [lost, response] = [outlive(never), survive(never)];
  await panic();
  assert.equal(await lost, LOST);
  assert.equal((await response).status, 500);
  // Code that ends within its event has not panicked.
  const kept = outlive(new Promise((resolve) => setImmediate(resolve, "kept")));
  begins("fine", "[]", { fail() {} }, undefined);
  ended("fine");
  assert.equal(await kept, "kept");
});

test("whether an object's memory would be missed is known after it is lost, by the object's id", async () => {
  assert.deepEqual([is_clean("a"), is_clean("b")], [true, true]);
  note("a", false);
  assert.deepEqual([is_clean("a"), is_clean("b")], [false, true]);
  await panic();
  assert.equal(is_clean("a"), false);
  note("a", true);
  assert.equal(is_clean("a"), true);
});
