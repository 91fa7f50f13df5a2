// What keeping costs: rows written, as the runtime counts them (a row written is what is billed most).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Member } from "./support/member.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

let service: Service;
before(async () => {
  service = await Service.start();
});
after(() => service.stop());

const can = { "**": ["join", "publish", "meter", "unmetered"] };

async function rowsWritten(channel: string): Promise<number> {
  const answer = await service.fetch(`/v1/channels/${channel}/meter`, { headers: { Authorization: `Bearer ${await token("meter", { can })}` } });
  return (await answer.json() as { rows_written: number }).rows_written;
}

function publish(member: Member, id: string): Promise<unknown> {
  return member.ask({ type: "publish", id, event: "message", data: { id }, echo: false });
}

test("d1_a_quiet_channel_writes_one_row_for_a_kept_message", async (context) => {
  const channel = "app:quiet";
  const ann = await Member.join(service, channel, "ann", { token: await token("ann", { can }) });
  // The first message of a life brings the table and the alarm with it.
  await publish(ann, "first");
  const before = await rowsWritten(channel);
  const messages = 200;
  for (let number = 0; number < messages; number += 1) await publish(ann, `${number}`);
  const rows = await rowsWritten(channel) - before;
  context.diagnostic(`${messages} messages, one at a time: ${rows} rows`);
  assert.ok(rows >= messages && rows <= messages * 1.1, `${rows} rows for ${messages} messages`);
  await ann.leave();
});

test("d1_a_crowd_writes_one_row_for_twenty_kept_messages_or_more", async (context) => {
  const channel = "app:crowd";
  const bearers = await Promise.all(Array.from({ length: 50 }, (_, user) => token(`user-${user}`, { can })));
  const crowd: Member[] = [];
  // Twenty connections of each user, some at a time: this is about what they write, not about how they join.
  for (let joined = 0; joined < 1_000; joined += 50) {
    crowd.push(...await Promise.all(bearers.map((bearer) => Member.join(service, channel, "", { token: bearer }))));
  }
  // Who only listens need not read what it hears.
  const publishers = crowd.slice(0, 20);
  for (const member of crowd.slice(20)) member.socket.removeAllListeners("message");
  await publish(crowd[0], "first");
  const before = await rowsWritten(channel);
  const [rounds, each] = [5, 8];
  for (let round = 0; round < rounds; round += 1) {
    await Promise.all(publishers.flatMap((member, at) => Array.from({ length: each }, (_, number) => publish(member, `${round}-${at}-${number}`))));
  }
  const messages = rounds * each * publishers.length;
  const rows = await rowsWritten(channel) - before;
  context.diagnostic(`${messages} messages of ${publishers.length} among ${crowd.length}, ${each} at a time: ${rows} rows, ${rows / messages} a message`);
  assert.ok(rows <= messages * 0.05, `${rows} rows for ${messages} messages`);
  for (const member of crowd) member.socket.terminate();
});
