const { connect } = require("dormouse-client");

test("a component's code joins and talks", async () => {
  const { VISIT_URL: url, VISIT_NAME: name, VISIT_TOKEN: token, VISIT_TEXT: text } = process.env;
  const channel = connect(url, name, { token });
  const heard = new Promise((hear) => channel.on("say", hear));
  await channel.publish("say", { text });
  expect((await heard).data).toEqual({ text });
  await channel.close();
});
