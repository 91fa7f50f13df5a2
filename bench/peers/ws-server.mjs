// The `ws` package in a plain Node process: one Set of sockets a room, one `send` each. No object, no sleep, no disk.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const compress = process.argv.includes("--compress");
const rooms = new Map();
const http = createServer((_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ rows_written: 0, wakes: 0 }));
});
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: compress });

http.on("upgrade", (request, tcp, head) => {
  sockets.handleUpgrade(request, tcp, head, (socket) => join(socket, request.url));
});

function join(socket, name) {
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room);
  room.add(socket);
  socket.on("message", (message, isBinary) => {
    if (message.length === 4 && message.toString() === "ping") return socket.send("pong");
    for (const member of room) member.send(message, { binary: isBinary });
  });
  socket.on("close", () => room.delete(socket));
}

// The parent learns the port from the first line of standard output.
http.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: http.address().port })));
