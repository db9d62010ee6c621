import type { PatchStoreError } from "./errors.js";
import type { Query } from "./query.js";
import type { StandardSchemaV1 } from "./standard-schema.js";

/** `{node}` is unnamed and private to that node, `{name}` is shared. The two never collide. */
export type Scope = { node: string } | { name: string };

/**
 * What can be stored: null, boolean, number (NaN, ±Infinity and -0 kept), bigint, string
 * (lone surrogates kept), Date, ArrayBuffer, every typed array, DataView, Blob, File, Map, Set,
 * {@link BlobRef}, arrays (holes become undefined) and plain objects of these, `undefined` inside them kept.
 * A call stores the value as it was at the moment of the call; a read returns a fresh copy. Anything
 * else is refused with code NotStorable and the path of the offending value; so are instances of
 * subclasses of these, which would come back as something else. Symbol-keyed properties, and
 * properties of arrays other than their elements, are left out, as in JSON. A value that takes more than
 * 256 MiB, encoded, is LimitExceeded, as is one for whose copies there is not enough memory.
 *
 * In a path, the n-th member of a Set is `[n]`, the n-th key of a Map `[n][0]`, its value `[n][1]`.
 */
export type Storable = unknown;

export interface KV {
  /** undefined when absent. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** `ttl` in milliseconds, finite and above 0: after it the key reads as absent. Without it, an earlier one is
   *  removed; `update` keeps it. */
  set(key: string, value: Storable, options?: Expiry): Promise<void>;
  /** True when it existed. */
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  /** In ascending order of UTF-16 code units, as by `Array.prototype.sort`. */
  keys(range?: KeyRange): Promise<string[]>;
  /** LimitExceeded when the result takes more than 512 MiB (with 32 bytes added for each item), as for all
   *  calls: `limit` and {@link iterate} read it in parts. */
  entries<T = unknown>(range?: KeyRange): Promise<[string, T][]>;
  /** Pages through a range in key order without holding all of it in memory. */
  iterate<T = unknown>(range?: KeyRange): AsyncIterableIterator<[string, T]>;
  /** LimitExceeded above two million keys. */
  getMany<T = unknown>(keys: string[]): Promise<(T | undefined)[]>;
  /** All or nothing. LimitExceeded when all of it takes more than 512 MiB, with 256 bytes added for each item:
   *  at most two million items. Above 1 000 items or 1 MiB the iterable is read in slices while the call
   *  runs: leave its values unchanged until the promise settles. */
  setMany(entries: Iterable<readonly [string, Storable] | readonly [string, Storable, Expiry]>): Promise<void>;
  deleteMany(keys: string[]): Promise<number>;
  /** Atomic read-modify-write, also across tabs; `undefined` deletes. `change` is synchronous
   *  and may be run again. Returns the new value. */
  update<T = unknown>(
    key: string,
    change: (old: T | undefined) => T | undefined,
  ): Promise<T | undefined>;
  clear(): Promise<void>;
  count(range?: KeyRange): Promise<number>;
  /** Calls `listener` with the new value after each commit (of any tab) that changed it, and within a second of its
   *  expiry. Returns a function that unsubscribes. */
  watch<T = unknown>(key: string, listener: (value: T | undefined) => void): () => void;
  /** The named store of that name, whatever this one is. */
  store(name: string): KV;
}

/** Milliseconds from now, or since the epoch; one of them. An `expires` in the past stores nothing and removes what was
 *  there. The first use makes the patch one that older versions of this library cannot open. */
export type Expiry = { ttl?: number } | { expires?: number };

/** Bounds and prefix are combined; an empty or inverted range matches nothing. */
export interface KeyRange {
  prefix?: string;
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
  reverse?: boolean;
  limit?: number;
  signal?: AbortSignal;
}

export type Doc = { _id: string; _created: number; _updated: number } & Record<string, any>;

