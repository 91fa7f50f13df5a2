// @ts-check
// The service on this machine: wrangler dev as a child, heard, asked for its health and ended.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { servedConfig } from "./development.mjs";
import { end, endWithUs, grouped } from "./ending.mjs";
import { say, Stop } from "./shell.mjs";

export const host = "127.0.0.1";
/** Where it listens unless it is told otherwise. */
export const port = 8787;

// How long the service may take to listen, to answer, and to log why it answered badly.
const patience = { listen: 60_000, health: 20_000, log: 2_000 };

/** Wrangler dev as a child with a process group of its own, so that one signal ends it with all it started. */
export class Service {
  /** @param {import("./project.mjs").Project} project @param {number} port @param {string[]} more arguments of wrangler dev */
  constructor({ root, shell }, port, more) {
    this.url = `http://${host}:${port}`;
    /** @type {string[]} what it said since it listens */
    this.log = [];
    // Tokens for whoever asks, since nobody but this machine can reach this address.
    const args = [join(root, "node_modules", "wrangler", "bin", "wrangler.js"), "dev", "--config", servedConfig(root), "--env-file", join(root, ".dev.vars"), "--ip", host, "--port", String(port), "--var", "DEV_TOKENS:1", "--show-interactive-dev-session=false", ...more];
    // Else it would ask the network where the requests of this machine come from.
    const env = shell.environment({ CLOUDFLARE_CF_FETCH_ENABLED: "false" });
    this.child = spawn("node", args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: grouped });
    this.ended = once(this.child, "exit");
    this.lines = [this.child.stdout, this.child.stderr].map((input) => createInterface({ input }));
    for (const line of this.lines) line.on("line", (text) => this.#hear(text));
    endWithUs(this.child, 0);
  }

  /** @param {string} line */
  #hear(line) {
    this.log.push(line);
    console.log(line);
  }

  /** Waits until the service listens. */
  async listening() {
    const ready = this.#line((text) => text.includes("Ready on "), patience.listen);
    const outcome = await Promise.race([ready, this.ended.then(() => "ended")]);
    if (outcome === true) return;
    if (outcome === "ended") throw new Stop("wrangler dev ended before it listened; see its lines above.");
    throw new Stop(`wrangler dev did not listen within ${patience.listen / 1000} s; see its lines above.`);
  }

  /** Stops with the service's own words where its configuration or contract is wrong. */
  async healthy() {
    this.log.length = 0;
    const logged = this.#line((text) => logLine(text)?.level === "error", patience.log + patience.health);
    const answer = await fetch(`${this.url}/v1/health`, { signal: AbortSignal.timeout(patience.health) }).catch((error) => error);
    if (answer.status === 200) return;

    const said = answer instanceof Response ? `${answer.status} ${(await answer.text()).slice(0, 500)}` : String(answer);
    await Promise.race([logged, new Promise((resolve) => setTimeout(resolve, patience.log))]);
    say(`the service is not healthy: GET /v1/health answered ${said}`);
    for (const line of this.log.map(logLine)) if (line) say(`the service's log: ${JSON.stringify(line)}`);
    say("correct what it names (wrangler.toml, .dev.vars or the contract) and run \"npm start\" again.");
    await end(1);
  }

  /** True once a line passes the test, false when time is up. @param {(text: string) => boolean} test @param {number} milliseconds */
  #line(test, milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds, false);
      timer.unref();
      const listener = (/** @type {string} */ text) => {
        if (!test(text)) return;
        clearTimeout(timer);
        for (const line of this.lines) line.off("line", listener);
        resolve(true);
      };
      for (const line of this.lines) line.on("line", listener);
    });
  }
}

/**
 * The service's log line in a line of wrangler's, which decorates what is an error.
 * @param {string} line @returns {Record<string, unknown> | undefined}
 */
export function logLine(line) {
  const object = stripVTControlCharacters(line).match(/\{.*\}/)?.[0];
  try {
    return object && JSON.parse(object);
  } catch {
    return undefined;
  }
}
