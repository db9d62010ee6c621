import { abortable, throwIfAborted } from "./abort.js";
import type { KvPort } from "./glue.js";
import type { Handle } from "./handle.js";
import { crossing } from "./names.js";
import { rangeOf, type Range } from "./ranges.js";
import type { KeyRange } from "./types.js";

/** What one page holds at most; a page ends early when its values are large. */
const PAGE_ITEMS = 256;

type Entry<T> = [string, T];

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

async function* pages<T>(
  handle: Handle,
  port: KvPort,
  range: Range,
): AsyncGenerator<Entry<T>, void, undefined> {
  let { gt, lt } = range;
  let left = range.limit;
  while (left > 0) {
    throwIfAborted(range.signal);
    const limit = Math.min(left, PAGE_ITEMS);
    const { gte, lte, prefix, reverse, signal } = range;
    const [page, end] = (await abortable(
      handle.call(() => port.page(prefix, gt, gte, lt, lte, reverse, limit)),
      signal,
    )) as [Entry<T>[], boolean];
    for (const entry of page) {
      throwIfAborted(signal);
      yield entry;
    }
    const last = page.at(-1);
    if (end || last === undefined) return;
    left -= page.length;
    // The bounds that the caller gave hold on: they intersect with these in wasm.
    if (reverse) lt = crossing(last[0]);
    else gt = crossing(last[0]);
  }
}
