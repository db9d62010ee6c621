import { crossing, describe } from "./names.js";
import { invalid } from "./errors.js";
import { bool, known, signalOf, whole } from "./options.js";
import type { KeyRange } from "./types.js";

/** A checked range, its strings ready to cross. */
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

/** Bounds need not be keys: any string will do, of any length. */
function bound(what: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw invalid(`${what} must be a string, not ${describe(value)}`);
  return crossing(value);
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
