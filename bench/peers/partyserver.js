// PartyServer as its documentation shows it: hibernating, and `broadcast` on every message.
import { Server, routePartykitRequest } from "partyserver";

let built = 0;

export class Room extends Server {
  static options = { hibernate: true };

  onStart() {
    built += 1;
    this.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  onRequest() {
    return Response.json({ rows_written: 0, wakes: built });
  }

  onMessage(connection, message) {
    if (message.startsWith('{"type":"call"')) return answer(connection, message);
    this.broadcast(message);
  }
}

/** A request that is answered, as one writes it by hand. */
function answer(asker, message) {
  const { id, data } = JSON.parse(message);
  asker.send(JSON.stringify({ type: "result", id, data }));
}

export default {
  async fetch(request, env) {
    return (await routePartykitRequest(request, env)) ?? new Response("not found", { status: 404 });
  },
};
