/** What callers of `patchstore/storage-adapter` are promised, restated as contract.ts does. */

export declare class PatchStorageAdapter {
  constructor(options?: {
    name?: string;
    prefix?: string;
    encryption?: { passphrase: string } | { key: Uint8Array | CryptoKey };
    quota?: { threshold?: number; maxBytes?: number; persist?: boolean };
  });
  initialize(dbName: string): Promise<void>;
  waitForReady(): Promise<void>;
  close(): Promise<void>;

  get(key: string): Promise<any | undefined>;
  put(key: string, record: any, options?: { ttl?: number }): Promise<void>;
  remove(key: string): Promise<void>;
  batchPut(entries: Map<string, any>): Promise<void>;
  iterateKeys(callback: (key: string, metadata: any) => void): Promise<void>;
  getAllKeys(): Promise<string[]>;

  getMeta(key: string): Promise<any>;
  setMeta(key: string, value: any): Promise<void>;
  getAllMetaKeys(): Promise<string[]>;

  appendOpLog(entry: Record<string, any>): Promise<number>;
  getPendingOps(): Promise<(Record<string, any> & { id: number; synced: number })[]>;
  pruneOpLog(lastId: number): Promise<void>;
  markOpsSynced(lastId: number): Promise<void>;
  deleteOp(id: number): Promise<void>;
  commitWrite(
    mutations: { store: "kv" | "meta"; type: "put" | "remove"; key: string; value?: any }[],
    op: Record<string, any>,
  ): Promise<number>;
}

/** The interface that clients bring, as they have it. */
export interface IStorageAdapter {
  initialize(dbName: string): Promise<void>;
  close(): Promise<void>;
  get(key: string): Promise<Record<string, any> | undefined>;
  put(key: string, record: Record<string, any>): Promise<void>;
  remove(key: string): Promise<void>;
  batchPut(entries: Map<string, Record<string, any>>): Promise<void>;
  iterateKeys(callback: (key: string, metadata: any) => void): Promise<void>;
  appendOpLog(entry: Record<string, any>): Promise<unknown>;
  getPendingOps(): Promise<Record<string, any>[]>;
  pruneOpLog(lastSyncedId: number): Promise<void>;
}
