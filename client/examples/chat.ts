import { connect } from "../src/index.ts";

export function chat(url: string, room: string, getToken: () => Promise<string>): (text: string) => Promise<void> {
  const channel = connect(url, `chat:${room}`, { token: getToken });
  channel.on("say", ({ from, data, seq }) => console.log(`#${seq} ${from.user}: ${data.text}`));
  channel.presence.on("join", ({ user }) => console.log(`${user} is here`));
  channel.connection.on("state", ({ state, retryIn }) => console.log(state, retryIn ?? ""));
  channel.connection.on("lost", ({ seq }) => {
    channel.history({ before: seq + 1, limit: 50 }).then(
      ({ messages }) => console.log("history begins anew", messages),
      ({ message }) => console.log("no history", message), // a promise that nobody catches would end Node
    );
  });
  return async (text) => {
    const { seq } = await channel.publish("say", { text }); // settles when it is on disk, or rejects with a ChannelError
    console.log(`kept as #${seq}`);
  };
}
