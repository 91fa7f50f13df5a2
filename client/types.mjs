// @ts-check
// `npm run types [-- URL] [-- --out FILE]`: dormouse-types for this repository. Where no FILE is told it writes
// client/dormouse.ts, and the contract as it was answered beside it, client/contract.json.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "./command.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const contractFile = join(here, "contract.json");
export const typesFile = join(here, "dormouse.ts");

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(typesFile, contractFile);
