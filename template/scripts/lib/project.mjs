// @ts-check
// What is started, built and tested by these scripts: an application of its own, or the repository that they come from.

/**
 * @typedef {object} Project
 * @property {string} root its folder
 * @property {import("./shell.mjs").Shell} shell programs as they run there
 * @property {() => Record<string, string>} rust the environment in which cargo builds wasm, once Rust is set up
 * @property {() => Promise<string | undefined>} build builds what the sources say, by the development profile; the folder
 *   of its index.js and index_bg.wasm, or nothing where what is wrong with the sources has been told
 */

export {};
