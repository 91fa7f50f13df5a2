// The Worker as it is built, with eyes: it tells how much memory its wasm has, how often objects were constructed and
// what one has on disk; and it has the alarm of one fire, later than the clock shows.
const seen = { memories: [], constructed: 0 };

const now = Date.now;
let later = 0;
Date.now = () => now() + later;

const Instance = WebAssembly.Instance;
WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    seen.memories.push(this.exports.memory);
  }
};

const built = await import("../../../build/index.js");

export class ChannelObject extends built.ChannelObject {
  constructor(...args) {
    super(...args);
    [this.context] = args;
    seen.constructed++;
  }

  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/test/object") return super.fetch(request);
    const { storage } = this.context;
    for (const statement of searchParams.getAll("sql")) storage.sql.exec(statement);
    if (searchParams.has("alarm")) {
      later = Number(searchParams.get("alarm"));
      try {
        this.alarm();
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
}

export default class extends built.default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/test/object") return this.env.CHANNELS.getByName(searchParams.get("name")).fetch(request);
    if (pathname !== "/test/probe") return super.fetch(request);
    const wasmBytes = seen.memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    return Response.json({ constructed: seen.constructed, wasmBytes });
  }
}
