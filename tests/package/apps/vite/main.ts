import { connect } from "dormouse-client";

const asked = new URLSearchParams(location.search);
const [url = "", room = "", token = "", text = ""] = ["url", "room", "token", "text"].map((name) => asked.get(name) ?? "");
const channel = connect(url, `chat:${room}`, { token });
channel.on("say", ({ data }) => void (document.title = data.text));
void channel.publish("say", { text });
