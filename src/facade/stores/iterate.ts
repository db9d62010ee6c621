import { abortable, throwIfAborted } from "../base/abort.js";
import type { KvPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { crossing } from "../base/names.js";
import { breath } from "../bridge/pacer.js";
import { rangeOf, type Range } from "../values/ranges.js";
import type { KeyRange } from "../base/types.js";

type Entry<T> = [string, T];

/** How much one page counts towards {@link breath}; a call counts 1. */
const PAGE_WEIGHT = 128;

/** Pages through a range by key. Each page is a separate read that starts after the last key. */
export function iterate<T>(
  handle: Handle,
  port: KvPort,
  range: KeyRange | undefined,
): AsyncIterableIterator<Entry<T>> {
  handle.check();
  const checked = rangeOf(range);
  return pages<T>(handle, port, checked);
}

/** The first page of a range's entries. */
export function page<T>(handle: Handle, port: KvPort, range: Range): Entry<T>[] | Promise<Entry<T>[]> {
  const { prefix, gt, gte, lt, lte, reverse, limit } = range;
  return handle.call(() => port.range(2, prefix, gt, gte, lt, lte, reverse, limit)) as Entry<T>[];
}

async function* pages<T>(
  handle: Handle,
  port: KvPort,
  range: Range,
): AsyncGenerator<Entry<T>, void, undefined> {
  let { gt, lt } = range;
  let left = range.limit;
  const { reverse, signal } = range;
  while (left > 0) {
    throwIfAborted(signal);
    const entries = await abortable(page<T>(handle, port, { ...range, gt, lt, limit: left }), signal);
    // Read the last key before yielding: the consumer may change the entries.
    const last = entries.at(-1)?.[0];
    if (last === undefined) return;
    for (const entry of entries) {
      throwIfAborted(signal);
      yield entry;
    }
    left -= entries.length;
    await breath(PAGE_WEIGHT);
    // Never weaker than the caller's bound: the key is within it.
    if (reverse) lt = crossing(last);
    else gt = crossing(last);
  }
}
