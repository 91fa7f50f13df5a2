// @ts-check
// A member of a channel, as a client has it: frames go out and come in over a WebSocket.
import { on, once } from "node:events";

/** Joins a channel of the service at `url`, by a token that it hands out in development. @param {string | URL} url @param {string} channel @param {string} user */
export async function join(url, channel, user) {
  const answer = await fetch(new URL("/dev/token", url), { method: "POST", body: JSON.stringify({ user }) });
  const { token } = await answer.json();
  const socket = new WebSocket(new URL(`/v1/channels/${channel}`, url), ["dormouse.v1", `bearer.${token}`]);
  const closed = once(socket, "close").then(([event]) => event);
  const texts = on(socket, "message", { close: ["close"] });
  /** @type {any[]} */
  const unread = [];
  const member = {
    /** The event of its closing, with the code. */
    closed,
    /** @param {object} frame */
    send: (frame) => socket.send(JSON.stringify(frame)),
    /** The next frame of one of these types; a text holds one frame, or an array of them. @param {string[]} types */
    async next(...types) {
      for (;;) {
        for (let frame; (frame = unread.shift()); ) {
          if (types.includes(frame.type)) return frame;
          // Nothing comes after it.
          if (frame.type === "bye") throw new Error(`refused with ${frame.code} ${frame.reason}: no ${types.join(" or ")} comes any more (${channel}, ${user})`);
        }
        const { value, done } = await texts.next();
        if (done) throw new Error(`closed with ${(await closed).code} before a ${types.join(" or ")} came (${channel}, ${user})`);
        unread.push(...[JSON.parse(value[0].data)].flat());
      }
    },
    async close() {
      socket.close();
      await closed;
    },
  };
  await member.next("welcome");
  return member;
}
