// The page and the client in a real browser, against the real service.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { after, afterEach, before, test } from "node:test";
import type { Route } from "playwright-core";
import { Stage, type Visitor } from "./support/page.ts";
import { token } from "./support/tokens.ts";

let stage: Stage;
let rooms = 0;

before(async () => {
  stage = await Stage.start();
});

afterEach(() => stage.clear());

after(() => stage.stop());

const room = (): string => `oak-${++rooms}`;

/** Two people in a room of their own. */
async function two(): Promise<{ ann: Visitor; bob: Visitor; name: string }> {
  const name = room();
  const [ann, bob] = await Promise.all([stage.visitor(), stage.visitor()]);
  await Promise.all([ann.join("Hazel", name), bob.join("Moss", name)]);
  await Promise.all([ann.sees("Hazel", "Moss"), bob.sees("Hazel", "Moss")]);
  return { ann, bob, name };
}

/** Answers the page's asking for a token with one that holds for so many seconds, and counts. */
async function shortTokens(visitor: Visitor, seconds: number): Promise<{ asked: number; atLeast(count: number): Promise<void> }> {
  const asks = new EventEmitter();
  const seen = {
    asked: 0,
    async atLeast(count: number): Promise<void> {
      while (seen.asked < count) await once(asks, "ask");
    },
  };
  await visitor.page.context().route("**/dev/token", async (route: Route) => {
    seen.asked++;
    asks.emit("ask");
    const { user } = route.request().postDataJSON() as { user: string };
    await route.fulfill({ json: { token: await token(user, { expires: Math.floor(Date.now() / 1000) + seconds }) } });
  });
  return seen;
}

test("two pages chat without any set-up", async () => {
  const { ann, bob } = await two();
  await ann.say("Good evening. Is anyone awake?");
  await bob.hears("Is anyone awake?");
  await bob.say("Just me, and the owl.");
  await ann.hears("Just me, and the owl.");
  assert.deepEqual(await ann.said(), await bob.said());
  assert.deepEqual(await ann.numbers(), [1, 2]);
  assert.deepEqual([...ann.complaints, ...bob.complaints], []);
});

test("p2 p3 presence comes and goes, and who is typing is seen", async () => {
  const { ann, bob, name } = await two();
  const cleo = await (await stage.visitor()).join("Juniper", name);
  await ann.sees("Hazel", "Juniper", "Moss");
  await cleo.page.fill("#text", "I am abo");
  await ann.page.locator("#typing", { hasText: "Juniper is typing" }).waitFor();
  await cleo.leave();
  await Promise.all([ann.sees("Hazel", "Moss"), bob.sees("Hazel", "Moss")]);
  assert.deepEqual([...ann.complaints, ...bob.complaints], []);
});

test("pointers are shared", async () => {
  const { ann, bob } = await two();
  const box = await bob.page.locator("#stage").boundingBox();
  assert.ok(box);
  await bob.page.mouse.move(box.x + 10, box.y + 10);
  await bob.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 12 });
  const cursor = ann.page.locator(".cursor", { hasText: "Moss" });
  await cursor.waitFor();
  assert.deepEqual([...ann.complaints, ...bob.complaints], []);
});

test("d4 who is offline while the other talks comes back complete", async () => {
  const { ann, bob } = await two();
  await ann.say("before");
  await bob.hears("before");
  await ann.page.context().setOffline(true);
  await ann.page.evaluate(() => document.querySelector<HTMLButtonElement>("#drop")?.click());
  for (const text of ["one", "two", "three"]) await bob.say(`${text} while away`);
  await bob.hears("three while away");
  await ann.say("said while away");
  await ann.page.locator(".line.pending", { hasText: "said while away" }).waitFor();
  assert.equal((await ann.said()).includes("one while away"), false);
  // Coming back with no network is no good yet: the client waits, and tries again.
  await ann.page.click("#drop");
  await ann.page.locator('#state[data-state="waiting"]').waitFor();
  ann.complaints.length = 0;
  await ann.page.context().setOffline(false);
  await ann.connected();
  await ann.page.locator(".note.good", { hasText: "all 3 messages" }).waitFor();
  await Promise.all([ann.hears("said while away"), bob.hears("said while away")]);
  assert.deepEqual(await ann.said(), ["before", "one while away", "two while away", "three while away", "said while away"]);
  assert.deepEqual(await ann.said(), await bob.said());
  assert.deepEqual(await ann.numbers(), [1, 2, 3, 4, 5]);
});

