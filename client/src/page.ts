import type { Connection } from "./connection.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Pauses a connection while its page is put aside: with an open socket the browser would not keep it as it is. A page
 * that is gone for good takes its leave so. Holds until the returned function is called.
 */
export function pageOf(runtime: Runtime, connection: Connection): () => void {
  let left = false;
  const off = runtime.onPage?.(
    () => {
      left = connection.state !== "idle";
      if (left) connection.pause();
    },
    () => {
      if (left) connection.start();
      left = false;
    },
  );
  return () => off?.();
}
