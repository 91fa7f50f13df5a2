// Code of the application's own on the real runtime, asked by the TypeScript client and over HTTP (rules C1 to C8).
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, test } from "node:test";
import { type ChannelFor, type ConnectOptions, type Message, type SocketLike, connect } from "../../client/src/index.ts";
import { Runtime } from "./support/runtime.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

type Demo = ChannelFor<"demo:*">;
interface Place {
  at(path: string): URL;
}

let service: Service;
let over = new AbortController();
let rooms = 0;

before(async () => {
  service = await Service.start();
});
afterEach(() => {
  over.abort();
  over = new AbortController();
});
after(() => service.stop());

const can = { "**": ["join", "publish", "call", "presence", "history"] };
const room = (): `demo:${string}` => `demo:e2e-${++rooms}`;

/** A member who waits a hundredth of what it would, and all it heard. */
async function join(place: Place, name: `demo:${string}`, user: string, options: ConnectOptions = {}) {
  const runtime = { random: () => Math.random() / 100, ...options.runtime };
  const channel: Demo = connect(place.at("/"), name, { token: await token(user, { can }), signal: over.signal, ...options, runtime });
  const heard: Message[] = [];
  const news = new EventTarget();
  channel.on("*", (message) => {
    heard.push(message);
    news.dispatchEvent(new Event("heard"));
  });
  await channel.opened();
  /** The first message of an event, waited for. */
  const hears = async (event: string): Promise<Message> => {
    for (;;) {
      const found = heard.find((message) => message.event === event);
      if (found) return found;
      await once(news, "heard", { signal: AbortSignal.timeout(20_000) });
    }
  };
  return { channel, heard, hears };
}

/** Sockets of which the first breaks in the place of the reply to the first call: it was carried out, and nobody knows. */
function breaksBeforeTheReply(): { readonly socket: (url: string, protocols: string[]) => SocketLike; readonly seen: { sent: number; lost: number } } {
  const seen = { sent: 0, lost: 0 };
  const socket = (url: string, protocols: string[]): SocketLike => {
    const real = new WebSocket(url, protocols);
    const send = real.send.bind(real);
    real.send = (text) => {
      seen.sent += `${text}`.includes('"type":"call"') ? 1 : 0;
      send(text);
    };
    real.addEventListener("message", (event) => {
      if (seen.lost || !`${event.data}`.includes('"type":"result"')) return;
      seen.lost++;
      event.stopImmediatePropagation();
      real.close(3001);
    });
    return real as unknown as SocketLike;
  };
  return { socket, seen };
}

