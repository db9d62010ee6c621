import { invalid } from "../base/errors.js";
import type { KvPort } from "./glue.js";
import type { Handle } from "./handle.js";
import { ITEM_BYTES, MAX_CALL_BYTES, Tally, within } from "../base/limits.js";
import { describe, key } from "../base/names.js";
import { nextTask } from "../base/task.js";

/** The most keys that cross into wasm at once. A longer list crosses in slices of this size. */
const SLICE_KEYS = 2000;

type KvBatchPort = ReturnType<KvPort["batch"]>;

/** What to do with the keys: with a short list, or with a batch that a long one was pushed to. */
interface Use<T> {
  short(port: KvPort, keys: string[]): T | Promise<T>;
  long(batch: KvBatchPort): T | Promise<T>;
}

/** Checks a list of keys and passes it to wasm, as it is at the call. */
export function sendKeys<T>(handle: Handle, port: KvPort, keys: unknown, use: Use<T>): T | Promise<T> {
  const list = new KeyList(keys);
  const first = list.next();
  if (list.isAtEnd) return handle.call(() => use.short(port, first));
  const batch = handle.now(() => port.batch());
  const ready = pushAll(handle, batch, first, list);
  ready.catch(() => batch.free());
  return handle.hold(ready, () => use.long(batch));
}

async function pushAll(handle: Handle, batch: KvBatchPort, first: string[], list: KeyList): Promise<void> {
  for (let slice = first; slice.length > 0; slice = list.next()) {
    handle.now(() => batch.pushKeys(slice));
    await nextTask();
  }
}

class KeyList {
  readonly #keys: readonly unknown[];
  readonly #tally = new Tally("a list of keys takes");
  #at = 0;

  constructor(keys: unknown) {
    if (!Array.isArray(keys)) throw invalid(`keys must be an array, not ${describe(keys)}`);
    // Check the length before copying: a proxy may claim any length.
    within("a list of keys (at least)", keys.length * ITEM_BYTES, MAX_CALL_BYTES);
    this.#keys = keys.length > SLICE_KEYS ? Array.prototype.slice.call(keys) : keys;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#keys.length;
  }

  /** The next slice of keys, encoded for wasm. */
  next(): string[] {
    const out: string[] = [];
    for (; out.length < SLICE_KEYS && !this.isAtEnd; this.#at++) {
      const each = key(this.#keys[this.#at], `keys[${this.#at}]`);
      this.#tally.addKey(each);
      out.push(each);
    }
    return out;
  }
}
