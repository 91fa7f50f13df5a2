// The built client as an app of any runtime has it; no API but the web's. Tells each thing as a line of JSON.
import { connect } from "../../../client/dist/esm/index.js";
import { shareToken } from "../../../client/dist/esm/tabs.js";

/** @type {{url: string, nowhere: string, channel: string, user: string, token: string}} */
const { url, nowhere, channel: name, user, token } = JSON.parse(globalThis.process.argv[2] ?? "");
const tell = (/** @type {object} */ line) => console.log(JSON.stringify(line));

const shared = shareToken({ url, channel: name, user, get: () => token });
const channel = connect(url, name, { token: shared.token, signal: shared.signal });
channel.connection.on("state", ({ state }) => tell({ state }));
channel.connection.on("recovered", (recovered) => tell({ recovered }));
channel.connection.on("lost", (lost) => tell({ lost }));
const messages = channel.messages();
await channel.opened();
tell({ members: [...channel.presence.members.values()].map((member) => member.user) });
tell({ receipt: await channel.publish("message", { text: "hello" }) });

for await (const { seq, event, data } of messages) {
  tell({ heard: { seq, event, data } });
  if (event !== "message" || data?.text !== "go home") continue;
  const page = await channel.history({ before: seq, limit: 2 });
  tell({ history: page.messages.map((message) => message.seq) });
  tell({ receipt: await channel.publish("message", { text: "bye" }) });
  break;
}
await channel.close();
shared.close();
tell({ closed: await channel.closed });
const never = connect(nowhere, name, { maxAttempts: 2 });
tell({ nowhere: (await never.closed)?.message });
// Nothing of the client is to keep the process alive: that it ends is part of the test.
