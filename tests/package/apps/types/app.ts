// Compiled only, by every compiler that the package is for.
import { type AnyContract, ChannelError, type MessageOf, type ChannelOf, type Contract, connect, connectSession, connectWith } from "dormouse-client";
import { shareToken } from "dormouse-client/tabs";
import type { ChatSay } from "./dormouse.js";

export async function app(url: string, room: string): Promise<void> {
  const shared = shareToken({ url, channel: `chat:${room}`, user: "ann", get: () => "token" });
  const channel = connect(url, `chat:${room}`, { token: shared.token, signal: shared.signal });
  channel.on("say", ({ data, from, seq }) => {
    const said: ChatSay = data;
    console.log(said.text, from.user?.length, seq?.toFixed());
  });
  for await (const { data } of channel.messages("typing")) console.log(data.on === true);
  const page: readonly MessageOf<ChannelOf<Contract, `chat:${string}`>>[] = (await channel.history({ limit: 5 })).messages;
  channel.presence.on("join", ({ user }) => console.log(user, page.length));
  try {
    const { seq } = await channel.publish("say", { text: "hi" }, { to: { users: ["bob"] } });
    console.log(seq);
  } catch (error) {
    if (error instanceof ChannelError && error.code === "rate_limited") console.log(error.retryAfter);
  }
  const demo = connect(url, `demo:${room}`, { token: "token" });
  const { n } = await demo.call("roll", { sides: 6 }, { timeout: 1_000 });
  const { count } = await demo.call("count", {});
  demo.onSnapshot(({ muted }) => console.log(n.toFixed(), count.toFixed(), muted.length, demo.snapshot?.count));
  await demo.publish("say", { text: "hi" }).catch((error: unknown) => {
    if (demo.isRefused(error, "say")) console.log(error.reason === "muted");
  });
  // @ts-expect-error: nothing is to be told
  await demo.call("count", { by: 2 });
  // @ts-expect-error: the service says that
  await demo.publish("rolled", { by: "ann", n: 6 });
  // @ts-expect-error: no such field
  await channel.publish("say", { txt: "hi" });
  // @ts-expect-error: no such event
  channel.on("shout", () => {});
  // @ts-expect-error: no such channel
  connect(url, "char:lobby");
  await connectWith<AnyContract>()(new URL(url), room).close();
  const session = connectSession(url, { token: shared.token });
  const carried: typeof channel = session.channel(`chat:${room}`, { history: 5 });
  await carried.publish("say", { text: "hi" });
  // @ts-expect-error: no such channel
  session.channel("char:lobby");
  await connectSession<AnyContract>(new URL(url)).channel(room).close();
  await session.close();
}
