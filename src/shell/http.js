// Requests and answers on JavaScript's side of the border: see http.rs, the only one that calls this.

// The same in http.rs, in the same order.
const HEADERS = ["Host", "Upgrade", "Authorization", "Origin", "Sec-WebSocket-Protocol", "CF-Connecting-IP"];

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

/** Hands a request on to an object; `failed` answers in its place where that fails. */
export function reach(object, request, env, failed) {
  return object.fetch(request).catch((error) => {
    try {
      return failed(request, env, error);
    } catch {
      // The instance that `failed` was of is gone, and the object with it.
      const body = { error: { code: "over_capacity", message: "The channel is not reachable now: try again later." } };
      return Response.json(body, { status: 503 });
    }
  });
}

/**
 * Reads a body without trusting its length: the text, null when it is longer than `bytes`, or undefined when it is no
 * UTF-8. A byte order mark stays, since JSON has none.
 */
export async function read_text(request, bytes) {
  if (request.body === null) return "";
  const reader = request.body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let read = 0;
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      read += value.byteLength;
      if (read > bytes) return null;
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    if (error instanceof TypeError && read > 0) return undefined;
    throw error;
  } finally {
    reader.cancel().catch(() => {});
  }
}
