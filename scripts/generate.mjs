// @ts-check
// An application out of template/ that is built of the crates as they lie here: node scripts/generate.mjs FOLDER [NAME]
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { command } from "../create/create-dormouse.mjs";
import { located } from "../template/scripts/lib/crates.mjs";
import { ofRegistry } from "./create.mjs";
import { read, root } from "./project.mjs";
import { script } from "./shell.mjs";

/** Says in its Cargo.toml where the crates lie, and has it begin with the versions that everything here is tried with. @param {string} folder */
function locate(folder) {
  const manifest = join(folder, "Cargo.toml");
  // Cargo follows the path from where the folder really is.
  const crates = relative(realpathSync(folder), join(root, "crates", "dormouse")).split(sep).join("/");
  writeFileSync(manifest, located(readFileSync(manifest, "utf8"), crates));
  writeFileSync(join(folder, "Cargo.lock"), ofRegistry(read("Cargo.lock")));
}

// Without a ready build: what lies here may change, and nothing of a ready build would tell.
await script(() => command("node scripts/generate.mjs FOLDER [NAME]", locate));
