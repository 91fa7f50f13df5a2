import { connect } from "dormouse-client";

export default {
  async fetch(request) {
    const { url, name, token, text } = await request.json();
    const channel = connect(url, name, { token });
    const heard = new Promise((hear) => channel.on("say", hear));
    await channel.publish("say", { text });
    const { data } = await heard;
    await channel.close();
    return new Response(data.text);
  },
};
