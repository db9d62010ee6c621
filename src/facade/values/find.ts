import { equalTo } from "./copy.js";
import { invalid } from "../base/errors.js";
import { MAX_FIELDS, MAX_QUERY_BYTES, MAX_SORT_FIELDS, MAX_STEPS, within } from "../base/limits.js";
import { describe } from "../base/names.js";
import { known, signalOf, whole } from "../base/options.js";
import type { FindOptions } from "../base/types.js";
import { restore } from "./values.js";
import type { Encoded } from "./snapshot.js";

/** The checked options of a find. */
export interface Find {
  /** The paths to sort by; `descending` holds a 1 for each that descends. */
  readonly sort: string[];
  readonly descending: Uint8Array;
  readonly skip: number;
  readonly limit: number;
  readonly fields: string[] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly after: object | undefined;
  /** Not checked yet. */
  readonly include: unknown;
}

const NAMES = ["sort", "skip", "limit", "fields", "signal", "after", "include"] as const;

export function findOptionsOf(options: FindOptions | undefined): Find {
  const given = known("options", options, NAMES);
  const sort = sortOf(given.sort, "options.sort");
  return {
    sort: sort.map(([field]) => field),
    descending: Uint8Array.from(sort, ([, direction]) => (direction === -1 ? 1 : 0)),
    skip: finite(whole("options.skip", given.skip, 0)),
    limit: whole("options.limit", given.limit, Infinity),
    fields: fieldsOf(given.fields, "options.fields"),
    signal: signalOf("options.signal", given.signal),
    after: afterOf(given.after),
    include: given.include,
  };
}

function afterOf(after: unknown): object | undefined {
  if (after === undefined || (typeof after === "object" && after !== null)) return after;
  throw invalid(`options.after must be a document, not ${describe(after)}`);
}

/** Whether the result is every matching document, complete and in insertion order. */
export function takesAll({ sort, skip, limit, fields, after, include }: Find): boolean {
  return sort.length === 0 && skip === 0 && limit === Infinity && fields === undefined && after === undefined && include === undefined;
}

const MAX_CONDITIONS = 8;

/** A property and a predicate for its value. */
export type Condition = readonly [name: string, is: (value: unknown) => boolean];

/**
 * The conditions of an encoded query that only compares own properties for equality; undefined for any other query.
 * (0 and -0 may count as equal, so a query for zero is left to wasm.)
 */
export function conditionsOf(query: Encoded): readonly Condition[] | undefined {
  const conditions: Condition[] = [];
  if (query === "{}") return conditions;
  const fields = Object.entries(restore(query) as Record<string, unknown>);
  // Each condition is tested on every copy without yielding.
  if (fields.length > MAX_CONDITIONS) return undefined;
  for (const [name, value] of fields) {
    const is = name.includes(".") || name.startsWith("$") ? undefined : equalTo(value);
    if (is === undefined) return undefined;
    conditions.push([name, is]);
  }
  return conditions;
}

function finite(skip: number): number {
  if (skip === Infinity) throw invalid("options.skip must be finite");
  return skip;
}

/** Checks a sort. `what` names it in errors. */
export function sortOf(sort: unknown, what: string): [string, 1 | -1][] {
  if (sort === undefined) return [];
  if (typeof sort !== "object" || sort === null) {
    throw invalid(`${what} must be an object or a list of pairs, not ${describe(sort)}`);
  }
  const pairs: unknown[] = Array.isArray(sort) ? sort : Object.entries(sort);
  within(what, pairs.length, MAX_SORT_FIELDS, "fields");
  const path = paths(what);
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== "string") {
      throw invalid(`${what} must contain [field, direction] pairs`);
    }
    const [field, direction] = pair as [string, unknown];
    if (direction !== 1 && direction !== -1) {
      throw invalid(`${what}: the direction of ${JSON.stringify(field)} must be 1 or -1`);
    }
    return [path(field), direction];
  });
}

/** Checks the fields of a projection. */
export function fieldsOf(fields: unknown, what: string): string[] | undefined {
  if (fields === undefined) return undefined;
  if (!Array.isArray(fields)) {
    throw invalid(`${what} must be an array, not ${describe(fields)}`);
  }
  within(what, fields.length, MAX_FIELDS, "fields");
  const path = paths(what);
  return fields.map((field: unknown) => {
    if (typeof field === "string") return path(field);
    throw invalid(`${what} must contain strings, not ${describe(field)}`);
  });
}

/** Returns a check for the fields of one list, which may be dotted paths. It counts their total length. */
export function paths(what: string): (field: string) => string {
  let units = 0;
  return (field) => {
    within(what, (units += field.length), MAX_QUERY_BYTES, "units");
    let steps = 1;
    for (let at = field.indexOf("."); at >= 0; at = field.indexOf(".", at + 1)) steps += 1;
    within(`a path of ${what}`, steps, MAX_STEPS, "steps");
    return field;
  };
}
