/** Writes parts of a wasm; see "Binary Format" of the WebAssembly specification. */

/** An unsigned LEB128. */
export function unsigned(value) {
  const out = [];
  for (; value > 127; value = Math.floor(value / 128)) out.push((value & 127) | 128);
  return Buffer.from([...out, value]);
}

/** A signed LEB128 of up to 32 bits. */
export function signed(value) {
  const out = [];
  for (;;) {
    const byte = value & 127;
    value >>= 7;
    if (value === (byte & 64 ? -1 : 0)) return Buffer.from([...out, byte]);
    out.push(byte | 128);
  }
}

export const text = (string) => Buffer.concat([unsigned(Buffer.byteLength(string)), Buffer.from(string)]);

/** A vector of items that are bytes already. */
export const list = (items) => Buffer.concat([unsigned(items.length), ...items]);

/** A section of what it contains. */
export const section = (id, content) => Buffer.concat([Buffer.from([id]), unsigned(content.length), content]);

/** A body with its numbers replaced: `found` has, in order, where each is and what it is to be. */
export function rewritten(bytes, body, found) {
  const parts = [];
  let at = body.content;
  for (const { from, to, index } of found) {
    parts.push(bytes.subarray(at, from), unsigned(index));
    at = to;
  }
  parts.push(bytes.subarray(at, body.end));
  const content = Buffer.concat(parts);
  return Buffer.concat([unsigned(content.length), content]);
}
