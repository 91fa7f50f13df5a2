// `npm run bench`: sets up what is missing, then runs the benchmark on the Node that the project brings.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root } from "../scripts/project.mjs";
import { setup } from "../scripts/setup.mjs";
import { environment, script, Stop } from "../scripts/shell.mjs";
import { CASES } from "./lib/cases.mjs";
import { HELP, read } from "./lib/options.mjs";

await script(async () => {
  const args = process.argv.slice(2);
  const options = read(args);
  if (options.help) return console.log(HELP);
  if (options.list) return console.log(CASES.map(({ name, what }) => `${name.padEnd(26)} ${what}`).join("\n"));
  if (process.platform !== "linux") throw new Stop("The benchmark runs on Linux only: it pins processes by taskset and reads /proc.");
  await setup();
  const child = spawn("node", [join(root, "bench", "main.mjs"), ...args], { stdio: "inherit", env: environment() });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, "exit");
  process.exitCode = code ?? 1;
});
