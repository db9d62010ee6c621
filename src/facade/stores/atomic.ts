import { PatchStoreError } from "../base/errors.js";
import type { DB, KV } from "../base/types.js";
import type { Range } from "../values/ranges.js";

/** A page of pairs, and when each expires, in ms since the epoch; infinite if never. */
export interface DatedPage {
  readonly entries: readonly (readonly [key: string, value: unknown])[];
  readonly expires: ArrayLike<number>;
}

/** A key-value store that says when its pairs expire. */
export interface DatedKV extends KV {
  /** The first page of a range. In a transaction it is of one moment. */
  dated(range: Range): Promise<DatedPage>;
}

/** How a store makes several calls to itself that take effect together. */
export interface Atomic {
  /** Whether it is part of a transaction: then the calls are, too, and what is thrown undoes none of them. */
  readonly isTransaction: boolean;
  kv<T>(work: (kv: DatedKV) => Promise<T>): Promise<T>;
  db<T>(work: (db: DB) => Promise<T>): Promise<T>;
  /** The same for the named store of that name, encoded for wasm. */
  named(name: string): Atomic;
}

/** That of a store. */
export function atomicOf(given: (() => Atomic) | undefined): Atomic {
  if (given === undefined) throw new PatchStoreError("Internal", "this store makes single calls only");
  return given();
}
