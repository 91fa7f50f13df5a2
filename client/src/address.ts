import { ChannelError } from "./errors.ts";
import type { JoinFields } from "./protocol.ts";

/**
 * An origin, or a folder where a proxy has put the service, and a name that the address does not swallow: all other
 * names the service judges (E5).
 */
const ADDRESS = /^(?:http|ws)(s?:[^?#]+\/v1\/(?:connect|channels\/(?!\.\.?$)[^/]+))$/;

/** Where a channel of the service at `url` is joined, or without a name many are (M1); throws where that is no address. */
export function addressOf(url: string, name?: string): string {
  let path = name === undefined ? "connect" : "channels/";
  const { href } = new URL(url, globalThis.location?.href);
  try {
    path += encodeURIComponent(name ?? "");
  } catch {
    // Half a surrogate pair is no text, and has no encoding.
  }
  const [, rest] = ADDRESS.exec(`${href}v1/${path}`) ?? [];
  if (rest) return `ws${rest}`;
  const what = name === undefined ? "service" : `channel '${name}'`;
  throw new ChannelError("bad_name", `No ${what} at '${url}': give a name and an origin like 'https://rt.example.com'.`);
}

/** The same with where to go on from (E1). */
export function addressFrom(base: string, fields: JoinFields): string {
  const query = `${new URLSearchParams({ ...fields } as Record<string, string>)}`;
  return query ? `${base}?${query}` : base;
}
