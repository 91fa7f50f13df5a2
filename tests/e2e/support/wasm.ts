// The built wasm with one more export, so that a test can see what the release keeps to itself.

const MAGIC_AND_VERSION = 8;
const GLOBALS = 6;
const EXPORTS = 7;
const [I32, MUTABLE, KIND_GLOBAL] = [0x7f, 0x01, 0x03];

/** Exports `__stack_pointer`: the first global of what LLVM makes, whose name the build strips. */
export function withStackPointer(wasm: Uint8Array): Uint8Array {
  const parts = [wasm.subarray(0, MAGIC_AND_VERSION)];
  for (const { id, content } of sections(wasm)) {
    const [count, begin] = number(content, 0);
    if (id === GLOBALS && (content[begin] !== I32 || content[begin + 1] !== MUTABLE)) throw new Error("the first global is no stack pointer");
    const name = new TextEncoder().encode("__stack_pointer");
    const more = id === EXPORTS ? [...leb(count + 1), ...content.subarray(begin), ...leb(name.length), ...name, KIND_GLOBAL, 0] : content;
    parts.push(Uint8Array.of(id), Uint8Array.from(leb(more.length)), Uint8Array.from(more));
  }
  return Buffer.concat(parts);
}

function* sections(wasm: Uint8Array): Generator<{ id: number; content: Uint8Array }> {
  for (let at = MAGIC_AND_VERSION; at < wasm.length;) {
    const [length, begin] = number(wasm, at + 1);
    yield { id: wasm[at], content: wasm.subarray(begin, begin + length) };
    at = begin + length;
  }
}

/** A number as WebAssembly writes it (LEB128), and where it ends. */
function number(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}
