// The Worker as it is built, with eyes: it tells how much memory its wasm has and how often objects were constructed.
const seen = { memories: [], constructed: 0 };

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
    seen.constructed++;
  }
}

export default class extends built.default {
  async fetch(request) {
    if (new URL(request.url).pathname !== "/test/probe") return super.fetch(request);
    const wasmBytes = seen.memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    return Response.json({ constructed: seen.constructed, wasmBytes });
  }
}
