// The hooks of `dormouse-client/react` in a real browser, against the real service, by React 18 and by React 19.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { Stage } from "./support/page.ts";

let stage: Stage;

before(async () => {
  stage = await Stage.start();
});

afterEach(() => stage.clear());

after(() => stage.stop());

/** The page, bundled for one version of React in development, where StrictMode mounts each component twice. */
async function bundle(version: 18 | 19): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("support/react-app.ts", import.meta.url))],
    bundle: true,
    format: "iife",
    define: { "process.env.NODE_ENV": '"development"' },
    ...(version === 18 && { alias: { react: "react18", "react-dom": "react-dom18" } }),
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

/** A page of one's own, which nothing is stored in. */
async function open(script: string, room: string, user: string): Promise<{ page: Page; sockets: string[]; complaints: string[] }> {
  const { page, complaints } = await stage.visitor();
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  // The service's own page, with this script in the place of its own.
  await page.route("**/app.js", (route) => route.fulfill({ contentType: "text/javascript", body: script }));
  await page.goto(`${stage.url}?room=${room}&user=${user}`);
  return { page, sockets, complaints };
}

const has = (page: Page, id: string, text: string): Promise<void> => page.locator(`#${id}`, { hasText: text }).waitFor();
const list = (page: Page): Promise<string[]> => page.locator("#list li").allTextContents();

for (const version of [18, 19] as const)
  test(`hooks by react ${version}: a reloaded page shows what was said, and each component has one channel`, async () => {
    const room = `hooks-${version}`;
    await stage.say("moss", room, ["one", "two", "three", "four"]);
    const script = await bundle(version);
    const { page, sockets, complaints } = await open(script, room, "ann");
    await has(page, "version", `${version}.`);
    await has(page, "past", "more");
    assert.deepEqual(await list(page), ["two", "three", "four"]);
    await has(page, "here", "ann");
    const { page: bob } = await open(script, room, "bob");
    await has(page, "here", "ann bob");
    await bob.click("#say");
    await page.locator("#list li.kept", { hasText: "hello from bob" }).waitFor();
    await has(page, "heard", "1");
    await page.click("#older");
    await has(page, "past", "complete");
    assert.deepEqual(await list(page), ["one", "two", "three", "four", "hello from bob"]);
    await page.reload();
    await has(page, "past", "more");
    assert.deepEqual(await list(page), ["three", "four", "hello from bob"]);
    // Unmounted, it leaves; mounted again, it joins again; another name is another channel.
    await page.click("#toggle");
    await bob.waitForFunction(() => document.querySelector("#here")?.textContent === "bob");
    await page.click("#toggle");
    await has(bob, "here", "ann bob");
    const before = sockets.length;
    await page.click("#move");
    await bob.waitForFunction(() => document.querySelector("#here")?.textContent === "bob");
    await has(page, "past", "complete");
    assert.deepEqual(await list(page), []);
    assert.equal(sockets.length, before + 1);
    // Who is signed out is told so, and taken up again once somebody is signed in.
    await page.route("**/dev/token", (route) => route.fulfill({ status: 204 }));
    await page.click("#move");
    await has(page, "state", "closed: Nobody is signed in.");
    await page.unroute("**/dev/token");
    await page.click("#reconnect");
    await has(page, "state", "open");
    await has(page, "past", "complete");
    await page.click("#say");
    await page.locator("#list li.kept", { hasText: "hello from ann" }).waitFor();
    assert.deepEqual(complaints, []);
  });
