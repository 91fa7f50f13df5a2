import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));

/** A server's part of a page: all hooks, rendered to text, without a window. */
const PAGE = `
  import { createElement as h, version } from "react";
  import { renderToString } from "react-dom/server";
  import { useChannel, useConnection, useEvent, useMessages, usePresence, useSnapshot } from "./src/react.ts";
  function Room() {
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
