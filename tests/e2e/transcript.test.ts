// The transcript of PROTOCOL.md, played on the real runtime: it is what is said, frame by frame.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { type Frame, Member } from "./support/member.ts";
import { Runtime } from "./support/runtime.ts";
import { token } from "./support/tokens.ts";

let service: Runtime;
before(async () => {
  service = await Runtime.start();
});
after(() => service.stop());

/** Names what each run names anew by when it was first seen; of times no more than that they are. */
function canonical(frames: unknown[], rename: (value: string) => string): unknown {
  const times = ["at", "now", "expires"];
  const named = (key: string, value: unknown) => (times.includes(key) ? typeof value : ["connection", "epoch"].includes(key) ? rename(value as string) : value);
  return JSON.parse(JSON.stringify(frames, named));
}

function renaming(): (value: string) => string {
  const seen: string[] = [];
  return (value) => `name ${seen.includes(value) ? seen.indexOf(value) : seen.push(value) - 1}`;
}

test("the transcript of PROTOCOL.md is what the service says", async () => {
  const text = await readFile(new URL("../../PROTOCOL.md", import.meta.url), "utf8");
  const part = text.slice(text.indexOf("## A transcript with a cut"));
  const lines = [...part.matchAll(/^(ann|bob) ([→←✂])(?: (.*))?$/gm)].map(([, who, what, said = ""]) => ({ who, what, said }));
  assert.ok(lines.length > 15);
  const can = { "**": ["join", "publish", "history"] };
  const bob = await Member.join(service, "chat:lobby", "bob", { token: await token("bob", { can }) });
  let ann = bob;
  const [written, heard]: unknown[][] = [[], []];
  /** What the service named, by what it is called in the text. */
  const names = new Map<string, string>();
  for (const { who, what, said } of lines) {
    if (who === "bob") await bob.ask(JSON.parse(said) as Frame);
    else if (what === "✂") {
      await bob.next("message", { id: (written.at(-1) as Frame).id });
      ann.socket.terminate();
    } else if (what === "←") {
      const frame = (said === "pong" ? { type: "pong" } : JSON.parse(said)) as Frame;
      const got = await ann.find(() => true, said);
      for (const name of ["connection", "epoch"]) if (frame.type === "welcome") names.set(frame[name] as string, got[name] as string);
      written.push(frame);
      heard.push(got);
    } else if (said.startsWith("GET ")) {
      const [, query = ""] = said.split("?");
      const given = new URLSearchParams([...new URLSearchParams(query)].map(([name, value]) => [name, names.get(value) ?? value]));
      ann = (await Member.connect(service, "chat:lobby", { token: await token("ann", { can }), query: `?${given}` })) as typeof bob;
    } else {
      ann.say(said);
      if (said.startsWith("{")) written.push(JSON.parse(said)), heard.push(JSON.parse(said));
    }
  }
  assert.deepEqual(canonical(heard, renaming()), canonical(written, renaming()));
  assert.deepEqual(ann.inbox, [], "and nothing else");
  await Promise.all([ann.leave(), bob.leave()]);
});
