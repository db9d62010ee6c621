/**
 * The public types of the package, written by hand.
 *
 * Names of stores, nodes, collections and keys are any strings of at most 1 000 UTF-16 code
 * units. Keys may be empty; names of stores, nodes and collections and ids of patches may not.
 */

/** What a resolved write promises: with "relaxed" it survives a crash of the page or the browser,
 *  with "strict" also a power cut. */
export type Durability = "relaxed" | "strict";

/** Where {@link init} may load the wasm from. */
export type WasmSource =
  | string
  | URL
  | Response
  | Promise<Response>
  | BufferSource
  | WebAssembly.Module;

export interface OpenOptions {
  /** The IndexedDB database is named `${prefix}${id}`. Default "patchstore_". */
  prefix?: string;
  /** "memory" keeps nothing past the page; it is never chosen silently. Default "indexeddb". */
  backend?: "indexeddb" | "memory";
  /** Default "relaxed". */
  durability?: Durability;
  /** Bytes of stored data kept in memory: half of them for decoded pages, half for copies of values that were
   *  read. Default 32 MiB. */
  cacheBytes?: number;
  /** Milliseconds after which opening gives up with code Blocked. Default 10 000. */
  openTimeoutMs?: number;
  /** When to make room, and whether the patch has a budget of its own. */
  quota?: QuotaPolicy;
  /** Aborting rejects with the signal's reason and leaves nothing open. */
  signal?: AbortSignal;
}

/** Two handles of one page on one patch: of each limit, the stricter counts, until the last of them is closed. */
export interface QuotaPolicy {
  /** Make room when usage / quota is above this, above 0 and at most 1. Default 0.8. The ratio is taken to the least of: the
   *  reported quota, `maxBytes`, and the origin's usage at which a write last failed for lack of room. */
  threshold?: number;
  /** The patch's own budget: a finite number of bytes. What it takes is counted before compression: what lives, what is dead
   *  and not removed yet, and the log. A call that would exceed it rejects with StorageQuotaExceeded, unless it takes no more than
   *  it replaces. */
  maxBytes?: number;
  /** Ask the browser not to evict the origin's storage, as {@link requestPersistence} does. Default false. */
  persist?: boolean;
}

/** What was done for room, in this order: log entries that are stored elsewhere too went, what has expired went, what is
 *  dead went; "full": a write was refused. */
export type QuotaAction = "prune-oplog" | "evict-expired" | "compact" | "full";

/**
 * One open patch. A read sees every earlier write of its own realm, acknowledged or not;
 * writes take effect in the order of the calls.
 */
export interface Patch {
  readonly id: string;
  readonly status: PatchStatus;
  /** A named key-value store, shared by every node that uses the name. */
  kv(storeName: string): KV;
  /** A named document store. */
  db(storeName: string): DB;
  /** The unnamed stores that are private to one node. */
  node(nodeId: string): { readonly kv: KV; readonly db: DB };
  /** A key-value store that is driven by messages, as in a visual patcher: the node's own store, or
   *  the named one. Throws InvalidArgument if `at` names neither. */
  kvObject(at: { node: string; name?: string }): MessageObject<KvMessage, KvOutput>;
  /** A document store that is driven by messages. */
  dbObject(at: { node: string; name?: string }): MessageObject<DbMessage, DbOutput>;
  /**
   * Runs `work` against a snapshot and commits all of its writes together or none, also across
   * tabs. It is run again when another commit touched what it read, at most `retries` times
   * (default 10); then the promise rejects with Conflict. If `work` throws, the error is rethrown and
   * nothing is written. Afterwards `tx` is Closed.
   */
  transaction<T>(
    work: (tx: Tx) => Promise<T>,
    options?: { retries?: number; signal?: AbortSignal },
  ): Promise<T>;
  /** Resolves when every write acknowledged so far would survive a power cut. */
  flush(): Promise<void>;
  /** Merges the log into pages and frees the space of dead data. */
  compact(): Promise<void>;
  stats(): Promise<PatchStats>;
  /** The nodes that own something in their unnamed stores, ascending by id, with its size
   *  as {@link PatchStats.liveBytes} counts it (0: only an empty collection is left). */
  nodes(): Promise<{ node: string; bytes: number }[]>;
  /** Removes everything that a node owns, atomically. False when it owned nothing. */
  deleteNode(node: string): Promise<boolean>;
  /** Copies everything that a node owns to another node, atomically: keys, and documents with their ids, times
   *  and order. If `from` owns nothing, nothing is copied. Rejects with Exists when
   *  `to` owns something. */
  copyNode(from: string, to: string): Promise<void>;
  /**
   * Copies an IndexedDB database in the plain layout (an object store "kv"; other stores are ignored)
   * into this patch. Keys that exist here are kept, and counted; the source stays as it was. Before
   * anything is written, it refuses a database that does not exist (InvalidArgument) or has another shape
   * (UnsupportedFormat), and values that cannot be stored. A later failure (no room, the patch
   * closed) leaves what was imported until then; run the import again to continue. It is committed
   * in parts of about 4 MiB.
   */
  importPlain(
    databaseName: string,
    options?: ImportOptions,
  ): Promise<{ imported: number; kept: number }>;
  /** Returns a function that unsubscribes. */
  on<E extends keyof PatchEvents>(event: E, listener: (e: PatchEvents[E]) => void): () => void;
  /**
   * Serves one node's kv and db to a sandbox, which connects to the other end of the port
   * (`patchstore/sandbox`). Throws InvalidArgument if `port` is no MessagePort or `grant` is malformed.
   */
  serve(port: MessagePort, grant: Grant): { close(): void };
  /** Waits for the writes already issued; later calls are Closed. Closing twice is fine. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ImportOptions {
  /** How the keys name store and key: `${store.length}:${store}:${key}`, or `${store}:${key}`, split
   *  at the first colon. Default "length-prefixed"; it is not guessed, because a key may be valid in both
   *  formats. */
  keyFormat?: "length-prefixed" | "colon";
  /** Where a store is imported to; called once for each. Default: the named store of the same name. */
  scope?: (store: string) => Scope;
  /** The module "patchstore/plain", for environments that cannot load it on demand: a service worker
   *  has to import it itself, since it may not load modules later. */
  reader?: object;
}

