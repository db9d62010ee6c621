/** `{node}` is unnamed and private to that node, `{name}` is shared. The two never collide. */
export type Scope = { node: string } | { name: string };

/**
 * What can be stored: null, boolean, number (NaN, ±Infinity and -0 kept), bigint, string
 * (lone surrogates kept), Date, ArrayBuffer, every typed array, DataView, Blob, File, Map, Set,
 * arrays (holes become undefined) and plain objects of these, `undefined` inside them kept.
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
  /** All or nothing; with the limits of {@link KV.setMany}, and read in slices like it. */
  insertMany(collection: string, docs: Iterable<object>): Promise<string[]>;
  /** Every field of `query` must equal the document's, deeply; dotted paths reach into objects
   *  and array positions, with at most 32 steps. In order of insertion, unless sorted. LimitExceeded for a query of more
   *  than 1 000 fields or 1 MiB, for a result of more than 512 MiB, and when more than that must be sorted. */
  find<T = Doc>(collection: string, query?: Query, options?: FindOptions): Promise<T[]>;
  /** By id, or the first that matches a query; null when none. */
  findOne<T = Doc>(collection: string, idOrQuery: string | Query): Promise<T | null>;
  /** Shallow merge; `_id`, `_created` and `_updated` in `changes` are ignored. False when
   *  absent. */
  update(collection: string, id: string, changes: object): Promise<boolean>;
  replace(collection: string, id: string, doc: object): Promise<boolean>;
  delete(collection: string, id: string): Promise<boolean>;
  count(collection: string, query?: Query): Promise<number>;
  /** Removes the collection and its documents. */
  drop(collection: string): Promise<void>;
  collections(): Promise<string[]>;
  /** The same on one collection, typed. */
  collection<T extends object = Record<string, any>>(name: string): Collection<T>;
  /** The named store of that name, whatever this one is. */
  store(name: string): DB;
}

export type Stored<T> = T & { _id: string; _created: number; _updated: number };

export interface Collection<T extends object> {
  insert(doc: T & { _id?: string }): Promise<string>;
  insertMany(docs: Iterable<T & { _id?: string }>): Promise<string[]>;
  find(query?: Query, options?: FindOptions): Promise<Stored<T>[]>;
  findOne(idOrQuery: string | Query): Promise<Stored<T> | null>;
  update(id: string, changes: Partial<T>): Promise<boolean>;
  replace(id: string, doc: T): Promise<boolean>;
  delete(id: string): Promise<boolean>;
  count(query?: Query): Promise<number>;
  drop(): Promise<void>;
}

export type Query = Record<string, any>;

export interface FindOptions {
  /** Ties keep insertion order. Values of different types sort as: undefined, null, boolean,
   *  number and bigint, string, Date, bytes, array, object. LimitExceeded above 32 fields, or when one of them
   *  takes more than 256 KiB in a document. */
  sort?: Record<string, 1 | -1> | [field: string, direction: 1 | -1][];
  skip?: number;
  limit?: number;
  /** Only these fields; `_id` is always included. LimitExceeded above 1 000 of them. */
  fields?: string[];
  signal?: AbortSignal;
}
