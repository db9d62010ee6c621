import { PatchStoreError } from "./errors.js";

/**
 * How much one call may take. Sizes are checked before memory is allocated, because running out of memory is fatal
 * both in wasm and in a page. The first three limits match `src/limits.rs`, which gives the reasons.
 */

/** The largest stored value, in bytes. */
export const MAX_VALUE_BYTES = 268_435_456;
/** The most that one call or transaction writes, and that one call returns, in bytes. */
export const MAX_CALL_BYTES = 536_870_912;
/** The weight of each item of a call in addition to its bytes. */
export const ITEM_BYTES = 256;
/** The weight of each UTF-16 code unit in a list of keys: up to three bytes, in three copies. */
const KEY_UNIT_BYTES = 9;
/** The most bytes of an encoded query, and UTF-16 code units of the fields of a sort or projection. */
export const MAX_QUERY_BYTES = 1_048_576;
/** The most fields of a query or projection. Each may need a scan of every document. */
export const MAX_FIELDS = 1000;
/** The most steps of a dotted path. Each may need a scan of what the path leads through. */
export const MAX_STEPS = 32;
/** The most fields of a sort. The values of all fields are kept for every document. */
export const MAX_SORT_FIELDS = 32;

/** A LimitExceeded error. `size` and `most` are counts of `unit`. */
export function exceeded(what: string, size: number, most: number, unit = "bytes"): PatchStoreError {
  return new PatchStoreError("LimitExceeded", `${what}: ${size} ${unit}; the limit is ${most}`);
}

/** Throws LimitExceeded above `most`. */
export function within(what: string, size: number, most: number, unit?: string): void {
  if (size > most) throw exceeded(what, size, most, unit);
}

/** Adds up what a call takes. Throws LimitExceeded as soon as the sum exceeds MAX_CALL_BYTES. */
export class Tally {
  readonly #what: string;
  #bytes = 0;
  #items = 0;

  constructor(what: string) {
    this.#what = what;
  }

  /** Counts an item of that many bytes. */
  add(bytes: number): void {
    this.#bytes += bytes + ITEM_BYTES;
    this.#items += 1;
    if (this.#bytes > MAX_CALL_BYTES) {
      throw exceeded(`${this.#what} (${this.#items} items so far, each counted with ${ITEM_BYTES} extra bytes)`, this.#bytes, MAX_CALL_BYTES);
    }
  }

  /** Counts a key of a list of keys. */
  addKey(key: string): void {
    this.add(key.length * KEY_UNIT_BYTES);
  }
}

/** Runs an allocation of about `bytes`. Turns the RangeError that engines throw for a failed one into LimitExceeded. */
export function allocating<T>(bytes: number, take: () => T): T {
  try {
    return take();
  } catch (cause) {
    const message = `there is not enough memory for ${bytes} more bytes`;
    throw new PatchStoreError("LimitExceeded", message, { cause });
  }
}
