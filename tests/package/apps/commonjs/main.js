const { ChannelError, connect } = require("dormouse-client");
const { shareToken } = require("dormouse-client/tabs");

const [url, name, token, text] = process.argv.slice(2);
const shared = shareToken({ url, channel: name, user: "visitor", get: () => token });
const channel = connect(url, name, { token: shared.token });
channel.on("say", ({ data }) => {
  console.log(data.text);
  shared.close();
  channel.close();
});
channel.publish("say", { text }).catch((error) => console.error(error instanceof ChannelError, error));
