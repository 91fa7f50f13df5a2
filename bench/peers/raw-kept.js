// The raw loop that also keeps: one SQLite row a message, written before the first `send`.
import { DurableObject } from "cloudflare:workers";

let built = 0;

export class Room extends DurableObject {
  #rows = 0;

  constructor(ctx, env) {
    super(ctx, env);
    built += 1;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  }

  fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      return Response.json({ rows_written: this.#rows, wakes: built });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(_socket, message) {
    // The output gate holds the sends until the row is on disk, so nobody hears of what could be lost.
    const written = this.ctx.storage.sql.exec("INSERT INTO messages (body) VALUES (?)", message);
    this.#rows += written.rowsWritten;
    for (const socket of this.ctx.getWebSockets()) socket.send(message);
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
