import type { Connection } from "./connection.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Hears of the network and of the page, until the returned function is called. Pauses a connection while its page is put
 * aside: with an open socket the browser would not keep it as it is. A page that is gone for good takes its leave so.
 */
export function heed(runtime: Runtime, connection: Connection, happen: (what: "wake" | "offline") => void): () => void {
  let left = false;
  const offWake = runtime.onWake(
    () => happen("wake"),
    () => happen("offline"),
  );
  const offPage = runtime.onPage?.(
    () => {
      left = connection.state !== "idle";
      if (left) connection.pause();
    },
    () => {
      if (left) connection.start();
      left = false;
    },
  );
  return () => {
    offWake();
    offPage?.();
  };
}
