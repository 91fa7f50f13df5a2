import { ChannelError } from "dormouse-client";
import { Visit } from "./visit";

// On the server: what it imports must load where there is no browser.
export default function Page() {
  return (
    <main>
      {new ChannelError("offline", "rendered on the server").message}
      <Visit />
    </main>
  );
}
