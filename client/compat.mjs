// @ts-check
// A compiler's check that the client uses nothing that the browsers of the baseline do not have.
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BASELINE } from "./baseline.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(here, "..", "node_modules/typescript/bin/tsc");

/**
 * What the compiler says of these sources where all that the baseline lacks is missing from its own types; nothing
 * where they keep to it. @param {string[]} sources @returns {Promise<string[]>}
 */
export async function complaints(sources) {
  const folder = await mkdtemp(join(tmpdir(), "baseline-"));
  try {
    const libs = await Promise.all(
      libFiles().map(async (file) => {
        const path = join(folder, basename(file));
        await writeFile(path, withoutNewer(await readFile(file, "utf8")));
        return path;
      }),
    );
    const { compilerOptions } = JSON.parse(await readFile(join(here, "tsconfig.json"), "utf8"));
    const options = { ...compilerOptions, lib: undefined, noLib: true, types: [], allowJs: false, checkJs: false };
    const project = join(folder, "tsconfig.json");
    await writeFile(project, JSON.stringify({ compilerOptions: options, files: [...libs, ...sources] }));
    return tell(["--project", project, "--pretty", "false", "--singleThreaded"]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs the compiler. @param {string[]} args @returns {string[]} its lines */
function tell(args) {
  const { stdout, error } = spawnSync(process.execPath, [tsc, ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
  if (error) throw error;
  return stdout.split("\n").filter((line) => line.trim());
}

/** The compiler's own types, as far as the client uses them. */
const libFiles = () =>
  tell(["--project", join(here, "tsconfig.build.json"), "--listFilesOnly"]).filter((path) => /[\\/]lib\.[^\\/]+\.d\.ts$/.test(path));

// As much of the data's form as is read here.
/** @typedef {{ version_added: string | boolean | null, version_removed?: string | boolean, flags?: unknown, prefix?: string, alternative_name?: string, partial_implementation?: boolean }} Statement */
/** @typedef {{ __compat?: { support: Record<string, Statement | Statement[] | "mirror"> }, [name: string]: any }} Feature */

/** @type {{ api: Record<string, Feature>, javascript: { builtins: Record<string, Feature> } }} */
const data = createRequire(import.meta.url)("@mdn/browser-compat-data");

/** Takes out of types of the compiler every member and every global that a browser of the baseline lacks. @param {string} text */
function withoutNewer(text) {
  const users = usersOfMixins(text);
  /** Whose members are read, and whether they are those of the constructor. @type {{ names: Iterable<string>, fixed: boolean }} */
  let owner = { names: [], fixed: false };
  const kept = text.split("\n").map((line) => {
    if (line.startsWith("/// <reference lib")) return "";
    const [, kind, name = ""] = /^(?:declare )?(interface|var|function) (\w+)/.exec(line) ?? [];
    if (kind) {
      const plain = name.replace(/Constructor$/, "");
      owner = { names: users.get(name) ?? [plain], fixed: kind === "var" || plain !== name };
      // A type alone does no harm: to be used it must be reached by a global or a member.
      return kind !== "interface" && lacks("", name) ? line.replace(name, `lacking${name}`) : line;
    }
    const member = /^ {4}(?:readonly |get |set )*"?(\w+)"?\??[(<:]/.exec(line)?.[1];
    return member !== undefined && [...owner.names].some((one) => lacks(one, member, owner.fixed)) ? "" : line;
  });
  return kept.join("\n");
}

/** Whether the data says that a browser of the baseline lacks it. @param {string} owner @param {string} name */
function lacks(owner, name, fixed = false) {
  const homes = /^$|^Window/.test(owner) ? [data.api, data.javascript.builtins] : [data.api[owner], data.javascript.builtins[owner]];
  for (const home of homes) {
    // A method of the constructor may be called as one of its instances is.
    const feature = (fixed && home?.[`${name}_static`]) || home?.[name];
    if (feature?.__compat) return !Object.keys(BASELINE).every((browser) => has(feature, browser));
  }
  return false;
}

/** @param {Feature} feature @param {string} browser */
function has(feature, browser) {
  const base = BASELINE[browser] ?? "";
  return [feature.__compat?.support[browser] ?? []].flat().some((statement) => {
    if (typeof statement === "string" || statement.flags || statement.prefix || statement.alternative_name || statement.partial_implementation) return false;
    const { version_added: added, version_removed: removed } = statement;
    return typeof added === "string" && atMost(added, base) && !(typeof removed === "string" && atMost(removed, base));
  });
}

/** Compares versions; one that is only being tried out is newer than all. @param {string} one @param {string} other */
function atMost(one, other) {
  const [a, b] = [one, other].map((version) => version.replace("≤", "").split(".").map(Number));
  for (let at = 0; at < 3; at++) {
    const [left = 0, right = 0] = [a?.[at], b?.[at]];
    if (left !== right) return left < right;
  }
  return true;
}

/** By the name of an interface that the data does not know: those that extend it. @param {string} text @returns {Map<string, Set<string>>} */
function usersOfMixins(text) {
  /** @type {Map<string, Set<string>>} */
  const users = new Map();
  for (const [, name = "", all = ""] of text.matchAll(/^interface (\w+)[^{]*? extends ([^{]+) \{/gm))
    for (const base of all.replaceAll(/<[^<>]*>/g, "").split(",").map((part) => part.trim()))
      if (!data.api[base] && !data.javascript.builtins[base] && !base.startsWith("Window")) users.set(base, (users.get(base) ?? new Set()).add(name));
  return users;
}
