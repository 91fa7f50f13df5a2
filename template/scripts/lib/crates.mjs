// @ts-check
// The crates that an application is made of, and where they lie.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { wasmTarget } from "./development.mjs";
import { Stop } from "./shell.mjs";

/** @typedef {import("./project.mjs").Place} Place */

/** A line of Cargo.toml that asks for dormouse by its version alone, or with more beside it. */
const asked = /^dormouse = (?:("[^"]+")(?=\s*(?:#.*)?$)|\{ version = ("[^"]+"))/gm;

/** A Cargo.toml in which each line that asks for dormouse says by path where it lies. @param {string} manifest @param {string} path */
export const located = (manifest, path) =>
  manifest.replaceAll(asked, (_, alone, first) => `dormouse = { version = ${alone ?? first}, path = ${JSON.stringify(path)}${alone ? " }" : ""}`);

/** Sees to it that every crate is found and here, or stops with what to write. @param {Place} place @param {import("./progress.mjs").Progress} progress */
export async function needCrates({ root, shell }, progress) {
  const fetch = ["fetch", "--target", wasmTarget];
  if (shell.ask("cargo", [...fetch, "--locked", "--offline"]) !== undefined) return progress.pass();
  await progress.step("fetching the crates of Cargo.toml", async () => {
    const { code, output } = await shell.hear("cargo", fetch);
    if (code === 0) return;
    process.stderr.write(output);
    throw new Stop(`cargo cannot find the crates of Cargo.toml; see the lines above.${/no matching package named `dormouse`/.test(output) ? hint(root) : ""}`);
  });
}

/** What to write where the registry has no dormouse. @param {string} root */
function hint(root) {
  const lines = located(readFileSync(join(root, "Cargo.toml"), "utf8"), "../dormouse/crates/dormouse").match(/^dormouse = .*$/gm) ?? [];
  return ` The crates are not on crates.io yet: say by path or git where they are, under [dependencies] and under [dev-dependencies], as in\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
