/** Bytes turned at a time: a multiple of 3, so that pieces can be put together, and few enough for the arguments of a call. */
const PIECE_BYTES = 24_576;

export function base64Of(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    pieces.push(btoa(String.fromCharCode(...bytes.subarray(from, from + PIECE_BYTES))));
  }
  return pieces.join("");
}

/** The bytes of a text in base64, with padding; undefined if it is none. */
export function bytesOf(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  // (`atob` would put up with spaces, and with a lack of padding.)
  if (typeof text !== "string" || text.length % 4 !== 0 || /[^A-Za-z0-9+/=]/.test(text)) return undefined;
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
