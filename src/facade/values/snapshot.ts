/** A Blob of a value, and the offset in the exact form where its bytes go once they are read; -1 if the Blob is stored
 *  beside the value. */
export type Gap = readonly [at: number, blob: Blob, path: string];

/** Bytes in the exact form, with the Blobs that are stored beside the value, in order. */
export type WithBlobs = Uint8Array & { blobs?: Blob[] };

/** Blobs of at least this many bytes are stored beside the value. */
export const BESIDE_BYTES = 65_536;

/**
 * A value as it crosses between JS and wasm: its JSON text if JSON represents it exactly, otherwise
 * a stored form.
 */
export type Encoded = string | Uint8Array;

/** A value as it was at the call. It has `gaps` if it contains Blobs, whose bytes have not been read yet. */
export interface Snapshot {
  /** Filling `gaps` replaces this if Blobs cannot be stored beside the value. */
  encoded: Encoded;
  readonly gaps?: readonly Gap[];
}
