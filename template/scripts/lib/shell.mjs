// @ts-check
// Runs other programs and speaks to the person who waits for them.
import { spawn, spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { end, endWithUs, grouped, isEnding } from "./ending.mjs";

/** What stops a script: told as one sentence, without a stack. */
export class Stop extends Error {
  /** @param {string} message @param {number} [code] the exit code */
  constructor(message, code = 1) {
    super(message);
    this.code = code;
  }
}

/** Says one line. @param {string} line */
export const say = (line) => console.error(`dormouse: ${line}`);

/** Runs `main`; a Stop ends the process with its sentence and code. @param {() => unknown} main */
export async function script(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    if (isEnding()) return end(error.code);
    say(error.message);
    process.exit(error.code);
  }
}

/** Seconds and minutes for a person. @param {number} milliseconds */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  return seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Programs as they run in a project: in its folder, with what npm installed there found first. */
export class Shell {
  /** @param {string} root the project's folder */
  constructor(root) {
    this.root = root;
  }

  /**
   * The environment of every program we start.
   * @param {Record<string, string | undefined>} [more] @returns {NodeJS.ProcessEnv}
   */
  environment = (more = {}) => {
    // Wrangler writes below .wrangler alone, and phones nobody.
    const wrangler = {
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_REGISTRY_PATH: join(this.root, ".wrangler", "registry"),
      WRANGLER_SEND_ERROR_REPORTS: "false",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_WRITE_LOGS: "false",
      XDG_CONFIG_HOME: join(this.root, ".wrangler", "config"),
    };
    const path = [more.PATH_FIRST, join(this.root, "node_modules", ".bin"), process.env.PATH].filter(Boolean).join(delimiter);
    const { PATH_FIRST: _, ...rest } = more;
    return { ...process.env, ...wrangler, ...rest, PATH: path };
  };

  /**
   * Runs a program to its end, its output passed through, and stops where it fails.
   * @param {string} program @param {string[]} args
   * @param {{cwd?: string, env?: Record<string, string | undefined>, why?: string}} [options] `why`: the sentence where it fails
   */
  run = async (program, args, { cwd, env, why } = {}) => {
    const { code } = await this.tryRun(program, args, { cwd, env });
    if (code !== 0) throw new Stop(why ?? `"${[program, ...args].join(" ")}" failed (exit code ${code}).`);
  };

  /**
   * Runs a program to its end without a word; its output is returned, for where it fails.
   * @param {string} program @param {string[]} args
   * @param {{cwd?: string, env?: Record<string, string | undefined>}} [options]
   */
  hear = (program, args, options = {}) => this.tryRun(program, args, { ...options, quiet: true });

  /**
   * Runs a program that has much to say and nothing that concerns a person unless it fails: then all of it is shown.
   * @param {string} program @param {string[]} args
   * @param {{cwd?: string, env?: Record<string, string | undefined>, why: string}} options
   */
  quietly = async (program, args, { why, ...options }) => {
    const { code, output } = await this.hear(program, args, options);
    if (code === 0) return;
    process.stderr.write(output);
    throw new Stop(why);
  };

  /**
   * Runs a program to its end, its output passed through and also returned.
   * @param {string} program @param {string[]} args
   * @param {{cwd?: string, env?: Record<string, string | undefined>, seconds?: number, quiet?: boolean}} [options]
   * @returns {Promise<{code: number, output: string}>}
   */
  tryRun = (program, args, { cwd = this.root, env, seconds, quiet = false } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        cwd,
        env: this.environment(env),
        stdio: ["ignore", "pipe", "pipe"],
        timeout: seconds ? seconds * 1000 : undefined,
        // So that it ends with all it started. Only sudo needs the terminal that this one has, to ask for a password.
        detached: grouped && program !== "sudo",
      });
      if (program !== "sudo") endWithUs(child);
      let output = "";
      for (const [from, to] of /** @type {const} */ ([[child.stdout, process.stdout], [child.stderr, process.stderr]])) {
        from.on("data", (chunk) => {
          output += chunk;
          if (!quiet) to.write(chunk);
        });
      }
      child.on("error", (error) => reject(new Stop(`"${program}" cannot be run: ${error.message}.`)));
      child.on("close", (code) => resolve({ code: code ?? 1, output }));
    });

  /**
   * The trimmed output of a short program, or undefined where it is missing or fails.
   * @param {string} program @param {string[]} args @param {Record<string, string | undefined>} [env]
   * @returns {string | undefined}
   */
  ask = (program, args, env) => {
    const done = spawnSync(program, args, { cwd: this.root, env: this.environment(env), encoding: "utf8" });
    return done.status === 0 ? done.stdout.trim() : undefined;
  };
}
