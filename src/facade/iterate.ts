import { abortable, throwIfAborted } from "./abort.js";
import type { KvPort } from "./glue.js";
import type { Handle } from "./handle.js";
import { crossing } from "./names.js";
import { rangeOf, type Range } from "./ranges.js";
import type { KeyRange } from "./types.js";

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
  const { gte, lte, prefix, reverse, signal } = range;
  while (left > 0) {
    throwIfAborted(signal);
    const limit = left;
    const page = (await abortable(
      handle.call(() => port.range(2, prefix, gt, gte, lt, lte, reverse, limit)),
      signal,
    )) as Entry<T>[];
    // Taken before the entries are handed out, as whoever gets them may change them.
    const last = page.at(-1)?.[0];
    if (last === undefined) return;
    for (const entry of page) {
      throwIfAborted(signal);
      yield entry;
    }
    left -= page.length;
    // No weaker than the bound that the caller gave: the key was within that.
    if (reverse) lt = crossing(last);
    else gt = crossing(last);
  }
}
