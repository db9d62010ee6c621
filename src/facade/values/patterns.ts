import { invalid, type PatchStoreError } from "../base/errors.js";
import { Shape, shapeOf } from "../base/shape.js";

/** Whether a regular expression matches a text. */
export type Pattern = (text: string) => boolean;

/** A query whose regular expressions are taken out: these are run here, everything else is evaluated in wasm. */
export interface Taken {
  readonly query: object;
  readonly patterns: Pattern[] | undefined;
  /** The fields that it asks of, in queries within it too. */
  readonly fields: readonly string[];
}

/** Under this name, a query for wasm has the number of a regular expression in place of the expression. */
const PATTERN = "$\0";
const LOGIC = ["$and", "$or", "$nor"];
/** Wasm refuses queries that are deeper. */
const MAX_DEPTH = 64;

/**
 * Takes the regular expressions out of a query, as it is at the call. Throws InvalidArgument for one that does not compile.
 * @param patterns those of other queries of the same call, to which its own are added
 */
export function takePatterns(query: object, patterns: Pattern[] = []): Taken {
  const taking = new Taking(patterns);
  let taken: object;
  try {
    taken = taking.query(query) as object;
  } catch {
    if (taking.refused !== undefined) throw taking.refused;
    // It throws when it is read: whoever encodes it says where.
    return { query, patterns: undefined, fields: [] };
  }
  return { query: taken, patterns: patterns.length > 0 ? patterns : undefined, fields: taking.fields };
}

/** Whether a query has regular expressions. Throws InvalidArgument for one that does not compile. */
export function hasPatterns(query: unknown): boolean {
  const taking = new Taking([]);
  taking.query(query);
  return taking.patterns.length > 0;
}

class Taking {
  readonly patterns: Pattern[];
  readonly fields: string[] = [];
  /** What it has refused. (What a query throws when it is read may be anything.) */
  refused: PatchStoreError | undefined;
  #depth = 0;

  constructor(patterns: Pattern[]) {
    this.patterns = patterns;
  }

  query(query: unknown): unknown {
    return this.#each(query, (name, value) => {
      if (!name.startsWith("$")) {
        this.fields.push(name);
        return this.#condition(value);
      }
      return LOGIC.includes(name) && Array.isArray(value) ? value.map((each: unknown) => this.query(each)) : value;
    });
  }

  /** What is asked of a field. */
  #condition(value: unknown): unknown {
    if (isRegExp(value)) return this.#pattern(value.source, value.flags);
    return isOperators(value) ? this.#operators(value) : value;
  }

  #operators(operators: object): unknown {
    const { $options } = operators as { $options?: unknown };
    return this.#each(operators, (name, value) => {
      switch (name) {
        case "$regex":
          return this.#regex(value, $options);
        case "$options":
          if (!("$regex" in operators)) this.#refuse("the query's operator $options comes with $regex");
          return undefined;
        case "$not":
          return this.#condition(value);
        case "$elemMatch":
          return isOperators(value) && !LOGIC.some((logic) => logic in value) ? this.#operators(value) : this.query(value);
        default:
          return value;
      }
    });
  }

  #regex(value: unknown, options: unknown): unknown {
    if (options !== undefined && typeof options !== "string") this.#refuse("the query's operator $options takes a string");
    if (isRegExp(value)) return this.#pattern(value.source, options ?? value.flags);
    return typeof value === "string" ? this.#pattern(value, options ?? "") : value;
  }

  #pattern(source: string, flags: string): object {
    let pattern: RegExp;
    try {
      pattern = new RegExp(source, flags);
    } catch (cause) {
      return this.#refuse(`the query's $regex is not a regular expression: ${String(cause)}`);
    }
    const number = this.patterns.push((text) => {
      // With the flags g and y it goes on behind the last match.
      pattern.lastIndex = 0;
      return pattern.test(text);
    });
    return { [PATTERN]: number - 1 };
  }

  #refuse(message: string): never {
    this.refused = invalid(message);
    throw this.refused;
  }

  /** A copy of a plain object with other values; what is none is left to those who check it. */
  #each(object: unknown, change: (name: string, value: unknown) => unknown): unknown {
    if (shapeOf(object) !== Shape.Object || this.#depth > MAX_DEPTH) return object;
    this.#depth += 1;
    const entries = Object.entries(object as object).map(([name, value]) => [name, change(name, value)] as const);
    this.#depth -= 1;
    // ($options is part of the expression now.)
    return Object.fromEntries(entries.filter(([name, value]) => name !== "$options" || value !== undefined));
  }
}

function isRegExp(value: unknown): value is RegExp {
  return Object.prototype.toString.call(value) === "[object RegExp]";
}

function isOperators(value: unknown): value is object {
  return shapeOf(value) === Shape.Object && Object.keys(value as object).some((name) => name.startsWith("$"));
}
