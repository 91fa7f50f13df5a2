#!/usr/bin/env node
// @ts-check
// `npx dormouse-types URL --out FILE`, as the package has it.
import { existsSync } from "node:fs";
import { main } from "./command.mjs";

await main(existsSync("src") ? "src/dormouse.ts" : "dormouse.ts");
