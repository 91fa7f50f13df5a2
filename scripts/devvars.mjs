// @ts-check
// The secret of .dev.vars, by which tokens are made here.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { root } from "./project.mjs";
import { Stop } from "./shell.mjs";

const file = (/** @type {string} */ directory) => join(directory, ".dev.vars");

/** The secret that signs tokens here: the raw UTF-8 bytes of JWT_SECRET. @returns {Uint8Array} */
export function jwtSecret(directory = root) {
  if (!existsSync(file(directory))) throw new Stop(`There is no .dev.vars yet: run "npm start" once, it writes one.`);
  const secret = parseEnv(readFileSync(file(directory), "utf8")).JWT_SECRET;
  if (!secret) throw new Stop(".dev.vars has no JWT_SECRET: add one of at least 32 bytes, or move the file away and run \"npm start\".");
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < 32) throw new Stop(`JWT_SECRET in .dev.vars has ${bytes.length} bytes; HS256 needs at least 32.`);
  return bytes;
}
