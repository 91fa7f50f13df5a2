"use client";
import { connect } from "dormouse-client";
import { useEffect, useState } from "react";

export function Visit() {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const asked = new URLSearchParams(location.search);
    const [url = "", room = "", token = "", text = ""] = ["url", "room", "token", "text"].map((name) => asked.get(name) ?? "");
    const channel = connect(url, `chat:${room}`, { token });
    channel.on("say", ({ data }) => setSaid(data.text));
    void channel.publish("say", { text });
    return () => void channel.close();
  }, []);
  useEffect(() => void (document.title = said), [said]);
  return <p>{said}</p>;
}
