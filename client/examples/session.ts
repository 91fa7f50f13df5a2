import { connectSession, type Receipt } from "../src/index.ts";

/** A page that shows several rooms at once, and asks for one token for all of them. */
export function rooms(url: string, names: readonly string[], getToken: () => Promise<string>): (room: string, text: string) => Promise<Receipt> {
  const session = connectSession(url, { token: getToken });
  session.connection.on("state", ({ state, error, retryIn }) => console.log(state, error?.message ?? "", retryIn ?? ""));
  for (const name of names) {
    const channel = session.channel(`chat:${name}`, { history: 50 }); // all of this turn join in one array
    channel.timeline.subscribe(({ messages }) => console.log(name, messages.length));
    void channel.closed.then((error) => console.log(name, "is over", error?.code)); // the others go on
  }
  return (room, text) => session.channel(`chat:${room}`).publish("say", { text }); // the same channel as above
}
