import { ChannelError } from "./errors.ts";

/**
 * An origin, or a folder where a proxy has put the service, and a name that the address does not swallow: all other
 * names the service judges (E5).
 */
const ADDRESS = /^(?:http|ws)(s?:[^?#]+\/v1\/channels\/(?!\.\.?$)[^/]+)$/;

/** Where a channel of the service at `url` is joined; throws where that is no address. */
export function addressOf(url: string, name: string): string {
  let segment = "";
  const { href } = new URL(url, globalThis.location?.href);
  try {
    segment = encodeURIComponent(name);
  } catch {
    // Half a surrogate pair is no text, and has no encoding.
  }
  const [, rest] = ADDRESS.exec(`${href}v1/channels/${segment}`) ?? [];
  if (rest) return `ws${rest}`;
  throw new ChannelError("bad_name", `No channel '${name}' at '${url}': give a name and an origin like 'https://rt.example.com'.`);
}
