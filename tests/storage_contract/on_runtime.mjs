// @ts-check
// Runs the storage contract over the SQLite of real Durable Objects: starts the runtime, hands statements through to
// it, runs the tests with DORMOUSE_SQL pointing there, and ends with their status.
//   node tests/storage_contract/on_runtime.mjs [command …]     the command is cargo test --test storage_contract
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Miniflare } from "miniflare";

/** One object a database: it runs statements to their end and says what came of the last, in the runtime's own numbers. */
const worker = `
import { DurableObject } from "cloudflare:workers";
class Undone extends Error {}
export class Database extends DurableObject {
  async fetch(request) {
    const { statements, deletes, transaction } = await request.json();
    const { storage } = this.ctx;
    let answer;
    const run = () => {
      for (const { sql, params } of statements) {
        const cursor = storage.sql.exec(sql, ...params);
        const rows = [...cursor.raw()];
        answer = { rows, written: cursor.rowsWritten, read: cursor.rowsRead };
      }
      if (transaction === "undone") throw new Undone();
    };
    try {
      if (deletes) storage.deleteAll().catch(() => {});
      if (transaction) storage.transactionSync(run);
      else run();
    } catch (error) {
      if (!(error instanceof Undone)) return Response.json({ error: String(error) });
    }
    return Response.json(answer);
  }
}
export default {
  fetch: (request, env) => env.DATABASE.getByName(new URL(request.url).pathname).fetch(request),
};`;

const state = await mkdtemp(join(tmpdir(), "storage-contract-"));
const runtime = new Miniflare({
  resourcePersistencePath: state,
  cf: false,
  telemetry: { enabled: false },
  workers: [
    {
      config: {
        name: "contract",
        compatibilityDate: "2026-11-01",
        manifest: {
          mainModule: "index.js",
          modulesRoot: import.meta.dirname,
          modules: { "index.js": { type: "esm", contents: worker } },
        },
        exports: { Database: { type: "durable-object", storage: "sqlite" } },
        env: { DATABASE: { type: "durable-object", worker: "contract", exportName: "Database" } },
      },
    },
  ],
});
await runtime.ready;

let databases = 0;
const server = createServer(async (socket) => {
  const url = `http://runtime/${(databases += 1)}`;
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  for await (const body of createInterface({ input: socket })) {
    const answer = await runtime.dispatchFetch(url, { method: "POST", body });
    socket.write(`${await answer.text()}\n`);
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));

const address = server.address();
if (address === null || typeof address === "string") throw new Error("the server has no port");
const [command = "cargo", ...args] = process.argv.length > 2 ? process.argv.slice(2) : ["cargo", "test", "--test", "storage_contract"];
// A statement takes the runtime some hundred times as long, so random lives are fewer.
const env = { PROPTEST_CASES: "6", ...process.env, DORMOUSE_SQL: `127.0.0.1:${address.port}` };
const tests = spawn(command, args, { stdio: "inherit", env });
process.exitCode = await new Promise((resolve) => {
  tests.on("error", (error) => resolve((console.error(`${command} cannot be run: ${error.message}`), 1)));
  tests.on("exit", (code) => resolve(code ?? 1));
});
server.close();
await runtime.dispose();
await rm(state, { recursive: true, force: true });
console.log(`${databases} databases of the runtime were used.`);
