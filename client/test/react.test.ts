import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Contract, Session } from "../src/index.ts";
import { World, welcomeOf } from "./support/world.ts";

const here = fileURLToPath(new URL("..", import.meta.url));

/** A server's part of a page: all hooks, rendered to text, without a window. */
const PAGE = `
  import { createElement as h, version } from "react";
  import { renderToString } from "react-dom/server";
  import { useChannel, useConnection, useEvent, useMessages, usePresence, useSession, useSnapshot } from "./src/react.ts";
  function Room() {
    const session = useSession("http://service.test");
    useChannel(session, "chat:lobby");
    const channel = useChannel("http://service.test", "chat:lobby", { history: 50 });
    useEvent(channel, "say", () => {});
    const { messages, past } = useMessages(channel);
    const { members, count } = usePresence(channel);
    const { state, user } = useConnection(channel);
    const snapshot = useSnapshot(channel) ?? "none";
    return JSON.stringify([channel, messages, past, members, count, state, user, snapshot]);
  }
  module.exports = [version, renderToString(h(Room))];
`;

for (const [version, alias] of [
  ["18", { react: "react18", "react-dom": "react-dom18" }],
  ["19", {}],
] as const)
  test(`on_a_server_the_hooks_of_react_${version}_render_an_empty_room_and_join_nothing`, async (context) => {
    const socket = context.mock.method(globalThis, "WebSocket", () => assert.fail("a server joins nothing"));
    const { outputFiles } = await build({ stdin: { contents: PAGE, resolveDir: here, loader: "ts" }, bundle: true, platform: "node", format: "cjs", alias, write: false });
    const module = { exports: [] as string[] };
    new Function("module", "require", outputFiles[0]?.text ?? "")(module, createRequire(import.meta.url));
    const [used, text = ""] = module.exports;
    assert.match(used ?? "", new RegExp(`^${version}\\.`));
    assert.deepEqual(JSON.parse(text.replaceAll("&quot;", '"')), [null, [], "loading", [], 0, "idle", null, "none"]);
    assert.equal(socket.mock.callCount(), 0);
  });

/** The hooks as they are, over as much of React as they use. */
async function hooks(): Promise<{ hooks: typeof import("../src/react.ts"); Component: typeof import("./support/hooks.ts").Component }> {
  const contents = 'export * as hooks from "./src/react.ts"; export { Component } from "react";';
  const alias = { react: fileURLToPath(new URL("./support/hooks.ts", import.meta.url)) };
  const { outputFiles } = await build({ stdin: { contents, resolveDir: here, loader: "ts" }, bundle: true, platform: "node", format: "cjs", alias, write: false });
  const module = { exports: {} as never };
  new Function("module", outputFiles[0]?.text ?? "")(module);
  return module.exports;
}

test("components_share_a_sessions_channel_and_the_last_of_them_leaves_it", async () => {
  const { hooks: used, Component } = await hooks();
  const world = new World();
  const seen: unknown[] = [];
  let session: Session<Contract> | null = null;
  const page = new Component(() => {
    session = used.useSession("http://service.test", { runtime: world.runtime, token: () => "token" });
    seen.push(used.useConnection(session).state);
  });
  await world.settle();
  assert.ok(session);
  const channels: unknown[] = [];
  const rooms = [0, 1].map((at) => new Component(() => (channels[at] = used.useChannel(session, "chat:lobby"))));
  await world.settle();
  assert.equal(channels[0], channels[1]);
  const [join, ...others] = world.socket.heard();
  assert.deepEqual([join?.type, join?.["channel"], others], ["join", "chat:lobby", []]);
  await world.socket.say({ type: "hello", connection: "s1", user: "ann", now: world.now });
  await world.socket.say({ type: "in", channel: "chat:lobby", frames: [welcomeOf()] });
  assert.deepEqual([...new Set(seen)], ["idle", "joining", "open"]);
  rooms[0]?.unmount();
  await world.settle();
  assert.deepEqual(world.socket.heard(), []);
  rooms[1]?.unmount();
  await world.settle();
  assert.equal(world.socket.heardOne().type, "leave");
  page.unmount();
  assert.equal(world.socket.closedWith, 1000);
});
