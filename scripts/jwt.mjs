// @ts-check
// Tokens as the service takes them (HS256), made by an independent library.
import { jwtSecret } from "./devvars.mjs";

/**
 * @typedef {object} TokenRequest what a token is to say
 * @property {string} user
 * @property {Record<string, string[]>} can abilities by channel pattern
 * @property {number} expires seconds from now
 * @property {string[]} [roles]
 * @property {Record<string, unknown>} [info] shown to members
 */

/** Mints a token by the secret of .dev.vars. @param {TokenRequest} wish @returns {Promise<string>} */
export async function mint({ user, can, expires, roles, info }) {
  const secret = jwtSecret();
  // Loaded late: the scripts that import this one run before anything is installed.
  const { SignJWT } = await import("jose");
  const now = Math.floor(Date.now() / 1000);
  const claims = { can, ...(roles && { roles }), ...(info && { info }) };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user)
    .setIssuedAt(now)
    .setExpirationTime(now + expires)
    .sign(secret);
}
