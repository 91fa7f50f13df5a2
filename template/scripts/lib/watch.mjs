// @ts-check
// The watcher of `npm start`: an edit is built while what was served before goes on, and served once it is found right.
import { existsSync, readdirSync, watch } from "node:fs";
import { basename, join } from "node:path";
import { say } from "./shell.mjs";

// Files of a project that its service is built of or configured by, beside its folders of sources.
const files = ["Cargo.toml", "Cargo.lock", "build.rs", "wrangler.toml", ".dev.vars"];
// An editor writes a file in several steps, and several files at once.
const settled = 100;

/**
 * Calls `act` with the parts that were edited, one call at a time; edits that come while it works are one more.
 * @template {string} Part
 * @param {string} root @param {Record<"service" | Part, string[]>} folders what each part is made of
 * @param {(parts: Set<"service" | Part>) => Promise<void>} act
 */
export function afterEdits(root, folders, act) {
  /** @type {NodeJS.Timeout | undefined} */
  let pending;
  /** @type {Set<"service" | Part>} */
  let parts = new Set();
  let working = false;
  const work = async () => {
    if (working) return;
    working = true;
    while (parts.size > 0) {
      const edited = parts;
      parts = new Set();
      // Nobody awaits it: one edit that comes to nothing must not end what is served.
      await act(edited).catch((error) => say(error.message));
    }
    working = false;
  };
  const edited = (/** @type {"service" | Part} */ part) => {
    parts.add(part);
    clearTimeout(pending);
    pending = setTimeout(work, settled);
  };
  for (const part of /** @type {("service" | Part)[]} */ (Object.keys(folders))) {
    for (const folder of folders[part]) watchBelow(join(root, folder), () => edited(part));
  }
  // The folder and not the file: editors put a new file in the old one's place.
  watch(root, (_, name) => name !== null && files.includes(name) && edited("service"));
}

/** Calls `edited` for what happens in a folder or below it. @param {string} folder @param {() => void} edited */
function watchBelow(folder, edited) {
  if (process.platform !== "linux") return void watch(folder, { recursive: true }, edited);
  // There Node watches each file below by itself, and loses the one that an editor puts another in the place of.
  /** @type {Map<string, import("node:fs").FSWatcher>} */
  const watchers = new Map();
  const add = (/** @type {string} */ directory) => {
    if (!watchers.has(directory)) {
      const watcher = watch(directory, (_, name) => {
        edited();
        // Its own name is told of a folder that is gone, in whose place another may come.
        if (name === basename(directory) && !existsSync(join(directory, name))) forget(directory);
        again();
      });
      watcher.on("error", () => forget(directory));
      watchers.set(directory, watcher);
    }
    for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) add(join(directory, entry.name));
  };
  const forget = (/** @type {string} */ directory) => {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  };
  const again = () => {
    try {
      add(folder);
    } catch {
      // A folder has gone while it was looked at: that is told by another event.
    }
  };
  add(folder);
}
