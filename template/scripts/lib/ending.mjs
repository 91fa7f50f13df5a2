// @ts-check
// What a script started ends with it: on Ctrl-C, SIGTERM and SIGHUP, and when the npm that runs it is gone.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";

/** Whether what is started leads a process group of its own, by which it is ended: on Windows there are none. */
export const grouped = process.platform !== "win32";

/** How long what was asked to end may take before it is made to, in milliseconds. */
const patience = 3_000;

/** @typedef {import("node:child_process").ChildProcess} Child */
/** @type {Map<Child, number | undefined>} those that run, each with the exit code where it is meant to be ended by a signal */
const running = new Map();
let watching = false;
/** @type {Promise<never> | undefined} */
let ending;

/**
 * Sees to it that a child, where there are groups the leader of one, and all it starts end when this process does.
 * @param {Child} child @param {number} [code] the exit code where a signal ends it; by default the signal's own
 */
export function endWithUs(child, code) {
  watch();
  running.set(child, code);
  child.once("exit", () => running.delete(child));
}

/** Whether this process is about to end: what fails then fails because of that. */
export const isEnding = () => ending !== undefined;

/** Ends all that was started, then this process. @param {number} code @returns {Promise<never>} */
export function end(code) {
  return (ending ??= endAll(code));
}

/** @param {number} code @returns {Promise<never>} */
async function endAll(code) {
  const left = [...running.keys()];
  signalAll(left, "SIGTERM");
  const late = setTimeout(() => signalAll(left, "SIGKILL"), patience);
  await Promise.all(left.map((child) => once(child, "exit")));
  clearTimeout(late);
  // Of a group whose leader is gone some may be left.
  signalAll(left, "SIGKILL");
  process.exit(code);
}

function watch() {
  if (watching) return;
  watching = true;
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => end([...running.values()].find((code) => code !== undefined) ?? 128 + constants.signals[signal]));
  }
  process.once("exit", () => signalAll([...running.keys()], "SIGKILL"));
  if (process.env.npm_lifecycle_event !== undefined) endWithNpm();
}

/** npm may be ended without a word to us, and nothing tells of that but a look at who our parents are. */
function endWithNpm() {
  const parent = process.ppid;
  // Between npm and us stands the shell that it runs scripts by, or nobody, where that has made room for us.
  if (!grouped) return;
  const [above, name] = spawnSync("ps", ["-o", "ppid=,comm=", "-p", String(parent)], { encoding: "utf8" }).stdout?.trim().split(/\s+/) ?? [];
  const npm = /sh$/.test(name ?? "") ? Number(above) : parent;
  setInterval(() => (process.ppid === parent && lives(npm)) || end(128 + constants.signals.SIGHUP), 500).unref();
}

/** @param {number} pid */
function lives(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** @param {Child[]} children @param {NodeJS.Signals} signal */
function signalAll(children, signal) {
  for (const { pid } of children) {
    try {
      if (pid === undefined) continue;
      if (grouped) process.kill(-pid, signal);
      else spawnSync("taskkill", ["/pid", String(pid), "/t", "/f"]);
    } catch {
      // The group is gone already, which is what was wanted.
    }
  }
}
