import { key } from "../base/names.js";
import { bool, known, signalOf, whole } from "../base/options.js";
import type { KeyRange } from "../base/types.js";

/** A checked range, its strings encoded for wasm by `crossing`. */
export interface Range {
  readonly prefix: string | undefined;
  readonly gt: string | undefined;
  readonly gte: string | undefined;
  readonly lt: string | undefined;
  readonly lte: string | undefined;
  readonly reverse: boolean;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

const NAMES = ["prefix", "gt", "gte", "lt", "lte", "reverse", "limit", "signal"] as const;

/** Checks a bound before it is copied. A bound need not be an existing key. */
function bound(what: string, value: unknown): string | undefined {
  return value === undefined ? undefined : key(value, what);
}

export function rangeOf(range: KeyRange | undefined): Range {
  const given = known("range", range, NAMES);
  return {
    prefix: bound("range.prefix", given.prefix),
    gt: bound("range.gt", given.gt),
    gte: bound("range.gte", given.gte),
    lt: bound("range.lt", given.lt),
    lte: bound("range.lte", given.lte),
    reverse: bool("range.reverse", given.reverse),
    limit: whole("range.limit", given.limit, Infinity),
    signal: signalOf("range.signal", given.signal),
  };
}
