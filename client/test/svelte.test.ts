import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { compile, compileModule } from "svelte/compiler";
import { readable } from "svelte/store";
import type { Readable } from "svelte/store";
import type { Channel, TimelineSnapshot } from "../src/index.ts";
import { World, messageOf } from "./support/world.ts";
import type { Chat } from "./support/world.ts";

const here = fileURLToPath(new URL("..", import.meta.url));

/** What a compiled module exports, with Svelte as a page has it (`browser`) or a server. */
async function run<Exports>(contents: string, ...conditions: string[]): Promise<Exports> {
  const { outputFiles } = await build({ stdin: { contents, resolveDir: here }, bundle: true, format: "cjs", conditions, logLevel: "error", write: false });
  const module = { exports: {} as Exports };
  new Function("module", outputFiles[0]?.text ?? "")(module);
  return module.exports;
}

/** The list as the recipe has it, out of the README itself. */
const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
const [, recipe = ""] = /^const list = (readable\([^]*?^\}\));/m.exec(readme) ?? [];
const storeOf = (channel: Chat): Readable<TimelineSnapshot> => new Function("readable", "channel", `return ${recipe}`)(readable, channel);

test("the_recipe_for_svelte_follows_the_list_from_where_it_is_when_somebody_looks", async () => {
  const world = new World();
  const channel = await world.open({ history: 50 });
  const list = storeOf(channel);
  await world.socket.say(messageOf(1));
  const seen: number[] = [];
  const look = (): (() => void) => list.subscribe(({ messages }) => void seen.push(messages.length));
  const away = look();
  await world.socket.say(messageOf(2), messageOf(3));
  away();
  await world.socket.say(messageOf(4));
  look();
  assert.deepEqual(seen.filter((length, at) => length !== seen[at - 1]), [1, 3, 4]);
});

test("the_recipe_for_svelte_renders_the_list_as_a_component", async () => {
  const world = new World();
  const channel = await world.open({ history: 50 });
  await world.socket.say(messageOf(1), messageOf(2));
  const source = `<script>export let list;</script>
    {#each $list.messages as message (message.key)}<p class={message.status}>{message.data.text}</p>{/each}`;
  const { js } = compile(source, { generate: "server", name: "List" });
  const { html } = await run<{ html(list: unknown): string }>(
    `import { render } from "svelte/server"; ${js.code.replace("export default", "")}; export const html = (list) => render(List, { props: { list } }).body;`,
  );
  assert.deepEqual(html(storeOf(channel)).match(/<p.*?<\/p>/g), ['<p class="kept">m1</p>', '<p class="kept">m2</p>']);
});

test("svelte_keeps_a_channel_whole_in_a_rune_and_tells_a_snapshot_that_takes_the_place_of_another", async () => {
  const world = new World();
  const channel = await world.open({ history: 50 });
  const source = `export function follow(channel, see) {
    const held = $state({ channel });
    let list = $state.raw(channel.timeline.getSnapshot());
    channel.timeline.subscribe((snapshot) => (list = snapshot));
    $effect.root(() => { $effect(() => see(list.messages.length)); });
    return held;
  }`;
  const { js } = compileModule(source, { generate: "client", filename: "follow.svelte.js" });
  const { follow, flushSync } = await run<{ follow(channel: Chat, see: (length: number) => void): { channel: Channel }; flushSync(): void }>(
    `export { flushSync } from "svelte"; ${js.code}`,
    "browser",
  );
  const seen: number[] = [];
  const held = follow(channel, (length) => void seen.push(length));
  flushSync();
  await world.socket.say(messageOf(1), messageOf(2));
  flushSync();
  assert.equal(held.channel, channel);
  assert.equal(held.channel.position?.seq, 2, "it is no proxy, which would have no private fields");
  assert.deepEqual(seen, [0, 2]);
});
