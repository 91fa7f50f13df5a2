// The client's sessions on the real runtime: what they are told of a relay is what its tests make of one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, connectSession } from "../../client/src/index.ts";
import type { SessionOptions } from "../../client/src/index.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

let service: Service;
before(async () => {
  service = await Service.start();
});
after(() => service.stop());

const can = { "**": ["join", "publish", "call", "presence", "history"] };

/** A session, and the texts it has sent. */
async function begin(user: string, options: SessionOptions = {}) {
  const sent: string[] = [];
  const trace = (direction: "in" | "out", text: string): void => void (direction === "out" && sent.push(text));
  return { sent, session: connectSession(service.url, { token: await token(user, { can }), trace, ...options }) };
}

test("m2 m3 channels of a session join in one array, and each says, asks and hears by itself", async () => {
  const { session, sent } = await begin("ann");
  const [a, b] = [session.channel("chat:session-a", { history: 10 }), session.channel("chat:session-b")];
  const table = session.channel("demo:session");
  await Promise.all([a, b, table].map((channel) => channel.opened()));
  assert.equal((JSON.parse(sent[0] ?? "") as unknown[]).length, 3);
  const receipts = await Promise.all([a, b, a].map((channel) => channel.publish("say", { text: channel.name })));
  assert.deepEqual(receipts.map(({ seq }) => seq), [1, 1, 2]);
  const { n } = await table.call("roll", { sides: 6 });
  assert.ok(n >= 1 && n <= 6);
  assert.deepEqual([...a.presence.members.values()].map(({ user }) => user), ["ann"]);
  assert.equal((await a.history()).messages.length, 2);
  await session.close();
});

test("m2 m4 d4 a session that was away resumes all its channels in one array and misses nothing", async () => {
  const { session, sent } = await begin("ann");
  const direct = connect(service.url, "chat:away-a", { token: await token("bob", { can }) });
  const [a, b] = [session.channel("chat:away-a"), session.channel("chat:away-b")];
  const heard: unknown[] = [];
  a.on("say", ({ data }) => heard.push(data.text));
  await Promise.all([a.opened(), b.opened(), direct.opened()]);
  session.connection.pause();
  await direct.publish("say", { text: "missed" });
  sent.length = 0;
  const recovered = new Promise((told) => a.connection.on("recovered", told));
  session.connection.start();
  await Promise.all([recovered, b.connection.whenState("open")]);
  assert.deepEqual(heard, ["missed"]);
  assert.deepEqual((JSON.parse(sent[0] ?? "") as { channel: string }[]).map(({ channel }) => channel), [a.name, b.name]);
  await Promise.all([session.close(), direct.close()]);
});

test("m2 m4 a channel that is left or refused goes alone, and is joined again", async () => {
  const { session } = await begin("ann");
  const [a, b] = [session.channel("chat:left-a"), session.channel("chat:left-b")];
  await Promise.all([a.opened(), b.opened()]);
  await a.close();
  const again = session.channel("chat:left-a");
  await again.opened();
  const refused = session.channel("chat:left-c", { token: await token("ann", { can: { "chat:*": ["publish"] } }) });
  assert.equal((await refused.closed)?.code, "forbidden");
  assert.deepEqual([a, again, b, session].map(({ connection }) => connection.state), ["closed", "open", "open", "open"]);
  await session.close();
});

test("m3 a5 the session's token is replaced once for all", async () => {
  let asked = 0;
  let renewed = (): void => {};
  const again = new Promise<void>((told) => (renewed = told));
  const { session, sent } = await begin("ann", { token: () => (asked++ && renewed(), token("ann", { can, expires: "6s" })) });
  const channels = [session.channel("chat:renewed-a"), session.channel("chat:renewed-b")];
  await Promise.all(channels.map((channel) => channel.opened()));
  sent.length = 0;
  await again;
  const receipts = await Promise.all(channels.map((channel) => channel.publish("say", { text: "still here" })));
  assert.deepEqual(receipts.map(({ seq }) => seq), [1, 1]);
  assert.equal(sent.filter((text) => text.includes('"auth"')).length, 1);
  await session.close();
});
