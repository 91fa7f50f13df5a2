// @ts-check
// Installs Debian packages where that is allowed: as root without a terminal (CI) at once, with a terminal after asking.
import { existsSync } from "node:fs";
import { ask, confirm, run, say, Stop } from "./shell.mjs";

export const onDebian = () => existsSync("/etc/debian_version") && ask("apt-get", ["--version"]) !== undefined;

/**
 * Sees to it that Debian packages are there, or stops with the command to type.
 * @param {string[]} packages @param {string} purpose what they are needed for
 */
export async function needPackages(packages, purpose) {
  const missing = packages.filter((name) => ask("dpkg", ["-s", name])?.includes("\nStatus: install ok installed") !== true);
  if (missing.length === 0) return;
  const asRoot = process.getuid?.() === 0;
  const command = ["apt-get", "install", "-y", "--no-install-recommends", ...missing];
  const typed = `${asRoot ? "" : "sudo "}${command.join(" ")}`;
  const refusal = `${purpose} needs the Debian packages ${missing.join(", ")}. Install them with: ${typed}`;

  if (!process.stdin.isTTY && !asRoot) throw new Stop(refusal);
  if (process.stdin.isTTY && !(await confirm(`${purpose} needs ${missing.join(", ")}. Run "${typed}" now?`))) {
    throw new Stop(refusal);
  }
  say(`installing ${missing.join(", ")} by apt-get: ${purpose} needs them …`);
  const privileged = (/** @type {string[]} */ args) => (asRoot ? args : ["sudo", ...args]);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["apt-get", "update", "-q"], command]) {
    const [program, ...rest] = privileged(args);
    await run(program, rest, { env, why: `apt-get failed. ${refusal}` });
  }
}