/** Asks over HTTP. */
async function post(place: Place, name: string, call: string, body: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(place.at(`/v1/channels/${name}/calls/${call}`), { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}
const bearer = async (user: string, abilities = can): Promise<Record<string, string>> => ({ Authorization: `Bearer ${await token(user, { can: abilities })}` });

test("c1_c4_what_is_judged_is_said_as_it_came_or_otherwise_or_refused_with_its_reason", async () => {
  const name = room();
  const [ann, bob] = [await join(service, name, "ann"), await join(service, name, "bob")];
  await ann.channel.publish("say", { text: "hello" });
  const { seq } = await ann.channel.publish("say", { text: "buy spam" });
  assert.equal(seq, 2);
  const refused = await ann.channel.publish("say", { text: "hello?" }).catch((error: unknown) => error);
  assert.ok(ann.channel.isRefused(refused, "say"));
  assert.deepEqual([refused.reason, refused.message], ["muted", "You are muted for a minute after sending spam."]);
  await bob.channel.publish("say", { text: "pardon?" });
  assert.deepEqual(bob.heard.map(({ seq, data }) => [seq, data]), [[1, { text: "hello" }], [2, { text: "…" }], [3, { text: "pardon?" }]]);
});

test("c3_c8_a_roll_is_answered_to_who_asked_and_heard_by_all_as_from_the_service", async () => {
  const name = room();
  const [ann, bob] = [await join(service, name, "ann"), await join(service, name, "bob")];
  const rolled = await ann.channel.call("roll", { sides: 6 });
  assert.ok(rolled.n >= 1 && rolled.n <= 6 && rolled.by === "ann");
  for (const { hears } of [ann, bob]) {
    const { data, from, seq } = await hears("rolled");
    assert.deepEqual([data, from, seq], [rolled, { user: null, service: true }, 1]);
  }
  await assert.rejects(ann.channel.call("roll", { sides: 1 }), { code: "invalid_data" });
});

test("c3_a_remembered_call_whose_connection_breaks_is_sent_again_and_runs_once", async () => {
  const name = room();
  const { socket, seen } = breaksBeforeTheReply();
  const ann = await join(service, name, "ann", { runtime: { socket } });
  assert.deepEqual(await ann.channel.call("count", {}), { count: 1 });
  assert.deepEqual(seen, { sent: 2, lost: 1 });
  assert.deepEqual(await ann.channel.call("count", {}), { count: 2 });
});

test("c3_any_other_call_whose_connection_breaks_rejects_and_ran_once", async () => {
  const name = room();
  const { socket, seen } = breaksBeforeTheReply();
  const bob = await join(service, name, "bob");
  const ann = await join(service, name, "ann", { runtime: { socket } });
  await assert.rejects(ann.channel.call("roll", { sides: 6 }), { code: "offline" });
  await ann.channel.opened();
  // Whatever is still under way would come before this.
  await ann.channel.publish("say", { text: "well?" });
  await bob.hears("say");
  assert.deepEqual([seen, bob.heard.filter(({ event }) => event === "rolled").length], [{ sent: 1, lost: 1 }, 1]);
});

test("c6_h1_a_reminder_comes_though_the_channel_slept_meanwhile", async () => {
  const name = room();
  const [ann, bob] = [await join(service, name, "ann"), await join(service, name, "bob")];
  assert.deepEqual(await ann.channel.call("remind", { after_ms: 1_500, text: "tea" }), {});
  await service.evict(name);
  for (const { hears } of [ann, bob]) assert.deepEqual((await hears("reminded")).data, { by: "ann", text: "tea" });
});

test("c5_a_joiner_is_shown_the_state_and_who_lost_something_is_shown_it_anew", async () => {
  const name = room();
  const ann = await join(service, name, "ann");
  assert.deepEqual(ann.channel.snapshot, { count: 0, muted: [] });
  await ann.channel.call("count", {});
  await ann.channel.publish("say", { text: "spam" });
  const bob = await join(service, name, "bob");
  assert.deepEqual(bob.channel.snapshot, { count: 1, muted: ["ann"] });
  assert.deepEqual(ann.channel.snapshot, { count: 0, muted: [] });
  const told: unknown[] = [];
  const back = connect(service.at("/"), name, { token: await token("cleo", { can }), signal: over.signal, position: { epoch: "another", seq: 7 } });
  back.connection.on("lost", ({ seq }) => told.push(`lost ${seq}`));
  back.onSnapshot(({ count, muted }) => told.push([count, muted]));
  back.on("say", ({ seq }) => told.push(seq));
  await back.publish("say", { text: "I am back" });
  assert.deepEqual(told, ["lost 1", [1, ["ann"]], 2]);
});

test("c3_c4_a_call_over_http_is_answered_by_its_data_and_by_the_first_again_under_the_same_key", async () => {
  const name = room();
  const ann = await bearer("ann");
  const key = { ...ann, "Idempotency-Key": "order-17" };
  assert.deepEqual(await post(service, name, "count", {}, key), { status: 200, body: { count: 1 } });
  assert.deepEqual(await post(service, name, "count", {}, key), { status: 200, body: { count: 1 } });
  assert.deepEqual(await post(service, name, "count", {}, ann), { status: 200, body: { count: 2 } });
  const codes = async (call: string, body: unknown, headers = ann): Promise<unknown> => {
    const answer = await post(service, name, call, body, headers);
    return [answer.status, answer.body.error.code];
  };
  assert.deepEqual(await codes("roll", { sides: 0 }), [422, "invalid_data"]);
  assert.deepEqual(await codes("fly", {}), [404, "not_found"]);
  assert.deepEqual(await codes("roll", { sides: 6 }, {}), [401, "unauthenticated"]);
  assert.deepEqual(await codes("count", {}, await bearer("eve", { "**": ["join", "call:roll"] })), [403, "forbidden"]);
  assert.equal((await post(service, name, "roll", { sides: 6 }, await bearer("eve", { "**": ["call:roll"] }))).status, 200);
});

test("c2_c3_state_replies_and_reminders_outlive_the_process", async () => {
  const runtime = await Runtime.start();
  try {
    const name = room();
    const key = { ...await bearer("ann"), "Idempotency-Key": "once" };
    assert.deepEqual((await post(runtime, name, "count", {}, key)).body, { count: 1 });
    await post(runtime, name, "remind", { after_ms: 1_000, text: "tea" }, key);
    await runtime.kill();
    assert.deepEqual((await post(runtime, name, "count", {}, key)).body, { count: 1 });
    const bob = await join(runtime, name, "bob", { position: null });
    assert.equal(bob.channel.snapshot?.count, 1);
    const { messages } = await bob.channel.history();
    const reminded = messages.find(({ event }) => event === "reminded") ?? (await bob.hears("reminded"));
    assert.deepEqual(reminded.data, { by: "ann", text: "tea" });
    over.abort();
  } finally {
    await runtime.stop();
  }
});
