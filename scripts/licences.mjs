// @ts-check
// Licences of every crate and npm package, and the crates that are denied, against deny.toml, offline.
import { crates } from "./cargo.mjs";
import { read } from "./project.mjs";
import { packageLocks } from "./package.mjs";
import { runtimesLock } from "./runtimes.mjs";
import { ask, Stop } from "./shell.mjs";

// What tools of development may be besides: none of it is deployed, or shipped in the client.
const tools = ["0BSD", "BlueOak-1.0.0", "CC-BY-4.0", "CC0-1.0", "ISC", "LGPL-3.0-or-later", "MIT-0", "MPL-2.0", "PSF-2.0", "Python-2.0"];

/** @typedef {{name: string, version: string, license: string | null}} Dependency */

/** Stops where a dependency's licence is not allowed or the dependency is denied. @returns {string[]} */
export function needLicences() {
  const rules = parseRules(read("deny.toml"));
  const packages = ["package-lock.json", runtimesLock, ...packageLocks].flatMap((lock) => npmPackages(read(lock)));
  const all = { crates: crates.flatMap(cratesOf), packages };
  const wrong = [...unlicensed(all.crates, rules.allow), ...unlicensed(all.packages, [...rules.allow, ...tools])];
  if (wrong.length > 0) {
    throw new Stop(`deny.toml does not allow the licence of ${wrong.map(({ name, version, license }) => `${name} ${version} (${license ?? "none told"})`).join(", ")}.`);
  }
  const denied = all.crates.filter(({ name }) => rules.deny.includes(name));
  if (denied.length > 0) throw new Stop(`deny.toml denies ${denied.map(({ name }) => name).join(", ")}.`);
  return [`${all.crates.length} crates and ${all.packages.length} npm packages are licensed as deny.toml allows`];
}

/** Those whose licence is not on the list. @param {Dependency[]} dependencies @param {string[]} allow */
const unlicensed = (dependencies, allow) => dependencies.filter(({ license }) => !license || !allowed(license, allow));

/** The lists of deny.toml that are read here. @param {string} text */
export function parseRules(text) {
  const plain = text.replaceAll(/#.*$/gm, "");
  const list = (/** @type {string} */ name) => {
    const found = plain.match(new RegExp(`^${name} = \\[([^\\]]*)\\]`, "m"));
    if (!found) throw new Stop(`deny.toml has no list "${name}".`);
    return [...found[1].matchAll(/"([^"]+)"/g)].map((match) => match[1]);
  };
  return { allow: list("allow"), deny: list("deny") };
}

/** True where an SPDX expression can be met by the allowed licences. @param {string} expression @param {string[]} allow */
export function allowed(expression, allow) {
  // Older crates write "MIT/Apache-2.0" for OR.
  const tokens = expression.replaceAll("/", " OR ").match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const either = () => chain("OR", both, (a, b) => a || b);
  const both = () => chain("AND", single, (a, b) => a && b);

  /** @param {string} word @param {() => boolean} next @param {(a: boolean, b: boolean) => boolean} join @returns {boolean} */
  function chain(word, next, join) {
    let met = next();
    while (tokens[at] === word) {
      at += 1;
      const other = next();
      met = join(met, other);
    }
    return met;
  }

  function single() {
    if (tokens[at] === "(") {
      at += 1;
      const met = either();
      at += 1;
      return met;
    }
    let licence = tokens[at] ?? "";
    at += 1;
    if (tokens[at] === "WITH") {
      licence = `${licence} WITH ${tokens[at + 1]}`;
      at += 2;
    }
    return allow.includes(licence);
  }

  const met = either();
  return met && at === tokens.length;
}

/** @param {string} manifest @returns {Dependency[]} */
function cratesOf(manifest) {
  const metadata = ask("cargo", ["metadata", "--locked", "--format-version", "1", "--manifest-path", manifest]);
  if (metadata === undefined) throw new Stop(`cargo metadata of ${manifest} failed: is its Cargo.lock in step? Run "cargo check --manifest-path ${manifest}".`);
  return JSON.parse(metadata).packages;
}

/** @param {string} lock the text of package-lock.json @returns {Dependency[]} */
export function npmPackages(lock) {
  return Object.entries(JSON.parse(lock).packages)
    .filter(([path]) => path !== "")
    .map(([path, { version, license }]) => ({ name: path.replace(/^.*node_modules\//, ""), version, license }));
}
