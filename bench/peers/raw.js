// What one writes first: a Durable Object that hands every message to every socket, one `send` each.
import { DurableObject } from "cloudflare:workers";

// Module state outlives hibernation, the object does not: so this counts how often it was built anew.
let built = 0;

export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    built += 1;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") return Response.json({ rows_written: 0, wakes: built });
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(asker, message) {
    if (message.startsWith('{"type":"call"')) return answer(asker, message);
    for (const socket of this.ctx.getWebSockets()) socket.send(message);
  }

  webSocketClose(socket) {
    socket.close();
  }
}

/** A request that is answered, as one writes it by hand. */
function answer(asker, message) {
  const { id, data } = JSON.parse(message);
  asker.send(JSON.stringify({ type: "result", id, data }));
}

export default {
  fetch(request, env) {
    const room = new URL(request.url).pathname.split("/")[3];
    return env.ROOMS.getByName(room).fetch(request);
  },
};
