// @ts-check
// .dev.vars: the secrets of the service on this machine. Written once, never overwritten, never committed.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { root } from "./project.mjs";
import { say, Stop } from "./shell.mjs";

const file = (/** @type {string} */ directory) => join(directory, ".dev.vars");

/** Writes .dev.vars with a random secret where there is none. */
export function needDevVars(directory = root) {
  if (existsSync(file(directory))) return warnOfTokens(directory);
  const lines = [
    "# The service's secrets on this machine alone (git-ignored). A deployed service has its own: see the README.",
    "# JWT_SECRET signs the tokens of `npm run token` (HS256, at least 32 bytes).",
    `JWT_SECRET="${randomBytes(32).toString("base64url")}"`,
  ];
  writeFileSync(file(directory), `${lines.join("\n")}\n`, { mode: 0o600, flag: "wx" });
  say("wrote .dev.vars with a random JWT_SECRET.");
}

/** The file of an earlier set-up opened /dev/token wherever the service listens. @param {string} directory */
function warnOfTokens(directory) {
  if (!parseEnv(readFileSync(file(directory), "utf8")).DEV_TOKENS) return;
  say("take DEV_TOKENS out of .dev.vars: npm start opens /dev/token by itself, where nobody but this machine can reach it.");
}

/** The secret that signs tokens here: the raw UTF-8 bytes of JWT_SECRET. @returns {Uint8Array} */
export function jwtSecret(directory = root) {
  if (!existsSync(file(directory))) throw new Stop(`There is no .dev.vars yet: run "npm start" once, it writes one.`);
  const secret = parseEnv(readFileSync(file(directory), "utf8")).JWT_SECRET;
  if (!secret) throw new Stop(".dev.vars has no JWT_SECRET: add one of at least 32 bytes, or move the file away and run \"npm start\".");
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length < 32) throw new Stop(`JWT_SECRET in .dev.vars has ${bytes.length} bytes; HS256 needs at least 32.`);
  return bytes;
}
