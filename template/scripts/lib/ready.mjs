// @ts-check
// The ready build: the wasm of an application as it was made, in its folder ready/, beside what it was built of. It is
// taken for as long as the sources are that, and never afterwards.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** What the wasm is made of, as far as it is the application's: all that cargo reads below its folder. */
const inputs = ["Cargo.toml", "build.rs", ".cargo", "rust-toolchain", "rust-toolchain.toml", "src"];

/** @typedef {{sources: string, crates: string[]}} BuiltOf a hash of the sources, and the crates that Cargo.lock names, each as "name version" */

/** The file that says what a ready build was built of. @param {string} folder */
export const builtOfFile = (folder) => join(folder, "built-of.json");

/**
 * An application's ready build: where it is, and whether it is what the sources say; nothing where there is none.
 * @param {string} root @param {string} [folder]
 */
export function readyBuild(root, folder = join(root, "ready")) {
  if (!existsSync(builtOfFile(folder))) return undefined;
  const was = /** @type {BuiltOf} */ (JSON.parse(readFileSync(builtOfFile(folder), "utf8")));
  const is = builtOf(root);
  const names = new Set(was.crates.map(nameOf));
  // A crate that Cargo.lock does not name yet is no other one.
  const isCurrent = is.sources === was.sources && is.crates.every((crate) => was.crates.includes(crate) || !names.has(nameOf(crate)));
  return { folder, isCurrent };
}

/** @param {string} crate */
const nameOf = (crate) => crate.split(" ", 1)[0];

/** What a build of an application's sources is made of. @param {string} root @returns {BuiltOf} */
export function builtOf(root) {
  const hash = createHash("sha256");
  for (const path of inputs.filter((input) => existsSync(join(root, input))).flatMap((input) => files(root, input))) {
    // As it stands in any checkout, under any name of the application.
    const text = readFileSync(join(root, path), "latin1").replaceAll("\r\n", "\n");
    hash.update(path).update("\0").update(path === "Cargo.toml" ? text.replace(/^name = .*$/m, "") : text).update("\0");
  }
  const lock = existsSync(join(root, "Cargo.lock")) ? readFileSync(join(root, "Cargo.lock"), "utf8") : "";
  const crates = [...lock.matchAll(/^name = "([^"]+)"\r?\nversion = "([^"]+)"/gm)].map(([, name, version]) => `${name} ${version}`);
  return { sources: hash.digest("hex"), crates };
}

/** The files at or below a path, in a steady order; not those that editors put beside them. @param {string} root @param {string} path @returns {string[]} */
function files(root, path) {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  const names = readdirSync(join(root, path)).filter((name) => !/^\.|~$/.test(name));
  return names.sort().flatMap((name) => files(root, `${path}/${name}`));
}
