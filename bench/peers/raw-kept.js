// The raw loop that also keeps: one SQLite row a message, written before the first `send`.
import { DurableObject } from "cloudflare:workers";

let built = 0;

export class Room extends DurableObject {
  #rows = 0;
  #count = 0;

  constructor(ctx, env) {
    super(ctx, env);
    built += 1;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, body TEXT NOT NULL)");
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  }

  fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      return Response.json({ rows_written: this.#rows, wakes: built });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(asker, message) {
    if (message.startsWith('{"type":"call"')) return this.#answer(asker, message);
    // The output gate holds the sends until the row is on disk, so nobody hears of what could be lost.
    const written = this.ctx.storage.sql.exec("INSERT INTO messages (body) VALUES (?)", message);
    this.#rows += written.rowsWritten;
    for (const socket of this.ctx.getWebSockets()) socket.send(message);
  }

  /** A request that changes the state, which is written before the answer leaves. */
  #answer(asker, message) {
    const { id, data } = JSON.parse(message);
    this.#count += 1;
    const state = JSON.stringify({ count: this.#count });
    const written = this.ctx.storage.sql.exec("INSERT OR REPLACE INTO state (id, body) VALUES (0, ?)", state);
    this.#rows += written.rowsWritten;
    asker.send(JSON.stringify({ type: "result", id, data }));
  }

  webSocketClose(socket) {
    socket.close();
  }
}

export default {
  fetch(request, env) {
    const room = new URL(request.url).pathname.split("/")[3];
    return env.ROOMS.getByName(room).fetch(request);
  },
};