test("d4 the button drops the connection and brings it back complete", async () => {
  const { ann, bob } = await two();
  await ann.page.click("#drop");
  await bob.sees("Moss");
  await bob.say("missed");
  await bob.hears("missed");
  await ann.page.click("#drop");
  await ann.hears("missed");
  await ann.page.locator(".note.good", { hasText: "the one message" }).waitFor();
  await bob.sees("Hazel", "Moss");
  assert.deepEqual([...ann.complaints, ...bob.complaints], []);
});

test("a5 a token expires and is renewed without a gap", async () => {
  const name = room();
  const [ann, bob] = await Promise.all([stage.visitor(), stage.visitor()]);
  const seen = await shortTokens(ann, 12);
  await Promise.all([ann.join("Hazel", name), bob.join("Moss", name)]);
  const connection = await ann.page.textContent("#connection");
  const joined = seen.asked;
  // Once the second renewal is out, the token that the page joined with has long expired.
  const renewals = ann.page.locator("#frames .out b", { hasText: "auth" });
  const again = renewals
    .nth(1)
    .waitFor()
    .then(() => "renewed twice");
  let said = 0;
  for (let state = ""; state !== "renewed twice";) {
    await bob.say(`word ${++said}`);
    await ann.hears(`word ${said}`);
    state = await Promise.race([
      again,
      ann.page
        .locator("#seq", { hasText: String(said) })
        .waitFor()
        .then(() => ""),
    ]);
  }
  await ann.say("still here");
  await bob.hears("still here");
  assert.equal(await ann.page.textContent("#connection"), connection);
  assert.ok(seen.asked > joined, "a new token was asked for");
  assert.equal(await ann.page.locator("#frames .in b", { hasText: "bye" }).count(), 0);
  assert.deepEqual(
    await ann.numbers(),
    Array.from({ length: said + 1 }, (_, at) => at + 1),
  );
  assert.deepEqual([...ann.complaints, ...bob.complaints], []);
});

test("two tabs share one token and its renewal", async () => {
  const name = room();
  const first = await stage.visitor();
  const seen = await shortTokens(first, 12);
  await first.join("Hazel", name);
  // One for the conversation, one for the pointers, one for the channel with code of its own.
  await seen.atLeast(3);
  const second = await (await first.tab()).join("Hazel", name);
  await second.page.locator("#counted", { hasText: "counted" }).waitFor();
  assert.equal(seen.asked, 3);
  const renewed = (visitor: Visitor): Promise<void> => visitor.page.locator("#frames .out b", { hasText: "auth" }).first().waitFor();
  // The conversation's renewal is on show, the pointers' comes at a moment of its own.
  await Promise.all([renewed(first), renewed(second), seen.atLeast(6)]);
  await second.say("both are here");
  await first.hears("both are here");
  assert.equal(seen.asked, 6);
  assert.deepEqual([...first.complaints, ...second.complaints], []);
});

test("c3 c5 c6 the channel's own code rolls for all, counts over a break, reminds, and shows how far it has counted", async () => {
  const { ann, bob, name } = await two();
  await ann.page.click("#roll");
  const rolled = await ann.page.locator("#told", { hasText: /^You rolled [1-6]\.$/ }).textContent();
  await bob.page.locator("#told", { hasText: rolled?.replace("You", "Hazel") ?? "" }).waitFor();
  await ann.page.locator("#frames .in b", { hasText: "result" }).waitFor();
  await ann.page.click("#count-one");
  await ann.page.locator("#counted", { hasText: "counted 1" }).waitFor();
  // Asked while away, it is counted on the way back.
  await ann.page.click("#drop");
  await ann.page.click("#count-one");
  await ann.page.click("#drop");
  await ann.page.locator("#counted", { hasText: "counted 2" }).waitFor();
  const cleo = await (await stage.visitor()).join("Juniper", name);
  await cleo.page.locator("#counted", { hasText: "counted 2" }).waitFor();
  await bob.page.click("#remind");
  await bob.page.locator("#told", { hasText: "In five seconds" }).waitFor();
  await ann.page.locator("#told", { hasText: "Moss wanted to be reminded of tea." }).waitFor();
  assert.deepEqual([...ann.complaints, ...bob.complaints, ...cleo.complaints], []);
});

