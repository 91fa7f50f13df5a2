// What the machine asks of the sockets, on the real ones: what is unread, and who was last heard (rule R6).
import assert from "node:assert/strict";
import { setTimeout as passing } from "node:timers/promises";
import { after, before, test } from "node:test";
import { Member } from "./support/member.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

let service: Service;
before(async () => {
  service = await Service.start({ vars: { SILENT_MS: "10000" } });
});
after(() => service.stop());

test("r6 a member that does not read is told so and let go, and nobody waits for it", async (context) => {
  const can = { "app:*": ["join", "publish", "presence", "unmetered"] };
  const loud = await Member.join(service, "app:stuck", "loud", { token: await token("loud", { can }) });
  const healthy = await Member.join(service, "app:stuck", "healthy");
  const stuck = await Member.join(service, "app:stuck", "stuck");
  context.after(() => stuck.socket.terminate());
  stuck.socket.pause();
  const data = "x".repeat(30_000);
  const rounds = 1000;
  let round = 0;
  for (; round < rounds; round++) {
    const heard = await loud.ask({ type: "publish", id: `${round}`, event: "signal", data });
    assert.equal(heard.type, "message");
    assert.equal((await healthy.next("message")).id, `${round}`);
    if (healthy.inbox.some(({ leave = [] }) => leave.some(({ user }: { user: string }) => user === "stuck"))) break;
  }
  assert.ok(round < rounds, "30 MB unread are too many");
  stuck.socket.resume();
  assert.equal((await stuck.next("bye")).code, 4102);
});

test("r6 who has sent ping once and then nothing is gone; who goes on, and who never did, stay", async () => {
  const [silent, beating, plain] = await Promise.all(["silent", "beating", "plain"].map((user) => Member.join(service, "chat:silent", user)));
  silent.say("ping");
  const heartbeat = setInterval(() => beating.say("ping"), 2000);
  beating.say("ping");
  // Members are looked at once a minute at most, and only when the channel is awake anyway.
  await passing(61_000);
  const headers = { Authorization: `Bearer ${await token("watcher")}` };
  const here = await (await service.fetch("/v1/channels/chat:silent/members", { headers })).json() as { members: { user: string }[] };
  clearInterval(heartbeat);
  assert.deepEqual(here.members.map(({ user }) => user).sort(), ["beating", "plain"]);
  assert.equal((await silent.next("bye")).code, 4201);
  assert.deepEqual([beating.taken("bye"), plain.taken("bye")], [[], []]);
});
