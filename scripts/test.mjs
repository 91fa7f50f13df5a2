// @ts-check
// `npm test`: the set-up, then every check in order, stopping at the first that fails.
// `npm test -- --list` names them, `npm test -- clippy e2e` runs some.
import { checks } from "./checks.mjs";
import { setup } from "./setup.mjs";
import { duration, say, script, Stop } from "./shell.mjs";

// The same everywhere: where CI is set, or FORCE_COLOR, programs colour what they write for a test to read.
delete process.env.FORCE_COLOR;
Object.assign(process.env, { NO_COLOR: "1", CARGO_TERM_COLOR: "never" });

await script(async () => {
  const names = process.argv.slice(2);
  if (names.includes("--list")) return list();

  const chosen = choose(names);
  const begun = performance.now();
  await setup();
  /** @type {string[]} */
  const closing = [];
  for (const [index, check] of chosen.entries()) {
    say(`[${index + 1}/${chosen.length}] ${check.name}: ${check.title} …`);
    closing.push(...(await perform(check)));
  }
  console.log(["", `What each said last (${chosen.length} checks passed in ${duration(performance.now() - begun)}):`, ...closing].join("\n"));
});

function list() {
  for (const { name, title } of checks) console.log(`${name.padEnd(10)} ${title}`);
}

/** @param {string[]} names none: all */
function choose(names) {
  const unknown = names.find((name) => !checks.some((check) => check.name === name));
  if (unknown !== undefined) {
    throw new Stop(`There is no check "${unknown}". There are: ${checks.map(({ name }) => name).join(", ")}.`, 2);
  }
  return names.length === 0 ? checks : checks.filter(({ name }) => names.includes(name));
}

/** Runs a check and returns its closing lines. @param {import("./checks.mjs").Check} check */
async function perform({ name, run }) {
  const begun = performance.now();
  try {
    const lines = await run();
    const time = duration(performance.now() - begun);
    say(`${name}: passed in ${time}.`);
    return lines.length === 0 ? [`${name}: passed in ${time}`] : lines.map((line) => `${name}: ${line}`);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    throw new Stop(`${name} FAILED: ${error.message} Run it alone with "npm test -- ${name}".`, error.code);
  }
}
