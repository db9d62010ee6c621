/** A Blob of a value: where in its exact form the bytes go, once they are read; -1: it lies beside the value. */
export type Gap = readonly [at: number, blob: Blob, path: string];

/** Bytes in the exact form, with the Blobs that lie beside the value, in their order. */
export type WithBlobs = Uint8Array & { blobs?: Blob[] };

/** A Blob of so many bytes lies beside its value. */
export const BESIDE_BYTES = 65_536;

/**
 * A value on its way between JS and wasm: its JSON text where JSON carries it exactly, else
 * a stored form.
 */
export type Encoded = string | Uint8Array;

/** A value as it was at the call; `gaps` when it has Blobs, whose bytes are yet to come. */
export interface Snapshot {
  /** Another one where Blobs cannot lie beside it, once `gaps` are filled. */
  encoded: Encoded;
  readonly gaps?: readonly Gap[];
}
