/**
 * patchstore/sandbox: the other end of Patch.serve(). It needs no wasm, no IndexedDB and no dependency, and runs in
 * a worker or in an opaque-origin iframe.
 */
import type { DB, Expiry, KV, PatchStoreError, Storable } from "./index.js";

/**
 * Connects to the other end of the port that the host gave to `Patch.serve()`. Use the port for
 * nothing else afterwards. Throws InvalidArgument if `port` is not a MessagePort.
 */
export function connect(port: MessagePort): Connection;

/** True for every error of this library, whichever realm or port it came from. */
export function isPatchStoreError(error: unknown): error is PatchStoreError;

/** The stores of the node that the host grants. */
export interface Connection {
  /** `store(name)` gives a named store. Unless the grant covers it, its calls reject with AccessDenied,
   *  and the error of a `watch` goes to the realm's error handler. */
  readonly kv: SandboxKV;
  readonly db: DB;
  /** Pending and later calls reject with Closed, as they do when the host ends. */
  close(): void;
}

export interface SandboxKV extends KV {
  /** The ArrayBuffers in `transfer`, which `value` contains as a whole or as views of all their bytes, are
   *  moved to the host rather than copied, and are detached after the call. */
  set(key: string, value: Storable, options?: Expiry & { transfer?: ArrayBuffer[] }): Promise<void>;
  store(name: string): SandboxKV;
}
