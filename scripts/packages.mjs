// @ts-check
// node_modules, exactly as package-lock.json says.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { older } from "../template/scripts/lib/toolchain.mjs";
import { oldestNode, read, root } from "./project.mjs";
import { ask, quietly, Stop } from "./shell.mjs";

// Lies inside node_modules, so that it goes when they go.
const stamp = join(root, "node_modules", ".dormouse");

/** Sees to it that the npm packages are installed and that Node is new enough for them. @param {import("../template/scripts/lib/progress.mjs").Progress} progress */
export async function needPackages(progress) {
  const lock = createHash("sha256").update(read("package.json")).update(read("package-lock.json")).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) {
    progress.pass();
  } else {
    const why = "npm ci failed: see its lines above; without a network nothing can be installed.";
    await progress.step("installing the npm packages of package-lock.json, about half a minute", () => quietly("npm", ["ci", "--loglevel=error"], { why }));
    writeFileSync(stamp, lock);
  }
  needNode();
}

/** Wrangler's Node: the packaged one where there is one for this machine, else the machine's own. */
function needNode() {
  const version = ask("node", ["--version"])?.replace(/^v/, "");
  if (version && !older(version, oldestNode)) return;
  throw new Stop(
    `Node ${version ?? "(none)"} is too old for wrangler, and no packaged Node is known for ${process.platform} ` +
      `${process.arch}. Install Node ${oldestNode} or newer from https://nodejs.org and try again.`,
  );
}
