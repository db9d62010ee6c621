import { abortable, throwIfAborted } from "../base/abort.js";
import type { KvPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { crossing } from "../base/names.js";
import { breath } from "../bridge/pacer.js";
import { rangeOf, type Range } from "../values/ranges.js";
import type { KeyRange } from "../base/types.js";

type Entry<T> = [string, T];

/** What a page weighs among calls. */
const PAGE_WEIGHT = 128;

/** Pages through a range by key: every page is a read of its own, after the last key. */
export function iterate<T>(
  handle: Handle,
  port: KvPort,
  range: KeyRange | undefined,
): AsyncIterableIterator<Entry<T>> {
  handle.check();
  const checked = rangeOf(range);
  return pages<T>(handle, port, checked);
}

/** The first entries of a range, as many as make a page. */
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
    // Taken before the entries are handed out, as whoever gets them may change them.
    const last = entries.at(-1)?.[0];
    if (last === undefined) return;
    for (const entry of entries) {
      throwIfAborted(signal);
      yield entry;
    }
    left -= entries.length;
    await breath(PAGE_WEIGHT);
    // No weaker than the bound that the caller gave: the key was within that.
    if (reverse) lt = crossing(last);
    else gt = crossing(last);
  }
}
