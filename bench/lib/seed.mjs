// Many members of one channel inside the process: a driver Worker opens them, so they cost no descriptors.
import { readFileSync } from "node:fs";
import { token } from "./servers.mjs";

const CHANNEL = "bench:seed";
const MIB = 2 ** 20;

/** Lets the driver of a server open the members and send to all of them; the metrics by name. */
export async function seed(server, { members, messages, every, joining = 64, size = 2000, event = "hot", patience = 60 }) {
  const empty = await memory(server);
  const dormouse = server.dialect === "dormouse";
  const tokens = dormouse ? Array.from({ length: members }, (_, member) => token(`user-${member}`, ["join", "publish"])) : undefined;
  const url = server.url.replace("ws:", "http:").replace("{channel}", CHANNEL);
  const plan = { url, tokens, members, messages, every, joining, size, event, patience };
  const response = await fetch(`http://127.0.0.1:${server.ports.driver}/`, { method: "POST", body: JSON.stringify(plan) });
  const result = { to_all: [], delivered: 0 };
  let full;
  for await (const line of lines(response.body)) {
    if (line.event === "error") throw new Error(line.message);
    if (line.event === "joined") result.joins_per_s = line.members / line.seconds;
    if (line.event === "message") result.to_all.push(line.ms);
    if (line.event === "message") result.delivered += line.delivered;
    if (line.event === "message") full = await memory(server);
  }
  if (!full) throw new Error("the driver ended before it had sent anything");
  return {
    joins_per_s: result.joins_per_s,
    to_all_ms: Math.max(...result.to_all),
    delivered_share: result.delivered / (members * messages),
    rss_kb: full.rss_kb,
    kb_per_connection: (full.rss_kb - empty.rss_kb) / members,
    isolate_mb: full.isolate / MIB,
    isolate_empty_mb: empty.isolate / MIB,
  };
}

/**
 * The memory of the process, and of the isolate that the service runs in: heap, embedder and buffers (wasm's too).
 * What is garbage by now is still in it: workerd's inspector does not collect on demand.
 */
async function memory({ pid, ports }) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const socket = new WebSocket(`ws://127.0.0.1:${ports["listen-inspector"]}/main`);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("the inspector of workerd did not answer"));
  });
  const ask = (id, method) =>
    new Promise((resolve, reject) => {
      socket.addEventListener("message", ({ data }) => {
        const answer = JSON.parse(data);
        if (answer.id !== id) return;
        if (answer.error) reject(new Error(`${method}: ${answer.error.message}`));
        else resolve(answer.result);
      });
      socket.send(JSON.stringify({ id, method }));
    });
  const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await ask(1, "Runtime.getHeapUsage");
  socket.close();
  return { rss_kb: Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]), isolate: usedSize + embedderHeapUsedSize + backingStorageSize };
}

/** The JSON lines of a body as they come. */
async function* lines(body) {
  let rest = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}
