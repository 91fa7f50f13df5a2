// The programs of other runtimes that are to be had here.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const installed = fileURLToPath(new URL("../runtimes/node_modules/", import.meta.url));

export interface Program {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
}

/** Where a runtime's program may lie: below what was installed for these tests, then on the PATH. */
function places(name: string): string[] {
  const below = ["@deno", "@oven", "."].flatMap((scope) => {
    const packages = join(installed, scope);
    return existsSync(packages) ? readdirSync(packages).map((folder) => join(packages, folder)) : [];
  });
  const found = below.flatMap((folder) => [join(folder, name), join(folder, "bin", name)]);
  return [...found, ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name))];
}

/** The version a program says it has; nothing where it cannot be run. */
const versionOf = (path: string): string | undefined => {
  if (!existsSync(path)) return undefined;
  const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.match(/\d+\.\d+\.\d+/)?.[0] : undefined;
};

/** The runtimes that are to be had here: the one that runs this, the oldest Node the client is for, Deno and Bun. */
export function runtimes(): Program[] {
  const wanted = [
    { name: "Node", paths: [process.execPath], args: [] },
    { name: "Node", paths: places("node").filter((path) => path.includes("node-22")), args: [] },
    { name: "Deno", paths: places("deno"), args: ["run", "--no-prompt", "--no-config", "--no-lock", "--allow-net=127.0.0.1"] },
    { name: "Bun", paths: places("bun"), args: ["run", "--no-install"] },
  ];
  return wanted.flatMap(({ name, paths, args }) => {
    const path = paths.find((place) => versionOf(place) !== undefined);
    return path === undefined ? [] : [{ name: `${name} ${versionOf(path)}`, path, args }];
  });
}