test("a hostile message stays text", async () => {
  const { ann, bob } = await two();
  const hostile = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
  await ann.say(hostile);
  await bob.hears(hostile);
  for (const { page } of [ann, bob]) {
    assert.equal(await page.locator(".bubble img, .bubble script, #frames img").count(), 0);
    assert.equal(await page.title(), "Dormouse");
  }
  assert.deepEqual([...ann.complaints, ...bob.complaints], []);
});

test("history comes on scrolling up", async () => {
  const name = room();
  const lines = Array.from({ length: 60 }, (_, at) => `line ${at + 1}`);
  await stage.say("Hazel", name, lines);
  const late = await (await stage.visitor()).join("Juniper", name);
  await late.hears("line 60");
  assert.equal((await late.said()).length, 40);
  await late.page.evaluate(() => document.querySelector("#log")?.scrollTo(0, 0));
  await late.page.locator("#past", { hasText: "where it began" }).waitFor();
  assert.deepEqual(await late.said(), lines);
  assert.deepEqual(late.complaints, []);
});

test("who reloads is inside again with the conversation", async () => {
  const { ann, bob } = await two();
  await bob.say("before the reload");
  await ann.hears("before the reload");
  await ann.page.reload();
  await ann.connected();
  await ann.hears("before the reload");
  await ann.sees("Hazel", "Moss");
  assert.deepEqual(ann.complaints, []);
});

test("the page can be used by keyboard alone", async () => {
  const ann = await stage.visitor();
  await ann.page.focus("#name");
  await ann.page.keyboard.press("Control+A");
  await ann.page.keyboard.type("Hazel");
  await ann.page.keyboard.press("Tab");
  await ann.page.keyboard.press("Control+A");
  await ann.page.keyboard.type(room());
  await ann.page.keyboard.press("Enter");
  await ann.connected();
  await ann.page.keyboard.type("typed right away");
  await ann.page.keyboard.press("Enter");
  await ann.hears("typed right away");
  await ann.page.focus("#drop");
  await ann.page.keyboard.press("Space");
  await ann.page.locator('#state[data-state="idle"]').waitFor();
});

for (const [look, options] of [
  ["desktop", {}],
  ["desktop-dark", { colorScheme: "dark" as const }],
  ["phone", { viewport: { width: 360, height: 740 } }],
  ["phone-dark", { viewport: { width: 360, height: 740 }, colorScheme: "dark" as const }],
] as const) {
  test(`axe-core finds nothing serious, and nothing sticks out: ${look}`, async () => {
    const name = room();
    const ann = await stage.visitor(options);
    assert.deepEqual(await ann.barriers(), []);
    await ann.shoot(`door-${look}`);
    const bob = await stage.visitor();
    await Promise.all([ann.join("Hazel", name), bob.join("Moss", name)]);
    await ann.say("Good evening. Is anyone awake?");
    await bob.hears("awake?");
    await bob.say("Just me, and the owl.");
    await bob.say("A channel sleeps after ten quiet seconds. Our sockets stay open all the while.");
    await ann.hears("all the while");
    await ann.page.click("#drop");
    await bob.sees("Moss");
    await bob.say("Hazel has dropped off. She will find this when she is back.");
    await bob.hears("dropped off");
    await ann.say("Said while away.");
    await ann.shoot(`away-${look}`);
    assert.deepEqual(await ann.barriers(), []);
    await ann.page.click("#drop");
    await ann.hears("Said while away.");
    await ann.page.click("#count-one");
    await ann.page.locator("#counted", { hasText: "counted 1" }).waitFor();
    await bob.page.click("#roll");
    await ann.page.locator("#told", { hasText: "Moss rolled" }).waitFor();
    await ann.shoot(`room-${look}`);
    assert.deepEqual(await ann.barriers(), []);
    assert.equal(await ann.page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    assert.deepEqual(ann.complaints, []);
  });
}
