// Jobs of an application's code: see jobs.rs, the only one that calls this.

/**
 * Asks another server, and follows it nowhere else. `[status, text]` of its answer, or a sentence why there is none, in
 * which nothing stands that was sent.
 */
export async function ask(method, url, names, values, body, ms, bytes) {
  const headers = new Headers();
  try {
    names.forEach((name, nth) => headers.set(name, values[nth]));
  } catch {
    return "a header is not valid";
  }
  try {
    return await within(ms, async (signal) => {
      const response = await fetch(url, { method, headers, body, redirect: "manual", signal });
      const text = await text_of(response, bytes);
      return text === undefined ? `the answer has more than ${bytes} bytes` : [response.status, text];
    });
  } catch (error) {
    return error?.name === "TimeoutError" ? `there was no answer within ${ms} ms` : "the server could not be reached";
  }
}

/**
 * Does something that a signal ends after so many milliseconds. Not by AbortSignal.timeout, which runs on when the answer
 * is there: an object is awake, and paid for, as long as a timer of it runs.
 */
export async function within(ms, act) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new DOMException("the time is over", "TimeoutError")), ms);
  try {
    return await act(patience.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** The text of an answer; undefined where it has more bytes than it may, of which the rest is not read. */
export async function text_of(response, bytes) {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let length = 0;
  let text = "";
  for await (const chunk of response.body) {
    length += chunk.byteLength;
    if (length > bytes) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/**
 * Calls methods of a binding, one on what the other gave: `[[name, arguments], …]`, JSON. `[200, JSON]` of what the last
 * gives, or a sentence why there is nothing.
 */
export async function call_binding(binding, methods, ms, bytes) {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, `there was no answer within ${ms} ms`)));
  try {
    return await Promise.race([called(binding, JSON.parse(methods), bytes), late]);
  } catch (error) {
    return String(error?.message ?? error).slice(0, 300);
  } finally {
    clearTimeout(timer);
  }
}

async function called(binding, methods, bytes) {
  let given = binding;
  for (const [name, values] of methods) {
    if (typeof given?.[name] !== "function") return `it has no method ${name}`;
    given = await given[name](...values);
  }
  // A character is at least one byte; and what is too long is not copied to be measured.
  const fits = (text) => text.length <= bytes;
  const text = typeof given === "string" && !fits(given) ? given : (JSON.stringify(given ?? null) ?? "null");
  return fits(text) && new TextEncoder().encode(text).length <= bytes ? [200, text] : `the answer has more than ${bytes} bytes`;
}

/** Keeps an object in memory until a promise is settled. */
export function wait_until(ctx, promise) {
  ctx.waitUntil(promise);
}