/** `{node}` is unnamed and private to that node, `{name}` is shared. The two never collide. */
export type Scope = { node: string } | { name: string };

/** A patch inside a transaction. */
export interface Tx {
  kv(storeName: string): KV;
  db(storeName: string): DB;
  node(nodeId: string): { readonly kv: KV; readonly db: DB };
}

export interface PatchStatus {
  readonly backend: "indexeddb" | "memory";
  readonly durability: Durability;
  readonly encrypted: boolean;
  /** Whether the origin's storage is exempt from eviction, as the browser last said when it was asked by this page or worker
   *  ({@link QuotaPolicy.persist}, {@link requestPersistence}); null before. */
  readonly persisted: boolean | null;
  /** True when this patch held data at an earlier visit and the browser has dropped it since, as far as that can be told: by
   *  a trace in localStorage. Always false in workers, and where localStorage went along. */
  readonly evicted: boolean;
}

export interface PatchStats {
  /** What the user stored: key-value pairs and documents. */
  records: number;
  /** Their encoded size, before compression. */
  liveBytes: number;
  /** Bytes waiting in the log. */
  logBytes: number;
  /** Bytes of dead data in pages. */
  garbageBytes: number;
  /** Bytes of large values, kept out of line. */
  blobBytes: number;
  /** The origin's usage and quota as the browser reports them; 0 where it does not. */
  originUsage: number;
  originQuota: number;
}

export interface PatchEvents {
  /** After each commit that this tab sees; `remote` when another tab made it. Empty `scopes` mean that the changed
   *  scopes are unknown and any may have changed: after a batch of more than 1 MiB over several scopes, or after
   *  other tabs' commits that were merged before this tab looked. */
  change: { readonly remote: boolean; readonly scopes: Scope[] };
  closed: { readonly reason: "closed" | "deleted" | "versionchange" | "lost" };
  /** Room was made, or none was found: `usage` and the limit (`quota`, 0 if unknown) before that, in bytes: the patch's and its
   *  budget, or the origin's and its quota, whichever is nearer. Only what this page does is told. */
  quota: { readonly usage: number; readonly quota: number; readonly action: QuotaAction };
}

/** A patch as `listPatches` finds it. */
export interface PatchInfo {
  id: string;
  /** About the size of its keys and values before compression, including replaced ones that are not
   *  merged away yet; null when it cannot be read (encrypted, damaged, of a later format, or blocked). */
  bytes: number | null;
  encrypted: boolean;
}

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
  set(key: string, value: Storable): Promise<void>;
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
  setMany(entries: Iterable<readonly [string, Storable]>): Promise<void>;
  deleteMany(keys: string[]): Promise<number>;
  /** Atomic read-modify-write, also across tabs; `undefined` deletes. `change` is synchronous
   *  and may be run again. Returns the new value. */
  update<T = unknown>(
    key: string,
    change: (old: T | undefined) => T | undefined,
  ): Promise<T | undefined>;
  clear(): Promise<void>;
  count(range?: KeyRange): Promise<number>;
  /** Calls `listener` with the new value after each commit (of any tab) that changed it. Returns a
   *  function that unsubscribes. */
  watch<T = unknown>(key: string, listener: (value: T | undefined) => void): () => void;
  /** The named store of that name, whatever this one is. */
  store(name: string): KV;
}

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

/** What a sandbox at the other end of a port may do. Everything else is refused with AccessDenied. */
export interface Grant {
  node: string;
  /** Named stores that it may open with store(); default none. "*" grants all stores of this patch. */
  stores?: string[] | "*";
  /** Default "readwrite". */
  access?: "read" | "readwrite";
  /** Refuse, with LimitExceeded, a value above this size: about its bytes and its strings in JSON,
   *  plus 8 for each number, element and property. Default 64 MiB, at most 256 MiB. An answer that is larger than
   *  this and than 64 MiB is refused too, and has to be read in parts. */
  maxValueBytes?: number;
  /** Refuse, with LimitExceeded, more calls than this that wait for an answer.
   *  Default 10 000. */
  maxInFlight?: number;
}