export interface DB {
  /** Generates `_id` (21 characters) unless given; sets `_created` and `_updated`
   *  (milliseconds since the epoch). */
  insert(collection: string, doc: object): Promise<string>;
  /** All or nothing; with the limits of {@link KV.setMany}, and read in slices like it. `keepTimes`: with the `_created` and `_updated` that the
   *  documents give, whole numbers of milliseconds from 0 on; what one does not give is set. */
  insertMany(collection: string, docs: Iterable<object>, options?: { keepTimes?: boolean }): Promise<string[]>;
  /** What matches `query`; a path in it has at most 32 steps. In order of insertion, unless sorted. LimitExceeded for a query of more
   *  than 1 000 fields or 1 MiB, for a result of more than 512 MiB, and when more than that must be sorted. */
  find<T = Doc>(collection: string, query?: Query, options?: FindOptions): Promise<T[]>;
  /** By id, or the first that matches a query; null when none. */
  findOne<T = Doc>(collection: string, idOrQuery: string | Query, options?: FindOptions): Promise<T | null>;
  /** Pages through what {@link find} would give, without holding all of it in memory. A document that is there throughout comes
   *  once, sorted unless its sort fields change meanwhile. Each page is of one moment: about 1 MiB of documents, or, sorted, as
   *  many as fit into 8 MiB, for which all of the collection is gone through. */
  iterate<T = Doc>(collection: string, query?: Query, options?: FindOptions): AsyncIterableIterator<T>;
  /** Shallow merge; `_id`, `_created` and `_updated` in `changes` are ignored. False when
   *  absent. */
  update(collection: string, id: string, changes: object, options?: UpdateOptions): Promise<boolean>;
  replace(collection: string, id: string, doc: object): Promise<boolean>;
  /** Atomic read-modify-write, also across tabs. `change` is synchronous and may be run again; it gets a fresh copy (null when absent),
   *  and returns the document, or undefined to delete it or to leave it absent. `_id` and `_created` stay as they are, `_updated` is set. Returns
   *  the new document, or null. */
  modify<T = Doc>(collection: string, id: string, change: (doc: T | null) => object | undefined): Promise<T | null>;
  /** Inserts a document, or merges it into the one that has the same `_id` or, with `on`, the same values in the fields of a unique index (no such
   *  index: InvalidArgument; a field that is absent or null: it inserts). */
  upsert(collection: string, doc: object, options?: UpsertOptions): Promise<{ id: string; inserted: boolean }>;
  /** {@link DB.update} of all documents that match, in one commit; how many. LimitExceeded above two million, or when what they become takes more
   *  than 512 MiB. */
  updateMany(collection: string, query: Query, changes: object, options?: UpdateOptions): Promise<number>;
  /** Deletes all documents that match, in one commit; how many. */
  deleteMany(collection: string, query: Query): Promise<number>;
  delete(collection: string, id: string): Promise<boolean>;
  count(collection: string, query?: Query): Promise<number>;
  /**
   * A live query: called with the whole result at first (all `added`), in a later task, and again after every commit (of any
   * tab) that changes it as it is handed out, and for no other. Committed state only; under load several commits may be told as one. Of two
   * results the later is never of an earlier state. The objects are the listener's own; those of `added` and
   * `changed` are the same as in `docs`, those of `removed` are as they were. A listener that throws stops nobody. `onError` hears what
   * ends the watch: an error of the query (what `find` would reject with), or that the patch was closed; not what ends it by the caller's will, the
   * returned function and the signal. Without `onError` an error goes to the page's error handler. What was told last is
   * kept in memory. `include` is told of, too; each write of a collection that it attaches has the query run. `after` stands
   * for the place that its document has when the watch begins or, where that is not committed yet, takes when it is: the first result comes then. A transaction
   * is InvalidArgument.
   */
  watch<T = Doc>(collection: string, query: Query, listener: WatchListener<T>, options?: WatchOptions): () => void;
  /** The different values of a field (a dotted path too) in the documents that match, ascending as by {@link FindOptions.sort}. Of values
   *  that are equal as in a query, the earliest document's; absent and undefined are none. LimitExceeded for a value of more than
   *  256 KiB, and when they take more than 512 MiB, with 256 bytes added for each. */
  distinct(collection: string, field: string, query?: Query): Promise<unknown[]>;
  /** How a query would run. */
  explain(collection: string, query?: Query, options?: FindOptions): Promise<Plan>;
  /** Makes an index over one field or several (dotted paths, too) of what is there; usable by every tab when the promise resolves. One that is
   *  there already is left as it is; one over the same fields with other options is replaced. A kill leaves it whole or absent. ConstraintViolation with
   *  `ids` of two documents where `unique` does not hold; LimitExceeded above 8 fields, or 64 indexes of the collection. */
  createIndex(collection: string, fields: string | string[], options?: CreateIndexOptions): Promise<void>;
  /** Whether there was one over these fields, in this order. */
  dropIndex(collection: string, fields: string | string[]): Promise<boolean>;
  indexes(collection: string): Promise<IndexInfo[]>;
  /** Declares what every tab keeps to from now on, whatever it declares itself, in place of what was declared before; the same again changes nothing.
   *  ConstraintViolation where the documents that are there do not fit, and nothing has changed. */
  define(collection: string, definition: CollectionDefinition, options?: BuildOptions): Promise<void>;
  /** Removes the collection, its documents, its indexes and its definition. */
  drop(collection: string): Promise<void>;
  collections(): Promise<string[]>;
  /**
   * The same on one collection, typed. `schema` (zod, valibot, arktype, and whatever else keeps to Standard Schema) validates what this handle writes, before
   * it is written; its output is stored. It sees a copy of the whole document that would be stored, without `_id`, `_created` and `_updated`. What it
   * finds wrong is ConstraintViolation with `issues`. For modify, update, upsert and updateMany it runs inside of the atomic work, again with each run,
   * and an answer that is a promise is InvalidArgument; insert, insertMany and replace await it, and later calls wait behind them.
   */
  collection<T extends object = Record<string, any>>(
    name: string,
    options?: { schema?: StandardSchemaV1<any, T> },
  ): Collection<T>;
  /** The named store of that name, whatever this one is. */
  store(name: string): DB;
}

