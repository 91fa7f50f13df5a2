// The Worker as it is built, with eyes: it tells how much memory its wasm has, where its stack pointer is where that is
// exported, how often objects were constructed, how many of them were collected, and what one has on disk. It can break
// on demand, and have the alarm of an object fire, later than the clock shows.
const seen = { instances: [], constructed: 0, collected: 0 };
const collected = new FinalizationRegistry(() => seen.collected++);

const now = Date.now;
let later = 0;
Date.now = () => now() + later;

const Instance = WebAssembly.Instance;
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    seen.instances.push(this.exports);
  }
};

// What nobody catches the runtime tells in a way that does not reach who listens to the log, or not at all: here it does.
const uncaught = (thrown) => console.error(`Uncaught ${thrown?.stack ?? thrown}`);
addEventListener("error", ({ error }) => uncaught(error));
addEventListener("unhandledrejection", ({ reason }) => uncaught(reason));
const wait = globalThis.setTimeout;
globalThis.setTimeout = (callback, after, ...rest) => wait(() => told(() => callback(...rest)), after);

/** What a handler answers or throws; what it throws is told too. */
function told(handle) {
  const failed = (thrown) => {
    uncaught(thrown);
    throw thrown;
  };
  try {
    const answer = handle();
    return answer instanceof Promise ? answer.catch(failed) : answer;
  } catch (thrown) {
    return failed(thrown);
  }
}

const built = await import("../../../build/index.js");

/** A class of objects with eyes. */
function watched(Built) {
  const Watched = class extends Built {
    constructor(...args) {
      super(...args);
      [this.context] = args;
      seen.constructed++;
      collected.register(this);
    }
  };
  for (const name of ["fetch", "alarm", "webSocketMessage", "webSocketClose", "webSocketError"]) {
    const handler = Built.prototype[name];
    Watched.prototype[name] = function (...args) { return told(() => handler.apply(this, args)); };
  }
  const served = Watched.prototype.fetch;
  Watched.prototype.fetch = function (request) {
    const { pathname, searchParams } = new URL(request.url);
    return pathname === "/test/object" ? inspect(this, searchParams) : served.call(this, request);
  };
  return Watched;
}

export const ChannelObject = watched(built.ChannelObject);
export const RelayObject = watched(built.RelayObject);

/** What an object has on disk: after some statements, and after its alarm has fired as if it were so much later. */
async function inspect(object, searchParams) {
  const { storage } = object.context;
  for (const statement of searchParams.getAll("sql")) storage.sql.exec(statement);
  if (searchParams.has("alarm")) {
    later = Number(searchParams.get("alarm"));
    try {
      object.alarm();
    } finally {
      later = 0;
    }
  }
  // The runtime and Miniflare have tables of their own.
  const names = [...storage.sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").raw()].flat();
  const tables = names.filter((name) => !name.startsWith("_"));
  const count = (table) => storage.sql.exec(`SELECT count(*) FROM ${table} WHERE text != ''`).raw().next().value[0];
  const texts = tables.filter((name) => name.startsWith("kept")).reduce((sum, table) => sum + count(table), 0);
  return Response.json({ tables, texts, alarm: await storage.getAlarm(), now: Date.now() });
}

function report() {
  const wasmBytes = seen.instances.reduce((sum, { memory }) => sum + memory.buffer.byteLength, 0);
  const stackPointers = seen.instances.map(({ __stack_pointer }) => __stack_pointer?.value);
  return { constructed: seen.constructed, collected: seen.collected, wasmBytes, stackPointers };
}

/** What must never happen by itself, each as it would. */
const faults = {
  timer: () => void setTimeout(() => { throw new Error("timer on purpose"); }),
  promise: () => void Promise.reject(new Error("promise on purpose")),
  handler: () => { throw new Error("handler on purpose"); },
  critical: () => console.error("Critical", new WebAssembly.RuntimeError("critical on purpose")),
  again: () => console.log("Reinitializing Wasm application, on purpose"),
  line: () => console.error('{"level":"error","event":"internal","detail":"line on purpose"}'),
};

/** Members inside the runtime, which need no descriptor: each joins a channel of its own, says something and leaves. */
async function visit(env, { searchParams }) {
  const [token, from, count] = ["token", "from", "count"].map((name) => searchParams.get(name));
  const one = async (at) => {
    const name = `chat:visited-${at}`;
    const headers = { Upgrade: "websocket", Authorization: `Bearer ${token}` };
    const { webSocket } = await env.CHANNELS.getByName(name).fetch(`http://visited.test/v1/channels/${name}`, { headers });
    webSocket.accept();
    const ended = new Promise((resolve) => webSocket.addEventListener("close", resolve));
    const heard = new Promise((resolve) => webSocket.addEventListener("message", ({ data }) => data.includes('"type":"message"') && resolve()));
    webSocket.send('{"type":"publish","event":"typing","data":{"on":true}}');
    await heard;
    webSocket.close(1000);
    await ended;
  };
  for (let at = Number(from); at < Number(from) + Number(count); at += 100) {
    await Promise.all(Array.from({ length: Math.min(100, Number(from) + Number(count) - at) }, (_, more) => one(at + more)));
  }
}

function asked(request, env, otherwise) {
  const url = new URL(request.url);
  switch (url.pathname) {
    case "/test/probe": return Response.json(report());
    case "/test/object": return env[url.searchParams.get("of") ?? "CHANNELS"].getByName(url.searchParams.get("name")).fetch(request);
    // A request that reaches an object by itself, as no Worker hands it on.
    case "/test/straight": {
      const [of, name, to, method] = ["of", "name", "to", "method"].map((field) => url.searchParams.get(field));
      return env[of].getByName(name).fetch(to, { method, headers: request.headers, body: method === "POST" ? "{}" : undefined });
    }
    case "/test/collect":
      globalThis.gc();
      return Response.json(report());
    case "/test/visit": return visit(env, url).then(() => Response.json(report()));
    case "/test/fault":
      faults[url.searchParams.get("kind")]();
      return new Promise((resolve) => setTimeout(resolve, 10)).then(() => new Response());
    case "/test/last":
      console.log(url.search);
      console.warn(url.search);
      return new Response();
    default: return otherwise();
  }
}

export default class extends built.default {
  fetch(request) {
    return told(() => asked(request, this.env, () => super.fetch(request)));
  }
}
