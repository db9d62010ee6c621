/** What callers of `patchstore/sds` are promised, restated as contract.ts does. */

export declare class PatchPersistenceProvider {
  constructor(
    dbName: string,
    storeId: string,
    options?: { prefix?: string; encryption?: { passphrase: string } | { key: Uint8Array | CryptoKey } },
  );
  loadSnapshot(): Promise<Uint8Array | undefined>;
  saveSnapshot(data: Uint8Array, clock?: number): Promise<void>;
  loadPatchesSince(clock: number): Promise<Uint8Array[]>;
  appendPatch(patch: Uint8Array, clock: number): Promise<void>;
  prunePatches(before: number): Promise<void>;
  saveValue(name: string, data: Uint8Array): Promise<void>;
  loadValue(name: string): Promise<Uint8Array | undefined>;
  releaseValue(name: string): Promise<void>;
  close(): Promise<void>;
}

/** The interface that an engine has of it. */
export interface PersistenceProvider {
  loadSnapshot(): Promise<Uint8Array | undefined>;
  saveSnapshot(data: Uint8Array): Promise<void>;
  loadPatchesSince(clock: number): Promise<Uint8Array[]>;
  appendPatch(patch: Uint8Array, clock: number): Promise<void>;
  prunePatches(beforeClock: number): Promise<void>;
  loadValue(valueHash: string): Promise<Uint8Array | undefined>;
  saveValue(valueHash: string, data: Uint8Array): Promise<void>;
  releaseValue(valueHash: string): Promise<void>;
  close(): Promise<void>;
}
