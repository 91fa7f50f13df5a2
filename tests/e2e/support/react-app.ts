// A page of React that uses each hook, as an application would; bundled for the browser by react.test.ts.
import { Fragment, StrictMode, createElement as h, useState, version } from "react";
import { createRoot } from "react-dom/client";
import { useChannel, useConnection, useEvent, useMessages, usePresence, useSnapshot } from "../../../client/src/react.ts";

const { room, user } = Object.fromEntries(new URLSearchParams(location.search)) as { room: string; user: string };

async function getToken(): Promise<string | null> {
  const answer = await fetch("/dev/token", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user }) });
  return answer.status === 200 ? ((await answer.json()) as { token: string }).token : null;
}

function Room({ name }: { readonly name: string }) {
  // A new function at each render joins no second time.
  const channel = useChannel(location.origin, `chat:${name}`, { token: () => getToken(), history: 3 });
  const { messages, past, older } = useMessages(channel);
  const { members } = usePresence(channel);
  const { state, error, reconnect } = useConnection(channel);
  const demo = useChannel(location.origin, `demo:${name}`, { token: () => getToken() });
  const snapshot = useSnapshot(demo);
  const [reply, setReply] = useState(0);
  const [heard, setHeard] = useState(0);
  useEvent(channel, "say", () => setHeard(heard + 1));
  const line = (message: (typeof messages)[number]) =>
    h("li", { key: message.key, className: message.status }, message.event === "say" ? message.data.text : message.event);
  return h(
    Fragment,
    null,
    h("p", { id: "state" }, `${state}${error ? `: ${error.message}` : ""}`),
    h("button", { id: "reconnect", onClick: reconnect }, "Try again"),
    h("p", { id: "here" }, members.map(({ user }) => user).sort().join(" ")),
    h("p", { id: "heard" }, heard),
    h("p", { id: "past" }, past),
    h("button", { id: "count", onClick: () => void demo?.call("count", {}).then(({ count }) => setReply(count)) }, "Count"),
    h("p", { id: "reply" }, reply),
    h("p", { id: "counted" }, snapshot ? `counted ${snapshot.count}` : "not shown"),
    h("button", { id: "older", onClick: () => void older(10) }, "Older"),
    h("ol", { id: "list" }, messages.map(line)),
    h("button", { id: "say", onClick: () => void channel?.timeline.send("say", { text: `hello from ${user}` }) }, "Say"),
  );
}

function App() {
  const [shown, show] = useState(true);
  const [name, setName] = useState(room);
  return h(
    Fragment,
    null,
    h("p", { id: "version" }, version),
    h("button", { id: "toggle", onClick: () => show(!shown) }, "Toggle"),
    h("button", { id: "move", onClick: () => setName(`${name}-next`) }, "Move"),
    shown ? h(Room, { name }) : null,
  );
}

document.body.replaceChildren(document.createElement("main"));
createRoot(document.querySelector("main") as Element).render(h(StrictMode, null, h(App)));
