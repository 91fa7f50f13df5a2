// @ts-check
// `npm run types [-- URL] [-- --out FILE]`: dormouse-types for this repository. Where no FILE is told it writes
// client/dormouse.ts, for pages of your own: the page and the tests here are typed by tests/support/dormouse.ts.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "./command.mjs";

await main(join(dirname(fileURLToPath(import.meta.url)), "dormouse.ts"));
