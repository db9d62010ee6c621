import { invalid, isPatchStoreError, PatchStoreError } from "../base/errors.js";
import { MAX_FIELDS, MAX_QUERY_BYTES, within } from "../base/limits.js";
import { describe } from "../base/names.js";
import { Shape, shapeOf } from "../base/shape.js";
import type { Query } from "../base/types.js";
import { paths } from "./find.js";
import { takePatterns, type Pattern } from "./patterns.js";
import { snapshot } from "./values.js";
import type { Snapshot } from "./snapshot.js";

/** A query for wasm, or what else is asked for along with it. */
export type Asked = Snapshot & { patterns?: Pattern[] };

/** A proxy that throws on inspection is refused like any other value that cannot be stored. */
export function readableShapeOf(value: unknown): Shape {
  try {
    return shapeOf(value);
  } catch {
    return Shape.Refused;
  }
}

/** Checks that a query is a plain object of storable values and regular expressions. */
export function queryOf(query: Query | undefined): Asked {
  return query === undefined ? { encoded: "{}" } : takenQuery(query, "query", []).asked;
}

/**
 * The same with the query itself, whose regular expressions are taken out.
 * @param patterns those of other queries of the same call, to which its own are added
 */
export function takenQuery(query: Query, what: string, patterns: Pattern[]): { asked: Asked; plain: object } {
  if (readableShapeOf(query) !== Shape.Object) {
    throw invalid(`${what} must be a plain object, not ${describe(query)}`);
  }
  return refused(what, () => {
    const { query: plain, patterns: taken, fields } = takePatterns(query, patterns);
    const asked: Asked = snapshot(plain);
    if (taken) asked.patterns = taken;
    within(what, asked.encoded.length, MAX_QUERY_BYTES);
    within(what, fields.length, MAX_FIELDS, "fields");
    fields.forEach(paths(what));
    return { asked, plain };
  });
}

/** The result of `take`; what cannot be stored is InvalidArgument, since nothing is to be stored. */
export function refused<T>(what: string, take: () => T): T {
  try {
    return take();
  } catch (error) {
    if (!isPatchStoreError(error) || error.code !== "NotStorable") throw error;
    const { path, cause } = error;
    throw new PatchStoreError("InvalidArgument", `${what}: ${error.message}`, { path, cause });
  }
}
