// @ts-check
// An application out of template/, as `npm create dormouse` makes it: node scripts/generate.mjs FOLDER [NAME]
import { command } from "../create/create-dormouse.mjs";
import { currentReady } from "./create.mjs";
import { script } from "./shell.mjs";

await script(() => command("node scripts/generate.mjs FOLDER [NAME]", currentReady()));
