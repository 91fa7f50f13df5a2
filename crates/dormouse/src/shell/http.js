// Requests and answers on JavaScript's side of the border: see http.rs, the only one that calls this.

// The same in http.rs, in the same order.
const HEADERS = ["Host", "Upgrade", "Authorization", "Origin", "Sec-WebSocket-Protocol", "CF-Connecting-IP", "Idempotency-Key"];

/** What the door looks at, a line each: method, URL and headers. A line of one NUL, which none can hold, is a header that is not there. */
export function lines(request) {
  const { method, url, headers } = request;
  let lines = `${method}\n${url}`;
  for (const name of HEADERS) lines += `\n${headers.get(name) ?? "\0"}`;
  return lines;
}

/** Hands the client its end of a socket, with the sub-protocol agreed on. */
export function switched(webSocket, protocol) {
  const headers = protocol === undefined ? undefined : { "Sec-WebSocket-Protocol": protocol };
  return new Response(null, { status: 101, webSocket, headers });
}

/** Accepts an upgrade only to say why it ends: the one frame it hears, and the close frame that says the same. */
export function reject(bye, protocol) {
  const { code, reason } = JSON.parse(bye);
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.send(bye);
  server.close(code, reason);
  return switched(client, protocol);
}

/** An object's answer as the client gets it: of one that refuses a joiner the bye is made here. */
function passed_on(response) {
  const bye = response.status === 101 ? null : response.headers.get("Dormouse-Bye");
  return bye === null ? response : reject(bye, response.headers.get("Sec-WebSocket-Protocol") ?? undefined);
}

/** Hands a request on to an object; `failed` answers in its place where that fails. */
export function reach(object, request, env, failed) {
  return object.fetch(request).then(passed_on, (error) => {
    try {
      return failed(request, env, error);
    } catch {
      // The instance that `failed` was of is gone, and the object with it.
      const body = { error: { code: "over_capacity", message: "The channel is not reachable now: try again later." } };
      return Response.json(body, { status: 503 });
    }
  });
}

// Why a body is not taken; the same in http.rs, in the same order.
const [TOO_LARGE, LATE, BROKEN, NOT_UTF8] = [0, 1, 2, 3];

// What is too large is passed over up to here: a connection that ends with bytes unread is reset, and its sender would
// not hear why.
const PASSED_OVER = 64 * 1024 * 1024;

/** Reads a body without trusting its length or its pace: the text, a byte order mark too, since JSON has none; or why not. */
export async function read_text(request, bytes, ms) {
  if (request.body === null) return "";
  const reader = request.body.getReader();
  // The same news comes by the reads.
  reader.closed.catch(() => {});
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, ms, LATE); });
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let length = 0;
  let text = "";
  try {
    for (;;) {
      const read = await Promise.race([reader.read(), late]).catch(() => BROKEN);
      const large = length > bytes;
      if (read === LATE || read === BROKEN) return large ? TOO_LARGE : read;
      if (read.done) return large ? TOO_LARGE : text + decoder.decode();
      length += read.value.byteLength;
      if (length > PASSED_OVER) return TOO_LARGE;
      if (length <= bytes) text += decoder.decode(read.value, { stream: true });
    }
  } catch {
    return NOT_UTF8;
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}

/** The same request with its body read, so that whoever gets it waits for nothing; or why the body is not taken. */
export async function read_whole(request, bytes, ms) {
  const body = await read_text(request, bytes, ms);
  if (typeof body !== "string") return body;
  const { url, method } = request;
  const headers = new Headers(request.headers);
  for (const name of ["Content-Length", "Transfer-Encoding"]) headers.delete(name);
  return new Request(url, { method, headers, body });
}
