/**
 * patchstore/sandbox: the other end of Patch.serve(). It needs no wasm, no IndexedDB and no dependency, and runs in
 * a worker or in an opaque-origin iframe.
 */
import type { BlobRef as Ref, Blobs, DB, Expiry, KV, PatchStoreError, Storable } from "./index.js";

/**
 * Connects to the other end of the port that the host gave to `Patch.serve()`. Use the port for
 * nothing else afterwards. Throws InvalidArgument if `port` is not a MessagePort.
 */
export function connect(port: MessagePort): Connection;

/** As in the package; references made here and by the package are alike to the stores of this connection. */
export const BlobRef: typeof Ref;

/** True for every error of this library, whichever realm or port it came from. */
export function isPatchStoreError(error: unknown): error is PatchStoreError;

/** The stores of the node that the host grants. */
export interface Connection {
  /** `store(name)` gives a named store. Unless the grant covers it, its calls reject with AccessDenied,
   *  and the error of a `watch` goes to the realm's error handler. */
  readonly kv: SandboxKV;
  readonly db: DB;
  /** Contents that were put here, or of which references came over this port; no bare hashes. What is put has `maxValueBytes` of the grant at
   *  most. A reference is AccessDenied 65 536 others after it came: read the record that holds it again. */
  readonly blobs: Pick<Blobs, "put" | "get" | "stream">;
  /** Pending and later calls reject with Closed, as they do when the host ends. */
  close(): void;
}

export interface SandboxKV extends KV {
  /** The ArrayBuffers in `transfer`, which `value` contains as a whole or as views of all their bytes, are
   *  moved to the host rather than copied, and are detached after the call. */
  set(key: string, value: Storable, options?: Expiry & { transfer?: ArrayBuffer[] }): Promise<void>;
  store(name: string): SandboxKV;
}
