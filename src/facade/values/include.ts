import { invalid } from "../base/errors.js";
import { exceeded } from "../base/limits.js";
import { describe, key, name } from "../base/names.js";
import { bool, known, whole } from "../base/options.js";
import type { Include } from "../base/types.js";
import { fieldsOf, paths, sortOf } from "./find.js";
import { hasPatterns, type Pattern } from "./patterns.js";
import { takenQuery } from "./query.js";

/** Includes of a find, those within includes among them. Each goes through a collection. */
const MAX_INCLUDES = 32;
/** Includes within includes. */
const MAX_DEPTH = 8;

const NAMES = ["collection", "local", "foreign", "one", "query", "sort", "limit", "fields", "include"] as const;

/** Checks what is to be included, and gives it in the form that wasm takes. Throws InvalidArgument or LimitExceeded.
 *  @param patterns to which the regular expressions of its queries are added */
export function includesOf(include: unknown, patterns: Pattern[]): object[] {
  return new Checking(patterns).all(include, "options.include");
}

class Checking {
  readonly #patterns: Pattern[];
  #count = 0;
  #depth = 0;

  constructor(patterns: Pattern[]) {
    this.#patterns = patterns;
  }

  all(include: unknown, what: string): object[] {
    if (typeof include !== "object" || include === null || Array.isArray(include)) {
      throw invalid(`${what} must be an object, not ${describe(include)}`);
    }
    if (this.#depth >= MAX_DEPTH) throw exceeded(what, this.#depth + 1, MAX_DEPTH, "levels");
    this.#depth += 1;
    const all = Object.entries(include).map(([field, each]) => {
      if (++this.#count > MAX_INCLUDES) throw exceeded("options.include", this.#count, MAX_INCLUDES, "includes");
      key(field, `a field of ${what}`);
      if (field === "_id") throw invalid(`${what} cannot take the place of _id`);
      return this.#one(field, each, `${what}.${field}`);
    });
    this.#depth -= 1;
    return all;
  }

  #one(field: string, include: unknown, what: string): object {
    if (include === undefined) throw invalid(`${what} must be an object, not undefined`);
    const given = known<Include>(what, include as Include, NAMES);
    name(given.collection, `${what}.collection`);
    const { collection, query, limit } = given;
    const sort = sortOf(given.sort, `${what}.sort`);
    const most = whole(`${what}.limit`, limit, Infinity);
    const fields = fieldsOf(given.fields, `${what}.fields`);
    return {
      name: field,
      collection,
      local: pathOf(given.local, `${what}.local`),
      foreign: pathOf(given.foreign, `${what}.foreign`),
      one: bool(`${what}.one`, given.one),
      ...(query !== undefined && { query: takenQuery(query, `${what}.query`, this.#patterns).plain }),
      ...(sort.length > 0 && { sort: sort.flatMap(([path, direction]) => [path, direction === -1]) }),
      ...(most !== Infinity && { limit: most }),
      ...(fields && { fields }),
      ...(given.include !== undefined && { include: this.all(given.include, `${what}.include`) }),
    };
  }
}

function pathOf(path: unknown, what: string): string {
  if (path === undefined) return "_id";
  if (typeof path !== "string") throw invalid(`${what} must be a string, not ${describe(path)}`);
  return paths(what)(path);
}

/** Whether a find's options have regular expressions; those that are malformed or too deep are left to {@link includesOf}. */
export function includesPatterns(options: unknown, depth = 0): boolean {
  const include = (options as { include?: unknown } | null | undefined)?.include;
  if (typeof include !== "object" || include === null || depth > MAX_DEPTH) return false;
  return Object.values(include).some((each) => hasPatterns((each as Include | null)?.query) || includesPatterns(each, depth + 1));
}
