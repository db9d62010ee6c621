/**
 * 64 bits of the content of bytes (FNV-1a, twice): for finding what may be the same. Whether it is, the bytes say.
 * (The platform's hashes answer later, and are missing where a page is not secure.)
 */
export function hashOf(bytes: Uint8Array): string {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x5bd1e995);
  }
  return `${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`;
}
