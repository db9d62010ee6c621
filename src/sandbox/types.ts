/** The public types for use in the sources. The package ships `sandbox.d.ts`. */
import type { Blobs, DB, Expiry, KV, Storable } from "../facade/base/types.js";

export interface Connection {
  readonly kv: SandboxKV;
  readonly db: DB;
  readonly blobs: Pick<Blobs, "put" | "get" | "stream">;
  close(): void;
}

export interface SandboxKV extends KV {
  set(key: string, value: Storable, options?: Expiry & { transfer?: ArrayBuffer[] }): Promise<void>;
  store(name: string): SandboxKV;
}
