import { PatchStoreError } from "./errors.js";

/**
 * How much one call may take. All of it is weighed before memory is taken for it: in wasm, and in a page, running
 * out of memory ends everything. The first three are those of `src/limits.rs`, where the reasons stand.
 */

/** Bytes of one stored value. */
export const MAX_VALUE_BYTES = 268_435_456;
/** Bytes of all that one call or one transaction writes, and of what one call hands out. */
export const MAX_CALL_BYTES = 536_870_912;
/** What each item of a call weighs beside its bytes. */
export const ITEM_BYTES = 256;
/** In a list of keys, what each unit weighs: up to three bytes, in three copies. */
const KEY_UNIT_BYTES = 9;
/** Bytes of a query, encoded; and UTF-16 code units of the fields of a sort or a projection. */
export const MAX_QUERY_BYTES = 1_048_576;
/** Fields of a query, or of a projection: each document may have to be gone through for each. */
export const MAX_FIELDS = 1000;
/** Steps of a dotted path: what it leads through may have to be gone through at each. */
export const MAX_STEPS = 32;
/** Fields of a sort: each is kept of each document. */
export const MAX_SORT_FIELDS = 32;

/** What is too much; `size` and `most` count what `unit` says. */
export function exceeded(what: string, size: number, most: number, unit = "bytes"): PatchStoreError {
  return new PatchStoreError("LimitExceeded", `${what}: ${size} ${unit}; the limit is ${most}`);
}

/** Throws LimitExceeded above `most`. */
export function within(what: string, size: number, most: number, unit?: string): void {
  if (size > most) throw exceeded(what, size, most, unit);
}

/** Sums up what a call takes; throws LimitExceeded as soon as that is too much. */
export class Tally {
  readonly #what: string;
  #bytes = 0;
  #items = 0;

  constructor(what: string) {
    this.#what = what;
  }

  /** One more item, of that many bytes. */
  add(bytes: number): void {
    this.#bytes += bytes + ITEM_BYTES;
    this.#items += 1;
    if (this.#bytes > MAX_CALL_BYTES) {
      throw exceeded(`${this.#what} (${this.#items} items so far, each counted with ${ITEM_BYTES} extra bytes)`, this.#bytes, MAX_CALL_BYTES);
    }
  }

  /** One more key of a list of keys. */
  addKey(key: string): void {
    this.add(key.length * KEY_UNIT_BYTES);
  }
}

/** Runs what takes memory in proportion to `bytes`; where that cannot be had, engines throw a RangeError. */
export function allocating<T>(bytes: number, take: () => T): T {
  try {
    return take();
  } catch (cause) {
    const message = `there is not enough memory for ${bytes} more bytes`;
    throw new PatchStoreError("LimitExceeded", message, { cause });
  }
}
