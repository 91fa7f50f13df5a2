// Reads a body without trusting its length: see http.rs. Answers the text, null when it is longer than `bytes`, or
// undefined when it is no UTF-8. A byte order mark stays, since JSON has none.

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
