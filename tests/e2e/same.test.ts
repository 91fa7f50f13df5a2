// What an application is told is the same on the real service and on the fake one that the client's own tests trust.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Joining, type Place, Told, fake, real } from "./support/places.ts";
import { token } from "./support/tokens.ts";

let service: Place;

before(async () => {
  service = await real();
});

after(() => service.stop());

/** Joins as a user, on the story's own channel. */
type Join = (user: string, options?: Joining) => Promise<Told>;

/** Has a story happen in one place, and tells what each member of it was told. */
async function happen(place: Place, channel: string, story: (join: Join, place: Place) => Promise<void>): Promise<object[]> {
  const all: Told[] = [];
  await story(async (user, options) => {
    const told = await Told.join(place, channel, user, options);
    all.push(told);
    return told;
  }, place);
  const told = all.map((member) => member.all);
  for (const { channel } of all) await place.pass(channel.close());
  return told;
}

/** The same story in both places, on `chat:*` unless told otherwise. */
function same(rule: string, story: (join: Join, place: Place) => Promise<void>, pattern = "chat"): void {
  test(`${rule}, and the fake service as well as the real one`, { timeout: 60_000 }, async () => {
    const channel = `${pattern}:${rule.slice(0, 40).replaceAll(" ", "_").replaceAll(/[^a-z0-9_]/gi, "")}`;
    assert.deepEqual(await happen(fake(), channel, story), await happen(service, channel, story));
  });
}

const say = (told: Told, text: string, options?: object): Promise<unknown> => told.channel.publish("say", { text }, options);

same("f2_f5_d8_a_publish_is_answered_by_its_place_or_by_what_is_wrong", async (join) => {
  const ann = await join("ann");
  const bob = await join("bob");
  const { channel } = ann;
  await ann.answer("one", say(ann, "one"));
  const two = [say(ann, "two"), say(ann, "three")];
  for (const each of two) await ann.answer("in one turn", each);
  await ann.answer("ephemeral", channel.publish("typing", { on: true }));
  await ann.answer("without echo", say(ann, "not to me", { echo: false }));
  await ann.answer("directed", say(ann, "for bob", { to: { users: ["bob"] } }));
  await ann.answer("directed at nobody", say(ann, "for zoe", { to: { users: ["zoe"] } }));
  await ann.answer("head as it is", say(ann, "five", { ifSeq: 4 }));
  await ann.answer("head as it is not", say(ann, "six", { ifSeq: 4 }));
  await ann.answer("empty", say(ann, ""));
  await ann.answer("too long", say(ann, "x".repeat(4_001)));
  await ann.answer("no such event", channel.publish("sing", { text: "la" }));
  await ann.answer("ephemeral has no head", channel.publish("typing", { on: false }, { ifSeq: 5 }));
  await ann.answer("ephemeral may not be directed", channel.publish("typing", { on: false }, { to: { users: ["bob"] } } as object));
  await bob.until("messages", 7);
  await ann.until("messages", 5);
  assert.deepEqual([ann.losses, ann.messages.filter((message) => message.includes("not to me"))], [[], []]);
});

same("d7_an_id_is_known_again", async (join) => {
  const twin = { runtime: { instance: () => "twin" } };
  const first = await join("ann", twin);
  await first.answer("said", say(first, "once"));
  const second = await join("ann", twin);
  await second.answer("said again", say(second, "once"));
  const third = await join("ann", twin);
  await third.answer("another", say(third, "not the same"));
  const other = await join("bob", twin);
  await other.answer("of another user", say(other, "once"));
  await first.until("messages", 2);
});

same("d4_who_comes_back_is_told_what_it_missed", async (join, place) => {
  const ann = await join("ann");
  const bob = await join("bob");
  await bob.answer("before", say(bob, "before"));
  await ann.until("messages", 1);
  ann.channel.connection.pause();
  const waiting = say(ann, "while away");
  for (const text of ["missed 1", "missed 2"]) await bob.answer(text, say(bob, text));
  ann.channel.connection.start();
  await ann.answer("queued", waiting);
  await ann.until("messages", 4);
  await bob.until("messages", 4);
  await place.cut();
  await ann.until("losses", 2);
  await bob.until("losses", 1);
});

same("d4_a_position_is_gone_on_from_or_lost", async (join) => {
  const bob = await join("bob");
  for (let count = 1; count <= 5; count++) await bob.answer("said", say(bob, `${count}`));
  const { epoch = "" } = bob.channel.position ?? {};
  for (const position of [{ epoch, seq: 3 }, { epoch, seq: 5 }, { epoch, seq: 0 }, { epoch, seq: 6 }, { epoch: "another", seq: 3 }]) {
    const ann = await join("ann", { position });
    await ann.until("losses", 1);
    assert.equal(ann.channel.position?.seq, 5);
  }
});

same("d4_who_missed_much_pages_for_it", async (join) => {
  const bob = await join("bob", { can: ["join", "publish", "presence", "history", "unmetered"] });
  const said = Array.from({ length: 80 }, (_, at) => say(bob, `${at} ${"x".repeat(3_900)}`));
  for (const each of said) await bob.answer("said", each);
  const { epoch = "" } = bob.channel.position ?? {};
  const ann = await join("ann", { position: { epoch, seq: 2 } });
  await ann.until("losses", 1);
});

