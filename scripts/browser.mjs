// @ts-check
// The browser of the end-to-end tests: Chromium, the machine's own.
import { existsSync } from "node:fs";
import { needPackages, onDebian } from "./apt.mjs";
import { Stop } from "./shell.mjs";

const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where it is; nothing where there is none. */
export const browserProgram = () => places.find((place) => place !== undefined && existsSync(place));

/** Sees to it that there is a Chromium. */
export async function needBrowser() {
  if (browserProgram() !== undefined) return;
  if (onDebian()) return needPackages(["chromium"], "The tests of the page");
  throw new Stop("The tests of the page need Chromium: install it, or name its program in the environment variable CHROMIUM.");
}
