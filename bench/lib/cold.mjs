// From nothing to the first member: how long a fresh process, and in it a fresh isolate, takes.
import { readdirSync, readFileSync } from "node:fs";
import { token } from "./servers.mjs";

/**
 * Joins once; the metrics by name. `start_ms` is from the start of the process until it listens, `welcome_ms` from the
 * first connect until the welcome, `first_welcome_ms` both; `welcome_cpu_ms` is what the process computed meanwhile.
 */
export async function cold(server) {
  const dormouse = server.dialect === "dormouse";
  const protocols = dormouse ? ["dormouse.v1", `bearer.${token("first", ["join"])}`] : [];
  const computed = cpu(server.pid);
  const begin = performance.now();
  const socket = new WebSocket(server.url.replace("{channel}", "bench:cold"), protocols);
  // A member is in when it is welcomed; where there is no welcome, when the connection is open.
  const event = await new Promise((resolve, reject) => {
    socket.addEventListener(dormouse ? "message" : "open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("the first join failed")), { once: true });
  });
  const welcome_ms = performance.now() - begin;
  const welcome_cpu_ms = cpu(server.pid) - computed;
  if (dormouse && !event.data.includes('"type":"welcome"')) throw new Error(`instead of a welcome: ${event.data}`);
  socket.close();
  return { start_ms: server.start_ms, welcome_ms, first_welcome_ms: server.start_ms + welcome_ms, welcome_cpu_ms };
}

/** The CPU time of a process so far, in milliseconds: of all its threads, to the nanosecond. */
function cpu(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = (thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  return threads.reduce((sum, thread) => sum + nanoseconds(thread), 0) / 1e6;
}
