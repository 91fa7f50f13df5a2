import { connect } from "../../src/index.ts";

/** Answers "!time" in a room. Run it by Node 22 or newer, Deno or Bun. */
export function bot(url: string, room: string, token: () => Promise<string>): () => Promise<void> {
  const channel = connect(url, `chat:${room}`, { token });
  channel.on("say", ({ data, from }) => {
    if (data.text !== "!time" || from.user === "bot") return;
    channel.publish("say", { text: new Date().toISOString() }).catch(({ code, message }) => console.error(code, message));
  });
  channel.connection.on("state", ({ state, error }) => console.log(state, error?.message ?? ""));
  return () => channel.close();
}
