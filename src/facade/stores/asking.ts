import { MAX_QUERY_BYTES, within } from "../base/limits.js";
import { name } from "../base/names.js";
import type { FindOptions, Query } from "../base/types.js";
import { conditionsOf, findOptionsOf, takesAll, type Condition, type Find } from "../values/find.js";
import { includesOf } from "../values/include.js";
import type { Pattern } from "../values/patterns.js";
import { refused, takenQuery, type Asked } from "../values/query.js";
import { restore, snapshot } from "../values/values.js";
import type { Encoded } from "../values/snapshot.js";
import type { After } from "./ends.js";

/** What one read of a find is to give. */
export interface Part {
  readonly after?: After | undefined;
  readonly skip: number;
  readonly limit: number;
  /** As many documents as make a page, at most. */
  readonly page?: boolean;
  /** Only their ids. */
  readonly ids?: boolean;
}

/** A find whose arguments are checked, and taken as they were at the call. */
export class Asking {
  /** The collection's name, for wasm. */
  readonly collection: string;
  readonly options: Find;
  readonly #patterns: Pattern[] = [];
  readonly #query: Asked;
  #plain: object = {};
  #include: object[] | undefined;

  /** Throws InvalidArgument or LimitExceeded. */
  constructor(collection: string, query: Query | undefined, options: FindOptions | undefined) {
    this.collection = name(collection, "collection name");
    this.options = findOptionsOf(options);
    if (query === undefined) this.#query = { encoded: "{}" };
    else {
      const { asked, plain } = takenQuery(query, "query", this.#patterns);
      this.#query = asked;
      this.#plain = plain;
    }
    const { include } = this.options;
    if (include !== undefined) this.#include = includesOf(include, this.#patterns);
  }

  get patterns(): Pattern[] | undefined {
    return this.#patterns.length > 0 ? this.#patterns : undefined;
  }

  /** Whether it is for whole documents in the order of insertion, without a limit. */
  get isWhole(): boolean {
    return takesAll(this.options);
  }

  /** Whether it is for all documents. */
  get isAll(): boolean {
    return this.#query.encoded === "{}";
  }

  /** The conditions, if copies can decide them. */
  get conditions(): readonly Condition[] | undefined {
    const { gaps, patterns, encoded } = this.#query;
    return gaps === undefined && patterns === undefined ? conditionsOf(encoded) : undefined;
  }

  /** What wasm is asked for a part, and whether that is more than the query. */
  asked({ after, page, ids }: Part): { readonly asked: Asked; readonly wide: boolean } {
    const include = ids ? undefined : this.#include;
    if (!after && !page && !include) return { asked: this.#query, wide: false };
    const asked = refused("a find", () =>
      snapshot({ query: this.#plain, ...(after && { after }), ...(page && { page }), ...(include && { include }) }),
    );
    // The sort values of a document have their own limits.
    if (!after) within("a find", asked.encoded.length, MAX_QUERY_BYTES);
    return { asked, wide: true };
  }

  /** The sort, the bounds and the fields of a part, for wasm; undefined where nothing is asked of these. */
  parts({ skip, limit, ids }: Part): Encoded | undefined {
    const { sort, descending } = this.options;
    const fields = ids ? [] : this.options.fields;
    const parts = {
      ...(sort.length > 0 && { sort: sort.flatMap((path, at) => [path, descending[at] === 1]) }),
      ...(skip > 0 && { skip }),
      ...(limit !== Infinity && { limit }),
      ...(fields && { fields }),
    };
    return Object.keys(parts).length > 0 ? snapshot(parts).encoded : undefined;
  }

  /** Later parts are of what is asked now, whatever becomes of the objects that it was given in. */
  keep(): this {
    const kept = refused("a find", () => snapshot({ query: this.#plain, include: this.#include ?? [] }));
    // (One with Blobs is left as it is: they do not change.)
    if (kept.gaps === undefined) {
      const { query, include } = restore(kept.encoded) as { query: object; include: object[] };
      this.#plain = query;
      if (this.#include) this.#include = include;
    }
    return this;
  }
}
