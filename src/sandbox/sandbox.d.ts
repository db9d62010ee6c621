/**
 * patchstore/sandbox: the other end of Patch.serve(). No wasm, no IndexedDB, no dependency: it runs in
 * a worker or in an opaque-origin iframe.
 */
import type { DB, KV, PatchStoreError, Storable } from "./index.js";

/**
 * Connects to the other end of the port that the host gave to `Patch.serve()`; the port is used by
 * nothing else from then on. Throws InvalidArgument for what is no port.
 */
export function connect(port: MessagePort): Connection;

/** True of every error that is the library's, whichever realm or port it came from. */
export function isPatchStoreError(error: unknown): error is PatchStoreError;

/** The stores of the node that the host grants. */
export interface Connection {
  /** `store(name)` gives a named store; unless the grant has it, its calls reject with AccessDenied,
   *  and that of a `watch` goes to the realm's error handler. */
  readonly kv: SandboxKV;
  readonly db: DB;
  /** Calls under way and later ones reject with Closed, as they do when the host ends. */
  close(): void;
}

export interface SandboxKV extends KV {
  /** The ArrayBuffers in `transfer`, which `value` holds as a whole or by views of all their bytes, are
   *  moved to the host rather than copied: after the call they are detached. */
  set(key: string, value: Storable, options?: { transfer?: ArrayBuffer[] }): Promise<void>;
  store(name: string): SandboxKV;
}
