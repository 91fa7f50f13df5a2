// @ts-check
// The command dormouse-types: asks a running service what may be said (GET /v1/contract) and writes it down as TypeScript.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { parseArgs } from "node:util";
import { typesOf } from "./typescript.mjs";

const usage = `usage: dormouse-types [URL] [--out FILE] [--json FILE] [--alone]
  URL      the service, http://127.0.0.1:8787 where none is given
  --out    where the types go
  --json   where the contract goes as it is, for whatever else reads JSON Schema; nowhere where it is not said
  --alone  for a second service: the file tells the client nothing, name its ServiceContract by connectWith<…>()`;

/** The command. Where no FILE is told, the types go to `file`. @param {string} file */
export async function main(file) {
  const { values, positionals } = parse();
  const url = new URL("/v1/contract", positionals[0] ?? "http://127.0.0.1:8787");
  const answer = await fetch(url).catch((error) => stop(`${url} does not answer (${error.cause?.code ?? error}): start the service, or name another.`));
  if (!answer.ok) stop(`${url} answered ${answer.status}: is it a Dormouse service?`);
  const contract = /** @type {import("./typescript.mjs").Contract} */ (sorted(await answer.json()));
  const out = values.out ?? file;
  const changed = [await write(out, await typesOf(contract, values.alone))];
  if (values.json !== undefined) changed.push(await write(values.json, `${JSON.stringify(contract, null, 2)}\n`));
  const written = changed.filter((path) => path !== undefined).map((path) => relative(process.cwd(), path));
  const told = written.length > 0 ? `Wrote ${written.join(" and ")}.` : `${relative(process.cwd(), out)} is as it was.`;
  const count = contract.channels.length;
  console.log(`Asked ${url}: ${count} channel pattern${count === 1 ? "" : "s"}. ${told}`);
}

/** Writes a file where it is not so already; its path where it was written. @param {string} path @param {string} text */
async function write(path, text) {
  if ((await readFile(path, "utf8").catch(() => "")) === text) return undefined;
  const written = mkdir(dirname(path), { recursive: true }).then(() => writeFile(path, text));
  await written.catch((error) => stop(`${path} cannot be written (${error.code}).`));
  return path;
}

function parse() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: "string" }, json: { type: "string" }, alone: { type: "boolean" }, help: { type: "boolean" } } });
    if (values.help) {
      console.log(usage);
      process.exit();
    }
    return { values, positionals };
  } catch (error) {
    return stop(`${/** @type {Error} */ (error).message}\n${usage}`);
  }
}

/** @param {string} message @returns {never} */
function stop(message) {
  console.error(message);
  process.exit(1);
}

/** Keys in a steady order, so that the file changes only with the contract. @param {unknown} value @returns {unknown} */
export function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
