// @ts-check
// What is started, built and tested by these scripts: an application of its own, or the repository that they come from.

/** @typedef {{root: string, shell: import("./shell.mjs").Shell}} Place its folder, and programs as they run there */

/**
 * @typedef {object} Making
 * @property {() => Record<string, string>} rust the environment in which cargo builds wasm, once Rust is set up
 * @property {() => Promise<string | undefined>} build builds what the sources say, by the development profile; the folder
 *   of its index.js and index_bg.wasm, or nothing where what is wrong with the sources has been told
 */

/** @typedef {Place & Making} Project */

export {};
