// @ts-check
// The tests of an application's Worker.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The files of an application's folder test/ that are tests, where it has one. @param {string} root */
export function testsOf(root) {
  const folder = join(root, "test");
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => /\.test\.m?[jt]s$/.test(name)).map((name) => join("test", name));
}
