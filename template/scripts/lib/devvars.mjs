// @ts-check
// .dev.vars: the secrets of the service on this machine. Written once, never overwritten, never committed.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { say } from "./shell.mjs";

/** Writes .dev.vars with a random secret where there is none. @param {string} root */
export function needDevVars(root) {
  const file = join(root, ".dev.vars");
  if (existsSync(file)) return warnOfTokens(file);
  const lines = [
    "# The service's secrets on this machine alone (git-ignored). A deployed service has its own: see the README.",
    "# Tokens are signed and checked with JWT_SECRET (HS256, at least 32 bytes).",
    `JWT_SECRET="${randomBytes(32).toString("base64url")}"`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600, flag: "wx" });
  say("wrote .dev.vars with a random JWT_SECRET.");
}

/** The file of an earlier set-up opened /dev/token wherever the service listens. @param {string} file */
function warnOfTokens(file) {
  if (!parseEnv(readFileSync(file, "utf8")).DEV_TOKENS) return;
  say("take DEV_TOKENS out of .dev.vars: npm start opens /dev/token by itself, where nobody but this machine can reach it.");
}
