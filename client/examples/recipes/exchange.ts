import { SignJWT, createRemoteJWKSet, jwtVerify } from "jose";

const provider = createRemoteJWKSet(new URL("https://tenant.example.com/.well-known/jwks.json"));
const secret = new TextEncoder().encode(process.env["JWT_SECRET"]);

/** Takes a token of the identity provider, whatever it is signed with, and gives one of ours for ten minutes. */
export async function exchange(theirs: string, room: string): Promise<string> {
  const { payload } = await jwtVerify(theirs, provider, { issuer: "https://tenant.example.com/", audience: "chat" });
  return await new SignJWT({ can: { [`chat:${room}`]: ["join", "publish", "presence", "history"] } })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(String(payload.sub))
    .setExpirationTime("10m")
    .sign(secret);
}
