// 500 members on one channel of the real runtime.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Frame, Member } from "./support/member.ts";
import { Service } from "./support/service.ts";
import { token } from "./support/tokens.ts";

const MEMBERS = 500;
let service: Service;
before(async () => {
  service = await Service.start();
});
after(() => service.stop());

/** Joins many, a few at a time. */
async function crowd(channel: string, count: number): Promise<Member[]> {
  const members: Member[] = [];
  while (members.length < count) {
    const users = Array.from({ length: Math.min(25, count - members.length) }, (_, at) => `user-${members.length + at}`);
    members.push(...await Promise.all(users.map((user) => Member.join(service, channel, user))));
  }
  return members;
}

test(`d1 ${MEMBERS} members hear the same messages in the same order, each once, through a sleep`, async () => {
  const members = await crowd("chat:crowd", MEMBERS);
  const speakers = members.slice(0, 10);
  const say = async (round: number) => {
    for (const [at, speaker] of speakers.entries()) {
      speaker.say([0, 1].map((part) => ({ type: "publish", id: `${round}-${at}-${part}`, event: "say", data: { text: `${round} ${at} ${part}` } })));
    }
    const told = members.map(async (member) => {
      const heard: Frame[] = [];
      while (heard.length < 20) heard.push(await member.next("message"));
      return heard;
    });
    return await Promise.all(told);
  };
  const before = await say(1);
  await service.evict("chat:crowd");
  const after = await say(2);
  for (const [round, expected] of [[before, 1], [after, 21]] as const) {
    const first = JSON.stringify(round[0]);
    assert.ok(round.every((heard) => JSON.stringify(heard) === first), "all hear the same");
    assert.deepEqual(round[0].map(({ seq }) => seq), Array.from({ length: 20 }, (_, at) => expected + at));
  }
  const ids = [...before[0], ...after[0]].map(({ id }) => id);
  assert.equal(new Set(ids).size, 40);
});

test("p4 a crowd is counted, over http too", async () => {
  const headers = { Authorization: `Bearer ${await token("backend")}` };
  const here = await (await service.fetch("/v1/channels/chat:crowd/members", { headers })).json();
  assert.deepEqual(here, { count: MEMBERS });
  const one = await Member.join(service, "chat:crowd", "one-more");
  assert.deepEqual([one.welcome.count, one.welcome.members], [MEMBERS + 1, undefined]);
});