export type Stored<T> = T & { _id: string; _created: number; _updated: number };

export interface UpdateOptions {
  /** Own fields to be taken away, also where the changes have them; never `_id`, `_created` or `_updated`. LimitExceeded above 1 000. */
  unset?: string[];
}

export interface UpsertOptions {
  /** The fields of a unique index, in any order. */
  on?: string | string[];
}

/** All of {@link DB} that concerns one collection. */
export interface Collection<T extends object> {
  insert(doc: T & { _id?: string }): Promise<string>;
  insertMany(docs: Iterable<T & { _id?: string }>, options?: { keepTimes?: boolean }): Promise<string[]>;
  find(query?: Query<T>, options?: FindOptions): Promise<Stored<T>[]>;
  findOne(idOrQuery: string | Query<T>, options?: FindOptions): Promise<Stored<T> | null>;
  iterate(query?: Query<T>, options?: FindOptions): AsyncIterableIterator<Stored<T>>;
  update(id: string, changes: Partial<T>, options?: UpdateOptions): Promise<boolean>;
  replace(id: string, doc: T): Promise<boolean>;
  modify(id: string, change: (doc: Stored<T> | null) => object | undefined): Promise<Stored<T> | null>;
  upsert(doc: T & { _id?: string }, options?: UpsertOptions): Promise<{ id: string; inserted: boolean }>;
  updateMany(query: Query<T>, changes: Partial<T>, options?: UpdateOptions): Promise<number>;
  deleteMany(query: Query<T>): Promise<number>;
  delete(id: string): Promise<boolean>;
  count(query?: Query<T>): Promise<number>;
  /** See {@link DB.watch}. */
  watch(query: Query<T>, listener: WatchListener<Stored<T>>, options?: WatchOptions): () => void;
  distinct(field: string, query?: Query<T>): Promise<unknown[]>;
  explain(query?: Query<T>, options?: FindOptions): Promise<Plan>;
  /** See {@link DB.createIndex}. */
  createIndex(fields: string | string[], options?: CreateIndexOptions): Promise<void>;
  dropIndex(fields: string | string[]): Promise<boolean>;
  indexes(): Promise<IndexInfo[]>;
  /** See {@link DB.define}. */
  define(definition: CollectionDefinition, options?: BuildOptions): Promise<void>;
  drop(): Promise<void>;
}

