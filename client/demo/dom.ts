/** The few things this page does to its document. Text goes in as text, always. */

/** The element of this id; the page is broken where it is missing. */
export function $<Kind extends Element = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}.`);
  return found as unknown as Kind;
}

/** Makes an element with classes and children; strings become text. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = "",
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Hues that are told apart, for colours that white text can be read on. */
const HUES = [14, 40, 92, 150, 186, 212, 246, 282, 318, 344];

/** The same colour for the same name, everywhere. */
export function colourOf(name: string): string {
  // FNV-1a, which tells short names apart.
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return `hsl(${HUES[hash % HUES.length]} 50% 33%)`;
}

/** A round face with the name's first letter. */
export function faceOf(name: string): HTMLSpanElement {
  const face = make("span", "face", [...name][0]?.toUpperCase() ?? "?");
  face.style.backgroundColor = colourOf(name);
  face.ariaHidden = "true";
  return face;
}

/** The time of day, as the reader writes it. */
export function clockOf(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
