// The sockets of one object, on JavaScript's side of the border: see socket.rs, the only one that calls this.
// Sockets throw once they are closed; that is no error here, since their close event is on its way.

const quietly = (act) => { try { act(); } catch { /* the socket is gone already */ } };

// What a socket has attached; what the platform cannot read is no attachment of ours, and text all the same.
const attached = (socket) => { try { return socket?.deserializeAttachment(); } catch { return "unreadable"; } };

export class SocketTable {
  constructor(ctx) {
    this.ctx = ctx;
    this.sockets = new Map();
    this.sessions = new Map();
    this.groups = [new Map(), new Map(), new Map()];
  }

  // The heads of all attachments, one after the other; blanks where there is none, or one that is not plain.
  wake(head) {
    const plain = new RegExp(`^[ -~]{${head}}`);
    const blank = " ".repeat(head);
    let heads = "";
    let session = 0;
    for (const socket of this.ctx.getWebSockets()) {
      this.bind(session++, socket);
      const attachment = attached(socket);
      heads += typeof attachment === "string" && plain.test(attachment) ? attachment.slice(0, head) : blank;
    }
    return heads;
  }

  // All that each has attached.
  wake_whole() {
    return this.ctx.getWebSockets().map((socket, session) => {
      this.bind(session, socket);
      return this.attachment(session);
    });
  }

  count() { return this.sockets.size; }

  attachment(session) {
    const attachment = attached(this.sockets.get(session));
    return typeof attachment === "string" ? attachment : "";
  }

  // Ends the socket of one whose request the code has panicked over: it is told so, and comes back with what else it sent.
  fail(session, id, message) {
    const socket = this.sockets.get(session);
    quietly(() => socket.send(JSON.stringify({ type: "error", id, code: "internal", message })));
    quietly(() => socket.close(1011, "internal"));
  }

  // A socket that carries a session and sleeps with the object.
  open(session) {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    this.bind(session, server);
    return client;
  }

  bind(session, socket) {
    this.sockets.set(session, socket);
    this.sessions.set(socket, session);
  }

  session(socket) { return this.sessions.get(socket); }

  tell(session, text) {
    const socket = this.sockets.get(session);
    if (socket !== undefined) quietly(() => socket.send(text));
  }

  tell_many(sessions, text) {
    for (const session of sessions) this.tell(session, text);
  }

  broadcast(group, except, text) {
    const passed = except.length > 4 ? new Set(except) : null;
    for (const [session, socket] of this.groups[group]) {
      if (passed !== null ? passed.has(session) : except.includes(session)) continue;
      try { socket.send(text); } catch { /* its close is on the way */ }
    }
  }

  subscribe(session, group) {
    const socket = this.sockets.get(session);
    if (socket === undefined) return;
    for (const hearers of this.groups) hearers.delete(session);
    this.groups[group].set(session, socket);
  }

  subscribe_all(groups) {
    groups.forEach((group, session) => this.subscribe(session, group));
  }

  save_attachment(session, attachment) {
    this.sockets.get(session)?.serializeAttachment(attachment);
  }

  hang_up(session, code, reason) {
    const socket = this.sockets.get(session);
    if (socket !== undefined) quietly(() => socket.close(code, reason));
  }

  drop(session) {
    const socket = this.sockets.get(session);
    if (socket === undefined) return;
    for (const hearers of this.groups) hearers.delete(session);
    this.sockets.delete(session);
    this.sessions.delete(socket);
  }

  answer_close(socket, code, reason) {
    quietly(() => socket.close(code, reason));
  }

  unsent(session) { return this.sockets.get(session)?.bufferedAmount ?? 0; }

  // The sum first, then those who have more, each with how much.
  unsent_over(bytes) {
    const found = [0];
    for (const [session, socket] of this.sockets) {
      const unsent = socket.bufferedAmount ?? 0;
      found[0] += unsent;
      if (unsent > bytes) found.push(session, unsent);
    }
    return Float64Array.from(found);
  }

  pinged() {
    const pairs = [];
    for (const [session, socket] of this.sockets) {
      const at = this.ctx.getWebSocketAutoResponseTimestamp(socket);
      if (at !== null) pairs.push(session, at.getTime());
    }
    return Float64Array.from(pairs);
  }
}

export function count_utf8(text) { return new TextEncoder().encode(text).length; }
