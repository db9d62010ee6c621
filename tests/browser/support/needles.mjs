/** Looks for many short strings in many bytes, in one pass. Runs in pages and in Node. */

/** Strings, looked for as UTF-8 and as UTF-16, and bytes. */
export class Needles {
  #starts = new Uint8Array(1 << 16);
  #byStart = new Map();

  /** @param {Record<string, (string | number[])[]>} places for each name, what is to be looked for; of 8 bytes or more */
  constructor(places) {
    for (const [place, needles] of Object.entries(places)) {
      for (const needle of needles) for (const bytes of forms(needle)) this.#add(place, bytes);
    }
  }

  #add(place, bytes) {
    const start = (bytes[0] << 8) | bytes[1];
    this.#starts[start] = 1;
    const same = this.#byStart.get(start) ?? [];
    same.push({ place, bytes });
    this.#byStart.set(start, same);
  }

  /** The names of the places of which something is in `bytes`. */
  in(bytes) {
    const found = new Set();
    const last = bytes.length - 1;
    for (let at = 0; at < last; at++) {
      const start = (bytes[at] << 8) | bytes[at + 1];
      if (this.#starts[start] === 0) continue;
      for (const needle of this.#byStart.get(start)) {
        if (needle.bytes.every((byte, n) => bytes[at + n] === byte)) found.add(needle.place);
      }
    }
    return found;
  }
}

function forms(needle) {
  if (typeof needle !== "string") return [Uint8Array.from(needle)];
  const wide = new Uint8Array(needle.length * 2);
  for (let at = 0; at < needle.length; at++) wide[2 * at] = needle.charCodeAt(at);
  return [new TextEncoder().encode(needle), wide];
}
