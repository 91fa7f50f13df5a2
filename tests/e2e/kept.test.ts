// A page that the browser keeps as it is while another is looked at (bfcache), in a real browser, against the real service.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Stage } from "./support/page.ts";

let stage: Stage;

before(async () => {
  stage = await Stage.start({ kept: true });
});

after(() => stage.stop());

test("a page that is left lets its connection go, is kept by the browser, and shows what it missed when it is back", async () => {
  const ann = await (await stage.visitor()).join("ann", "kept");
  const bob = await (await stage.visitor()).join("bob", "kept");
  await bob.sees("ann", "bob");
  await ann.say("before");
  await bob.hears("before");
  const { page } = ann;
  await page.evaluate(() => {
    const seen = { persisted: [] as boolean[], states: [] as (string | undefined)[] };
    const state = document.querySelector<HTMLElement>("#state");
    new MutationObserver(() => seen.states.push(state?.dataset["state"])).observe(state as HTMLElement, { attributeFilter: ["data-state"] });
    addEventListener("pageshow", ({ persisted }) => seen.persisted.push(persisted));
    Object.assign(globalThis, { seen });
  });
  await page.goto(`${stage.url}?room=another`);
  // Told at once, and not when the service misses its pings.
  await bob.sees("bob");
  await bob.say("meanwhile");
  await page.evaluate(() => void setTimeout(() => history.back()));
  await page.waitForURL(stage.url, { waitUntil: "commit" });
  await ann.hears("meanwhile");
  await bob.sees("ann", "bob");
  assert.deepEqual(await ann.said(), ["before", "meanwhile"]);
  await ann.say("after");
  await bob.hears("after");
  const seen = await page.evaluate(() => (globalThis as unknown as { seen?: { persisted: boolean[]; states: string[] } }).seen);
  assert.deepEqual(seen, { persisted: [true], states: ["idle", "joining", "open"] }, "it is the page that was left, and not another");
  assert.deepEqual(ann.complaints, []);
});
