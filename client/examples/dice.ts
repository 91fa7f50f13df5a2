import { connect } from "../src/index.ts";

/** A table at which dice are rolled, by `demo:*` of the default contract. */
export async function table(url: string, room: string, getToken: () => Promise<string>, text: string): Promise<void> {
  const channel = connect(url, `demo:${room}`, { token: getToken });
  channel.onSnapshot(({ count, muted }) => console.log(count, muted)); // the state as it is; the messages that follow come on top
  channel.on("rolled", ({ data, from }) => console.log(data.by, data.n, from.service)); // the service says that: heard, and not published
  const { n } = await channel.call("roll", { sides: 6 });
  const { count } = await channel.call("count", {});
  console.log(n, count);
  await channel.publish("say", { text }).catch((error) => {
    if (!channel.isRefused(error, "say")) throw error;
    console.log(error.reason satisfies "muted"); // one of the reasons that the contract has for it
  });
}