/** Hears the result of a live query, and how it differs from the one before. */
export type WatchListener<T> = (docs: T[], change: { added: T[]; changed: T[]; removed: T[] }) => void;

export interface FindOptions {
  /** Ties keep insertion order. Values of different types sort as: undefined, null, boolean,
   *  number and bigint, string, Date, bytes, array, object. LimitExceeded above 32 fields, or when one of them
   *  takes more than 256 KiB, itself or (a list or an object, in which a number counts 11 bytes) as a key, in a document that matches; by an index that has the order, in one that is
   *  come to. */
  sort?: Record<string, 1 | -1> | [field: string, direction: 1 | -1][];
  skip?: number;
  /** 0 gives none. */
  limit?: number;
  /** The last document of a result, as it was handed out, under the same query and sort: goes on behind it, also where it is gone by now.
   *  Unsorted, that takes no longer the more lies before it. Any other object stands for its sort values and the place of the
   *  document with its `_id`; without such, InvalidArgument. `skip` counts behind it. */
  after?: object;
  /** Only these fields; `_id` is always included. LimitExceeded above 1 000 of them. */
  fields?: string[];
  /** Attaches to each document what belongs to it, of the same moment, in place of a field of that name (but `_id`). LimitExceeded above 32
   *  includes in all, 8 levels of them, or 512 MiB of documents. */
  include?: Record<string, Include>;
  signal?: AbortSignal;
}

/** `signal` ends the watch. */
export type WatchOptions = FindOptions & { onError?: (error: PatchStoreError) => void };

/** Documents of another collection of the same store, or of this one. */
export interface Include {
  collection: string;
  /** The field here and the field there that must be equal, as in a query; null and absent match nothing. LimitExceeded for one here of
   *  more than 256 KiB. Each "_id" unless given: then they are looked up; else all of that collection is gone through, once. */
  local?: string;
  foreign?: string;
  /** One document or null, instead of a list. */
  one?: boolean;
  /** What else must hold. */
  query?: Query;
  /** Sort, limit and fields are those of what belongs to one document. */
  sort?: FindOptions["sort"];
  limit?: number;
  fields?: string[];
  include?: Record<string, Include>;
}

export interface IndexOptions {
  /** No two documents may have the same values. Documents in which any of the fields is absent or null never collide. */
  unique?: boolean;
  /** One entry for each element of an array (of the first field that has one); serves $contains, $all and $elemMatch on plain values. */
  multi?: boolean;
}

export interface BuildOptions {
  /** Told how many documents were looked at so far, where there are more than 2 000 or 1 MiB of them: it takes several commits then. Not over ports. */
  onProgress?: (documents: number) => void;
}

export interface CreateIndexOptions extends IndexOptions, BuildOptions {}

/** An index that somebody has asked for. */
export interface IndexInfo {
  fields: string[];
  unique: boolean;
  multi: boolean;
}

export interface CollectionDefinition {
  /** As {@link DB.createIndex} makes them. */
  indexes?: ({ fields: string | string[] } & IndexOptions)[];
  /** Fields that name documents of another collection of the same store, or of this one: a value that is there and not null must be the `_id` of one, or
   *  the write is ConstraintViolation. `onDelete` says what becomes of the documents that refer to one that goes, in the same commit: they go, too, the
   *  field becomes null, or (the default) the deletion is ConstraintViolation. */
  references?: Record<string, { collection: string; onDelete?: "cascade" | "set-null" | "restrict" }>;
  /** Fields numbered from 1 by the engine at insertion, ascending, without gaps left by failed commits and without reuse, on their own for each value of
   *  `per`. A positive integer that is given is kept and moves the counter; updates leave such fields alone. */
  sequences?: Record<string, { per?: string }>;
}

/** How a query runs: "id", by the ids that it names; "index", over one; "scan", through all of the collection. An index serves whenever its first
 *  field has equality, $in, a range or $startsWith, or where it gives the order; counts choose among several. */
export interface Plan {
  kind: "id" | "index" | "scan";
  index?: string[];
  /** Whether the index gives the order, too. */
  ordered?: boolean;
}
