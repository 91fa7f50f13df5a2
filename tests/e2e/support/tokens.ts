// Tokens by a library that has nothing to do with the service's own.
import { SignJWT, exportJWK, generateKeyPair } from "jose";

export const secret = "the secret of the end-to-end tests, 32 bytes at least";

export interface Wish {
  can?: Record<string, string[]>;
  expires?: string | number;
  [claim: string]: unknown;
}

const everything = { "**": ["join", "publish", "presence", "history"] };

/** A token signed HS256 with the tests' secret; it grants everything and holds for an hour unless told. */
export function token(sub: string, { can = everything, expires = "1h", ...claims }: Wish = {}): Promise<string> {
  const jwt = new SignJWT({ sub, can, ...claims }).setProtectedHeader({ alg: "HS256" }).setIssuedAt();
  return jwt.setExpirationTime(expires).sign(new TextEncoder().encode(secret));
}

/** A key pair of its own: what signs, and what the service is told of it. */
export async function keyPair(alg: "ES256" | "EdDSA", kid: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...await exportJWK(publicKey), kid, alg };
  const sign = (sub: string, named = kid) =>
    new SignJWT({ sub, can: everything }).setProtectedHeader({ alg, kid: named }).setExpirationTime("1h").sign(privateKey);
  return { jwk, sign };
}
