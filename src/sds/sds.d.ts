/**
 * patchstore/sds: a persistence provider for sync engines that keep a snapshot, the patches since then, and large values.
 */
import type { Encryption } from "./index.js";

export interface PersistenceOptions {
  /** The IndexedDB database is named `${prefix}${dbName}`. Default "patchstore_". */
  prefix?: string;
  /** Handed on to `openPatch`. The key is taken as it is at the constructor. */
  encryption?: Encryption;
}

/**
 * What a sync engine keeps of one store, in a patch that several stores may share, each under its id. Several providers of one
 * store, in one tab or in several, see one state. Effects take place in the order of the calls, and bytes that are given are taken as they are at the call. What fails
 * rejects, and changes nothing. After `close` everything rejects with Closed.
 */
export class PatchPersistenceProvider {
  /** Opens nothing: the first call does, and creates the patch `dbName` if need be. Where that fails, the next call tries again; so it does when the connection
   *  was lost. Throws InvalidArgument for an id of more than 996 UTF-16 code units. */
  constructor(dbName: string, storeId: string, options?: PersistenceOptions);
  /** undefined: none was saved. */
  loadSnapshot(): Promise<Uint8Array | undefined>;
  /** In place of the one before. `clock`, a whole number: up to where it holds the patches; without it, that is not known.
   *  LimitExceeded above 256 MiB. */
  saveSnapshot(data: Uint8Array, clock?: number): Promise<void>;
  /** Those of a clock strictly above: ascending by clock, and those of one clock in the order of arrival. */
  loadPatchesSince(clock: number): Promise<Uint8Array[]>;
  /** `clock` is a whole number, also a negative one. One that is there already: the same bytes change nothing, other bytes are kept beside it.
   *  LimitExceeded above 256 MiB. */
  appendPatch(patch: Uint8Array, clock: number): Promise<void>;
  /** Deletes what has a clock strictly below `before` and, where the stored snapshot has a clock, not above that. */
  prunePatches(before: number): Promise<void>;
  /** Names are any strings of at most 1 000 UTF-16 code units. Each saving counts. The same name with other bytes rejects with Exists; the old ones stay. */
  saveValue(name: string, data: Uint8Array): Promise<void>;
  /** undefined: nothing is saved under that name. */
  loadValue(name: string): Promise<Uint8Array | undefined>;
  /** Takes one saving back; with the last one the value goes. An unknown name does nothing. */
  releaseValue(name: string): Promise<void>;
  /** Waits for what was issued. Closing twice is fine. */
  close(): Promise<void>;
}
