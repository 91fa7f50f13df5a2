#!/usr/bin/env node
// @ts-check
// An application out of template/, as `cargo generate` makes it, and with ready/ where there is one: wasm of the
// template's own contract, so that it starts without Rust. Node builtins only.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { readyBuild } from "../template/scripts/lib/ready.mjs";
import { say, script, Stop } from "../template/scripts/lib/shell.mjs";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const template = join(home, "template");
const placeholder = "{{project-name}}";

/**
 * Copies the template into an empty folder, under a name of its own; tells whether it has a ready build.
 * @param {string} folder @param {string} [name] of the crate and the Worker; the folder's where not said
 * @param {string} [ready] where a ready build may be
 */
export function generate(folder, name = basename(folder), ready = join(home, "ready")) {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) throw new Stop(`"${name}" is no name for a Worker: it takes a letter, then a-z 0-9 and "-".`, 2);
  if (name === "dormouse") throw new Stop("An application cannot have the name of the crate it is made with: choose another.", 2);
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Stop(`${folder} is not empty.`);
  const [exclude, ignore] = [list("exclude"), [...list("ignore"), "cargo-generate.toml"]];
  cpSync(template, folder, { recursive: true, filter: (source) => !ignore.includes(relative(template, source)) });
  // npm packs no file of that name.
  if (existsSync(join(folder, "gitignore"))) renameSync(join(folder, "gitignore"), join(folder, ".gitignore"));
  for (const file of files(folder)) {
    const path = relative(folder, file).split(sep).join("/");
    if (exclude.some((pattern) => (pattern.endsWith("/**") ? path.startsWith(pattern.slice(0, -2)) : path === pattern))) continue;
    const text = readFileSync(file, "utf8").replaceAll(placeholder, name);
    // Whatever else stands in such braces, cargo-generate would try to fill in.
    if (/\{\{|\{%/.test(text)) throw new Stop(`template/${path} has a placeholder that is not ${placeholder}.`);
    writeFileSync(file, text);
  }
  return withReady(folder, ready);
}

/** Adds a ready build, and the lock by which it was built, where it is what the sources say. @param {string} folder @param {string} ready */
function withReady(folder, ready) {
  if (!readyBuild(folder, ready)?.isCurrent) return false;
  mkdirSync(join(folder, "ready"));
  for (const file of ["index.js", "index_bg.wasm", "built-of.json"]) cpSync(join(ready, file), join(folder, "ready", file));
  cpSync(join(ready, "Cargo.lock"), join(folder, "Cargo.lock"));
  return true;
}

/** A list of cargo-generate.toml. @param {string} name @returns {string[]} */
function list(name) {
  const found = readFileSync(join(template, "cargo-generate.toml"), "utf8").match(new RegExp(`^${name} = \\[([^\\]]*)\\]`, "m"));
  if (!found) throw new Stop(`template/cargo-generate.toml has no list "${name}".`);
  return [...found[1].matchAll(/"([^"]+)"/g)].map((match) => match[1]);
}

/** The files below a folder. @param {string} folder @returns {string[]} */
function files(folder) {
  return readdirSync(folder).map((name) => join(folder, name)).flatMap((path) => (statSync(path).isDirectory() ? files(path) : [path]));
}

/**
 * Generates what the command line asks for, and says what to do next.
 * @param {string} usage @param {(folder: string) => void} [finish] what else is done to the folder, which has no ready build then
 */
export function command(usage, finish) {
  const [folder, name] = process.argv.slice(2);
  if (!folder || folder.startsWith("-")) throw new Stop(`Say where to: ${usage}.`, 2);
  const isReady = generate(resolve(folder), name);
  finish?.(resolve(folder));
  const rust = isReady ? "" : " It has no ready build, so the first start builds it, which needs Rust.";
  say(`${folder} is an application of its own.${rust} Go on with: cd ${folder} && npm install && npm start`);
}

// npm calls it by a link.
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await script(() => command("npm create dormouse FOLDER [NAME]"));