same("r5_what_is_too_fast_is_said_later_and_what_is_volatile_is_not", async (join) => {
  const ann = await join("ann");
  const bob = await join("bob");
  const said = Array.from({ length: 33 }, (_, at) => say(ann, `${at}`));
  for (const each of said) await ann.answer("said", each);
  await bob.until("messages", 33);
  const volatile = Array.from({ length: 8 }, () => ann.channel.publish("typing", { on: true }, { volatile: true }));
  for (const each of volatile) await ann.answer("volatile", each);
});

same("p1_p2_p3_members_come_change_and_go", async (join, place) => {
  const ann = await join("ann");
  const bob = await join("bob");
  await ann.until("members", 2);
  await bob.answer("calm", bob.channel.presence.set({ mood: "calm" }));
  await ann.until("members", 3);
  await bob.answer("too much", bob.channel.presence.set({ mood: "x".repeat(1_100) }));
  await bob.answer("hidden", bob.channel.presence.leave());
  await ann.until("members", 4);
  await bob.answer("here again", bob.channel.presence.set({ mood: "back" }));
  await ann.until("members", 5);
  const cleo = await join("cleo", { can: ["join"] });
  await cleo.answer("may not", cleo.channel.presence.set({ mood: "none" }));
  await place.pass(bob.channel.close());
  await ann.until("members", 6);
});

same("d10_history_is_paged_by_who_may", async (join) => {
  const ann = await join("ann");
  for (let count = 1; count <= 7; count++) await ann.answer("said", say(ann, `${count}`));
  for (const range of [{}, { limit: 3 }, { before: 6, limit: 3 }, { after: 2, limit: 3 }, { after: 7 }, { before: 1 }])
    await ann.answer(JSON.stringify(range), ann.channel.history(range));
  const mute = await join("mute", { can: ["join"] });
  await mute.answer("history", mute.channel.history());
  await mute.answer("publish", say(mute, "may not"));
});

const asking = { can: ["join", "publish", "call", "presence", "history"] };

same("c1_c3_c4_c5_c6_code_of_the_channels_own_judges_answers_shows_and_reminds", async (join, place) => {
  const ann = await join("ann", asking);
  const bob = await join("bob", { can: ["join", "call:count", "publish"] });
  await ann.answer("shown", Promise.resolve(ann.channel.snapshot));
  await ann.answer("counted", ann.channel.call("count", {}, { id: "one" }));
  await ann.answer("counted again", ann.channel.call("count", {}, { id: "one" }));
  await bob.answer("counted by another", bob.channel.call("count", {}, { id: "one" }));
  await bob.answer("may not roll", bob.channel.call("roll", { sides: 6 }));
  await ann.answer("no such die", ann.channel.call("roll", { sides: 1 }));
  await ann.answer("no such call", ann.channel.call("fly", {}));
  await ann.answer("said", say(ann, "hello"));
  await ann.answer("spam", say(ann, "spam"));
  await ann.answer("muted", say(ann, "hello?"));
  await ann.answer("of the service", ann.channel.publish("rolled", { by: "ann", n: 6 }));
  await ann.answer("a reminder", ann.channel.call("remind", { after_ms: 50, text: "tea" }));
  await bob.until("messages", 3);
  const cleo = await join("cleo", asking);
  await cleo.answer("shown", Promise.resolve(cleo.channel.snapshot));
  const lost = await join("dan", { ...asking, position: { epoch: "another", seq: 1 } });
  await lost.until("losses", 1);
  await lost.answer("shown", Promise.resolve(lost.channel.snapshot));
  // What was asked while away is answered on the way back.
  ann.channel.connection.pause();
  const waiting = ann.channel.call("count", {});
  await bob.answer("counted meanwhile", bob.channel.call("count", {}));
  ann.channel.connection.start();
  await ann.answer("counted then", waiting);
  await place.cut();
  await ann.answer("counted last", ann.channel.call("count", {}));
  const many = Array.from({ length: 14 }, () => ann.channel.call("count", {}));
  for (const each of many) await ann.answer("counted fast", each);
}, "demo");

test("a4_r3_who_may_not_join_is_told_why, by the fake service as well as the real one", { timeout: 60_000 }, async () => {
  const expired = await token("ann", { expires: 1_600_000_000 });
  const outside = await token("ann", { can: { "chat:*": ["publish"] } });
  const refused = async (place: Place): Promise<unknown[]> => {
    const tries = [
      await Told.connect(place, "chat:a", "ann", { token: expired }),
      await Told.connect(place, "chat:a", "ann", { token: outside }),
      await Told.connect(place, "chat:a", "ann", { token: "bad" }),
      await Told.connect(place, "nowhere:a", "ann"),
    ];
    return await Promise.all(tries.map(async (told) => [(await place.pass(told.channel.closed))?.code, told.all]));
  };
  assert.deepEqual(await refused(fake()), await refused(service));
});
