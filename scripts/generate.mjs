// @ts-check
// An application out of template/, as `cargo generate` makes it: node scripts/generate.mjs FOLDER [NAME]
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve, sep } from "node:path";
import { isCalled, read, root } from "./project.mjs";
import { say, script, Stop } from "./shell.mjs";

const template = join(root, "template");
const placeholder = "{{project-name}}";

/**
 * Copies the template into an empty folder, under a name of its own.
 * @param {string} folder @param {string} [name] of the crate and the Worker; the folder's where not said
 */
export function generate(folder, name = basename(folder)) {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) throw new Stop(`"${name}" is no name for a Worker: it takes a letter, then a-z 0-9 and "-".`, 2);
  if (name === "dormouse") throw new Stop("An application cannot have the name of the crate it is made with: choose another.", 2);
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Stop(`${folder} is not empty.`);
  const [exclude, ignore] = [list("exclude"), [...list("ignore"), "cargo-generate.toml"]];
  cpSync(template, folder, { recursive: true, filter: (source) => !ignore.includes(relative(template, source)) });
  for (const file of files(folder)) {
    const path = relative(folder, file).split(sep).join("/");
    if (exclude.includes(path)) continue;
    const text = readFileSync(file, "utf8").replaceAll(placeholder, name);
    // Whatever else stands in such braces, cargo-generate would try to fill in.
    if (/\{\{|\{%/.test(text)) throw new Stop(`template/${path} has a placeholder that is not ${placeholder}.`);
    writeFileSync(file, text);
  }
}

/** A list of cargo-generate.toml. @param {string} name @returns {string[]} */
function list(name) {
  const found = read("template", "cargo-generate.toml").match(new RegExp(`^${name} = \\[([^\\]]*)\\]`, "m"));
  if (!found) throw new Stop(`template/cargo-generate.toml has no list "${name}".`);
  return [...found[1].matchAll(/"([^"]+)"/g)].map((match) => match[1]);
}

/** The files below a folder. @param {string} folder @returns {string[]} */
function files(folder) {
  return readdirSync(folder).map((name) => join(folder, name)).flatMap((path) => (statSync(path).isDirectory() ? files(path) : [path]));
}

if (isCalled(import.meta.url)) {
  await script(() => {
    const [folder, name] = process.argv.slice(2);
    if (!folder) throw new Stop("Say where to: node scripts/generate.mjs FOLDER [NAME].", 2);
    generate(resolve(folder), name);
    say(`${folder} is an application of its own; its README.md says how to run it.`);
  });
}
