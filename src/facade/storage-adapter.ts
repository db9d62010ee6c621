/**
 * A storage adapter for sync clients: a module of its own (`patchstore/storage-adapter`) over the package's, which it
 * loads.
 */
import { AdapterCalls, notInitialized } from "./adapter-calls.js";
import { AdapterStore, invalid, rowsOf, takeWrite, type PendingOp } from "./adapter-store.js";
import { internals, openPatch } from "./index.js";
import type { Encryption, OpenOptions, QuotaPolicy } from "./base/types.js";

export interface StorageAdapterOptions {
  /** Takes the place of the name that `initialize` is given. */
  name?: string;
  /** The IndexedDB database is named `${prefix}${name}`. Default "patchstore_". */
  prefix?: string;
  /** Handed on to `openPatch`. */
  encryption?: Encryption;
  /** Handed on to `openPatch`. */
  quota?: QuotaPolicy;
}

/** One change of a write; of several of one key, the last one counts. */
export interface StorageMutation {
  store: "kv" | "meta";
  type: "put" | "remove";
  key: string;
  value?: any;
}

/** What is known of a record without its value. */
export interface RecordMetadata {
  /** Milliseconds since the epoch, where it expires. */
  expires?: number;
}

/**
 * Records, meta and a log of a sync client in a patch, apart from its stores. Its log is its own: opaque entries, kept
 * apart from the patch's op-log. Several adapters on one name, in one tab or in several, see one state. Keys and
 * values are what `KV` takes.
 *
 * Before `initialize`, writes queue, in order. `get`, `getMeta` and `getPendingOps` wait one macrotask for it to be called;
 * if it is not, they give undefined, undefined and []. `getAllKeys`, `getAllMetaKeys` and `iterateKeys` reject then. If
 * it fails, all that waits rejects with its error; it may be called again: until then writes queue, and reads reject with that
 * error. After `close`, everything rejects with Closed.
 */
export class PatchStorageAdapter {
  readonly #calls = new AdapterCalls();
  readonly #name: string | undefined;
  readonly #options: Omit<StorageAdapterOptions, "name">;

  constructor(options?: StorageAdapterOptions) {
    const given = internals.known("options", options, ["name", "prefix", "encryption", "quota"]);
    const { name, ...rest } = given;
    this.#name = name;
    this.#options = rest;
  }

  /** Opens the patch of that name, and creates it if need be. Called again with the same name, it is the same; when the patch
   *  has been deleted, or its connection lost, it opens it again. */
  async initialize(dbName: string): Promise<void> {
    const name = this.#name ?? dbName;
    return this.#calls.open(name, async () => AdapterStore.on(await openPatch(name, this.#options as OpenOptions)));
  }

  /** Resolves when it is open; rejects when that fails. */
  async waitForReady(): Promise<void> {
    return this.#calls.write(() => {});
  }

  /** Waits for what was called before. Closing twice is fine. */
  async close(): Promise<void> {
    return this.#calls.close();
  }

  /** undefined when absent. */
  async get(key: string): Promise<any | undefined> {
    return this.#calls.read((store) => store.records.get(key), () => undefined);
  }

  /** Explicit `undefined` fields of a record are kept; what is read is a fresh copy, byte arrays of this realm. */
  async put(key: string, record: any, options?: { ttl?: number }): Promise<void> {
    this.#calls.check();
    const k = internals.key(key);
    const ttl = internals.ttlOf("options", options);
    // From now on, however long it waits.
    const expires = ttl === undefined ? undefined : Date.now() + ttl;
    const taken = internals.snapshot(record);
    return this.#calls.write((store) => store.put("kv", k, taken, expires));
  }

  async remove(key: string): Promise<void> {
    await this.#calls.write((store) => store.records.delete(key));
  }

  /** All or nothing. A batch of more than 1 000 records or 1 MiB may be read in slices while the call runs. */
  async batchPut(entries: Map<string, any>): Promise<void> {
    this.#calls.check();
    const rows = rowsOf(entries, !this.#calls.isOpen);
    return this.#calls.write((store) => store.putAll(rows));
  }

  /** Calls back with every key of one moment, ascending, and what is known of its record without its value. What the
   *  callback throws ends it. */
  async iterateKeys(callback: (key: string, metadata: RecordMetadata) => void): Promise<void> {
    internals.func("callback", callback);
    const [keys, dates] = await this.#calls.read((store) => store.dates(), notInitialized);
    keys.forEach((key, at) => {
      const expires = dates[at] as number;
      callback(key, expires === Infinity ? {} : { expires });
    });
  }

  /** Ascending. */
  async getAllKeys(): Promise<string[]> {
    return this.#calls.read((store) => store.records.keys(), notInitialized);
  }

  /** undefined when absent. */
  async getMeta(key: string): Promise<any> {
    return this.#calls.read((store) => store.meta.get(key), () => undefined);
  }

  /** `undefined` removes the key; null is a value. */
  async setMeta(key: string, value: any): Promise<void> {
    this.#calls.check();
    const k = internals.key(key);
    const taken = value === undefined ? undefined : internals.snapshot(value);
    return this.#calls.write(async (store) => {
      await (taken === undefined ? store.meta.delete(key) : store.put("meta", k, taken));
    });
  }

  /** Ascending. */
  async getAllMetaKeys(): Promise<string[]> {
    return this.#calls.read((store) => store.meta.keys(), notInitialized);
  }

  /** Kept as given, unknown and undefined fields too; comes back with numeric `id` and `synced: 0`. Returns the id: a
   *  whole number from 1 up, above all that were given in this patch before. */
  async appendOpLog(entry: Record<string, any>): Promise<number> {
    return this.commitWrite([], entry);
  }

  /** All that is pending in the patch, whoever appended it, by id. */
  async getPendingOps(): Promise<PendingOp[]> {
    return this.#calls.read((store) => store.pending(), () => []);
  }

  /** Deletes the entries with id <= lastId that this adapter has appended or handed out; entries that another one has
   *  appended since and this one has never seen stay. */
  async pruneOpLog(lastId: number): Promise<void> {
    this.#calls.check();
    if (typeof lastId !== "number" || Number.isNaN(lastId)) throw invalid("the last id must be a number");
    return this.#calls.write((store) => store.prune(lastId));
  }

  /** The same as {@link pruneOpLog}. */
  async markOpsSynced(lastId: number): Promise<void> {
    return this.pruneOpLog(lastId);
  }

  /** Deletes one entry, whoever appended it, if it is there. */
  async deleteOp(id: number): Promise<void> {
    this.#calls.check();
    if (!Number.isInteger(id)) throw invalid("the id of an entry is a whole number");
    return this.#calls.write((store) => store.deleteOp(id));
  }

  /** The mutations and the op in one commit, or none of it. Returns the op's id. */
  async commitWrite(mutations: StorageMutation[], op: Record<string, any>): Promise<number> {
    this.#calls.check();
    const write = takeWrite(mutations, op);
    return this.#calls.write((store) => store.write(write));
  }
}
