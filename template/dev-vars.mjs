// Writes .dev.vars with a random secret where there is none: `npm start` signs and checks its tokens with it.
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";

if (!existsSync(".dev.vars")) {
  writeFileSync(".dev.vars", `JWT_SECRET="${randomBytes(32).toString("base64url")}"\n`, { mode: 0o600, flag: "wx" });
}
