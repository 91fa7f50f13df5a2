// Twenty thousand members of one channel inside the process: a driver Worker opens them, so they cost no descriptors.
import { token } from "./servers.mjs";

/** Lets the driver of a server open the members and send to all of them; the metrics by name. */
export async function seed(server, { members, messages, every }) {
  throw new Error(`not yet: ${members} ${messages} ${every} ${token.name} ${server.pid}`);
}
