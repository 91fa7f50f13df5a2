// @ts-check
// This deployment, as the scripts that it shares with applications know it.
import { build, look } from "../template/scripts/lib/development.mjs";
import { root } from "./project.mjs";
import { shell, Stop } from "./shell.mjs";
import { wasmEnvironment } from "./toolchain.mjs";

/** @type {import("../template/scripts/lib/project.mjs").Project} */
export const deployment = { root, shell, rust: wasmEnvironment, build: () => build(deployment) };

/** Stops where the contract does not compile, or it or the configuration has a mistake. */
export async function needRight() {
  const built = await deployment.build();
  if (built !== undefined && (await look(deployment, built, { DEV_TOKENS: "1" })) === "right") return;
  throw new Stop("The contract or the configuration has the mistakes above.");
}
