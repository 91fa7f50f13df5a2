// @ts-check
// Ports for programs under test.
import { once } from "node:events";
import { createServer } from "node:net";
import { host } from "../../project.mjs";

/** A port that nobody has at the moment. */
export async function freePort() {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, "close");
  return port;
}
