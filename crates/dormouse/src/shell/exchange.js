// Calls between objects: see exchange.rs, the only one that calls this.
import { LOST, outlive } from "./code.js";
import { text_of, within } from "./jobs.js";
import { wake } from "./timer.js";

/** Asks an object, by a stub that is used once: one that has thrown is dead. Its answer, or undefined where there is none. */
export async function ask(object, url, body, ms, bytes) {
  try {
    return await within(ms, async (signal) => {
      const response = await object.fetch(url, { method: "POST", body, signal });
      if (response.status === 200) return text_of(response, bytes);
      await response.body?.cancel();
      return undefined;
    });
  } catch {
    // It is not reachable, did not answer in time, or broke off: whoever asked tries again.
    return undefined;
  }
}

/** Keeps an object in memory until it has its answer; where its memory is lost before, it is woken if it wants to be. */
export function keep_for(ctx, answered, wakes) {
  ctx.waitUntil(outlive(answered).then((came) => { if (came === LOST && wakes) wake(ctx); }));
}
