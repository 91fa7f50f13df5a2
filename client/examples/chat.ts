import { connect, type Receipt } from "../src/index.ts";

export function chat(url: string, room: string, getToken: () => Promise<string>): (text: string) => Promise<Receipt> {
  const channel = connect(url, `chat:${room}`, { token: getToken, history: 50 });
  const { timeline, presence, connection } = channel;
  timeline.subscribe(({ messages, past, error }) => {
    console.clear(); // the whole list, each time it changes: the newest 50, what came since, what is being sent
    if (past === "refused") console.log(`no history: ${error?.message}`);
    for (const message of messages) if (message.event === "say") console.log(message.from.user, message.data.text, message.status);
  });
  presence.on("join", ({ user }) => console.log(`${user} is here`));
  connection.on("state", ({ state, error, retryIn }) => console.log(state, error?.message ?? "", retryIn ?? ""));
  return (text) => timeline.send("say", { text }); // stands there at once; `status` tells when it is kept, or that it failed
}