/**
 * A store that is driven by messages. It takes them in three forms:
 *
 * - typed: `{type: "set", key: "k", value: 1}`, `{type: "insert", collection: "notes", doc: {…}}`
 * - shorthand: `{set: ["k", 1]}`, `{get: "k"}`, `{keys: true}`, `{insert: ["notes", {…}]}`, `{find: "notes"}`
 * - text: `set k 1`, `get k`, `keys`, `insert notes {"text": "hi"}`, `find notes`
 *
 * A message has exactly the properties of its form. In a text, spaces (those of JSON) separate the
 * operation from its arguments. Keys, ids and names of collections and stores are bare words, or JSON
 * strings in double quotes if they are empty, contain spaces or begin with a quote. A value is the rest
 * of the text: parsed as JSON if it is valid JSON, otherwise the text itself without surrounding spaces. A document or a
 * query is the rest of the text, and must be a JSON object. `messages.schema.json` in the package describes
 * the same in JSON Schema.
 */
export interface MessageObject<Message, Output> {
  /** The store that messages go to now. */
  readonly scope: Scope;
  /**
   * Resolves to the tagged output, and never rejects. A message is read when it is sent, and
   * messages take effect in the order in which they were sent. A message without a form, or with several
   * at once, gives `{op: "error", code: "InvalidArgument"}`, whose message says where a text went
   * wrong; a failed operation gives `{op: "error"}` with the code of the failure.
   */
  send(message: Message | (unknown & {})): Promise<Output>;
  /** Sends later messages to a named store; "" or undefined goes back to the node's own. Throws
   *  InvalidArgument for anything else, and Closed. */
  setStore(name?: string): void;
}

/** `setStore` with "" goes back to the node's own store. */
export type KvMessage =
  | { type: "get" | "delete" | "has"; key: string }
  | { type: "set"; key: string; value: unknown }
  | { type: "keys" | "clear" }
  | { type: "setStore"; value: string }
  | { get: string }
  | { delete: string }
  | { has: string }
  | { setStore: string }
  | { set: [key: string, value: unknown] }
  | { keys: true }
  | { clear: true }
  | string;

/** `setStore` with "" goes back to the node's own store. */
export type DbMessage =
  | { type: "insert"; collection: string; doc: object }
  | { type: "find" | "count"; collection: string; query?: Query }
  | { type: "findOne" | "delete"; collection: string; id: string }
  | { type: "update" | "replace"; collection: string; id: string; doc: object }
  | { type: "drop"; collection: string }
  | { type: "setStore"; value: string }
  | { insert: [collection: string, doc: object] }
  | { find: string | [collection: string, query?: Query] }
  | { count: string | [collection: string, query?: Query] }
  | { findOne: [collection: string, id: string] }
  | { delete: [collection: string, id: string] }
  | { update: [collection: string, id: string, doc: object] }
  | { replace: [collection: string, id: string, doc: object] }
  | { drop: string }
  | { setStore: string }
  | string;

/** `value` is null when not found. */
export type KvOutput =
  | { op: "get"; key: string; value: unknown; found: boolean }
  | { op: "set"; key: string; ok: true }
  | { op: "delete"; key: string; deleted: boolean }
  | { op: "keys"; keys: string[] }
  | { op: "clear"; ok: true }
  | { op: "has"; key: string; exists: boolean }
  | { op: "setStore"; value: string; ok: true }
  | { op: "error"; message: string; code: ErrorCode };

/** `ok` of update, replace and delete says whether the document was there. */
export type DbOutput =
  | { op: "insert"; collection: string; id: string }
  | { op: "find"; collection: string; docs: Doc[]; count: number }
  | { op: "findOne"; collection: string; id: string; doc: Doc | null }
  | { op: "update"; collection: string; id: string; ok: boolean }
  | { op: "replace"; collection: string; id: string; ok: boolean }
  | { op: "delete"; collection: string; id: string; ok: boolean }
  | { op: "count"; collection: string; count: number }
  | { op: "drop"; collection: string; ok: true }
  | { op: "setStore"; value: string; ok: true }
  | { op: "error"; message: string; code: ErrorCode };

/** What helps: correct the call; try again; free space; open the patch again; reload the page;
 *  restore from a backup. */
export type Remedy = "fix-call" | "retry" | "free-space" | "reopen" | "reload" | "restore";

export type ErrorCode =
  | "InvalidArgument"
  | "NotStorable"
  | "Exists"
  | "ConstraintViolation"
  | "Conflict"
  | "StorageQuotaExceeded"
  | "Unavailable"
  | "Blocked"
  | "Closed"
  | "ConnectionLost"
  | "Encrypted"
  | "NotEncrypted"
  | "WrongKey"
  | "Corrupt"
  | "UnsupportedFormat"
  | "AccessDenied"
  | "LimitExceeded"
  | "Internal";
