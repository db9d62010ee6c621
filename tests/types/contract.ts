/**
 * What callers are promised, restated apart from the package's own types so that a change
 * there that takes something away does not compile (see assignable.ts).
 */

export declare function openPatch(id: string, options?: OpenOptions): Promise<Patch>;
export declare function init(
  source?: string | URL | Response | Promise<Response> | BufferSource | WebAssembly.Module,
): Promise<void>;

export declare function listPatches(options?: { prefix?: string }): Promise<PatchInfo[]>;
export declare function hasPatchData(id: string, options?: { prefix?: string }): Promise<boolean>;
export declare function deletePatchData(id: string, options?: { prefix?: string }): Promise<boolean>;
export declare function copyPatch(
  id: string,
  newId: string,
  options?: { prefix?: string; signal?: AbortSignal },
): Promise<void>;
export declare function exportPatch(
  id: string,
  options?: { prefix?: string; encryption?: Encryption; seal?: Encryption | false; opLog?: boolean;
    onProgress?: (p: { done: number; total: number }) => void; signal?: AbortSignal },
): Promise<ReadableStream<Uint8Array>>;
export declare function importPatch(
  id: string,
  source: ReadableStream<Uint8Array> | Blob | BufferSource,
  options?: { prefix?: string; seal?: Encryption; encryption?: Encryption;
    onProgress?: (p: { done: number; total: number }) => void; signal?: AbortSignal },
): Promise<{ records: number; blobs: number }>;
export type Encryption = { passphrase: string } | { key: Uint8Array | CryptoKey };
export declare function encryptPatch(id: string, to: Encryption, options?: { prefix?: string; signal?: AbortSignal }): Promise<void>;
export declare function decryptPatch(id: string, from: Encryption, options?: { prefix?: string; signal?: AbortSignal }): Promise<void>;
export interface PatchInfo {
  id: string;
  bytes: number | null;
  encrypted: boolean;
}

export interface OpenOptions {
  prefix?: string;
  backend?: "indexeddb" | "memory";
  durability?: Durability;
  cacheBytes?: number;
  openTimeoutMs?: number;
  signal?: AbortSignal;
  quota?: QuotaPolicy;
}
export interface QuotaPolicy {
  threshold?: number;
  maxBytes?: number;
  persist?: boolean;
}
export type QuotaAction = "prune-oplog" | "evict-expired" | "compact" | "full";
export type Durability = "relaxed" | "strict";

export interface Patch {
  readonly id: string;
  readonly status: PatchStatus;
  kv(storeName: string): KV & KvLines;
  db(storeName: string): DB & DbLines;
  node(nodeId: string): { readonly kv: KV & KvLines; readonly db: DB & DbLines };
  readonly meta: Meta;
  transaction<T>(
    work: (tx: Tx) => Promise<T>,
    options?: { retries?: number; signal?: AbortSignal },
  ): Promise<T>;
  flush(): Promise<void>;
  compact(): Promise<void>;
  stats(): Promise<PatchStats>;
  on<E extends keyof PatchEvents>(event: E, listener: (e: PatchEvents[E]) => void): () => void;
  nodes(): Promise<{ node: string; bytes: number }[]>;
  deleteNode(node: string): Promise<boolean>;
  copyNode(from: string, to: string): Promise<void>;
  serve(port: MessagePort, grant: Grant): { close(): void };
  importPlain(
    databaseName: string,
    options?: { keyFormat?: "length-prefixed" | "colon"; scope?: (store: string) => Scope },
  ): Promise<{ imported: number; kept: number }>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
  kvObject(at: { node: string; name?: string }): MessageObject<KvMessage, KvOutput>;
  dbObject(at: { node: string; name?: string }): MessageObject<DbMessage, DbOutput>;
}
export interface Grant {
  node: string;
  stores?: string[] | "*";
  access?: "read" | "readwrite";
  maxValueBytes?: number;
  maxInFlight?: number;
}
/** The entry "patchstore/sandbox". */
export declare function connect(port: MessagePort): {
  readonly kv: KV;
  readonly db: DB;
  close(): void;
};
export interface KvLines {
  exportJsonLines(options?: { signal?: AbortSignal }): ReadableStream<Uint8Array>;
  importJsonLines(source: ReadableStream<Uint8Array> | Blob | BufferSource | string, options?: LinesOptions): Promise<LinesDone>;
}
export interface DbLines {
  exportJsonLines(collection: string, options?: { signal?: AbortSignal }): ReadableStream<Uint8Array>;
  importJsonLines(
    collection: string,
    source: ReadableStream<Uint8Array> | Blob | BufferSource | string,
    options?: LinesOptions,
  ): Promise<LinesDone>;
}
export interface LinesOptions {
  onConflict?: "error" | "skip" | "replace";
  onProgress?: (soFar: LinesDone) => void;
  signal?: AbortSignal;
}
export interface LinesDone {
  lines: number;
  inserted: number;
  replaced: number;
  skipped: number;
  expired: number;
}
export type Scope = { node: string } | { name: string };
export interface Tx {
  kv(storeName: string): KV;
  db(storeName: string): DB;
  node(nodeId: string): { readonly kv: KV; readonly db: DB };
  readonly meta: Meta;
}
export interface Meta {
  get<T = any>(key: string): Promise<T | undefined>;
  set(key: string, value: Storable): Promise<void>;
  delete(key: string): Promise<boolean>;
  keys(): Promise<string[]>;
}
export interface PatchStatus {
  readonly backend: "indexeddb" | "memory";
  readonly durability: Durability;
  readonly encrypted: boolean;
  readonly persisted: boolean | null;
  readonly evicted: boolean;
}
export interface PatchStats {
  records: number;
  liveBytes: number;
  logBytes: number;
  garbageBytes: number;
  blobBytes: number;
  originUsage: number;
  originQuota: number;
}
export interface PatchEvents {
  change: { readonly remote: boolean; readonly scopes: Scope[] };
  closed: { readonly reason: "closed" | "deleted" | "versionchange" | "lost" };
  quota: { readonly usage: number; readonly quota: number; readonly action: QuotaAction };
}

export type Storable = unknown;

export interface KV {
  get<T = unknown>(key: string): Promise<T | undefined>;
  set(key: string, value: Storable, options?: Expiry): Promise<void>;
  delete(key: string): Promise<boolean>;
  has(key: string): Promise<boolean>;
  keys(range?: KeyRange): Promise<string[]>;
  entries<T = unknown>(range?: KeyRange): Promise<[string, T][]>;
  iterate<T = unknown>(range?: KeyRange): AsyncIterableIterator<[string, T]>;
  getMany<T = unknown>(keys: string[]): Promise<(T | undefined)[]>;
  setMany(entries: Iterable<readonly [string, Storable] | readonly [string, Storable, Expiry]>): Promise<void>;
  deleteMany(keys: string[]): Promise<number>;
  update<T = unknown>(
    key: string,
    change: (old: T | undefined) => T | undefined,
  ): Promise<T | undefined>;
  clear(): Promise<void>;
  count(range?: KeyRange): Promise<number>;
  watch<T = unknown>(key: string, listener: (value: T | undefined) => void): () => void;
  store(name: string): KV;
}
export type Expiry = { ttl?: number } | { expires?: number };
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
  insert(collection: string, doc: object): Promise<string>;
  insertMany(collection: string, docs: Iterable<object>, options?: { keepTimes?: boolean }): Promise<string[]>;
  find<T = Doc>(collection: string, query?: Query, options?: FindOptions): Promise<T[]>;
  findOne<T = Doc>(collection: string, idOrQuery: string | Query, options?: FindOptions): Promise<T | null>;
  iterate<T = Doc>(collection: string, query?: Query, options?: FindOptions): AsyncIterableIterator<T>;
  update(collection: string, id: string, changes: object, options?: { unset?: string[] }): Promise<boolean>;
  replace(collection: string, id: string, doc: object): Promise<boolean>;
  modify<T = Doc>(collection: string, id: string, change: (doc: T | null) => object | undefined): Promise<T | null>;
  upsert(collection: string, doc: object, options?: { on?: string | string[] }): Promise<{ id: string; inserted: boolean }>;
  updateMany(collection: string, query: Query, changes: object, options?: { unset?: string[] }): Promise<number>;
  deleteMany(collection: string, query: Query): Promise<number>;
  delete(collection: string, id: string): Promise<boolean>;
  count(collection: string, query?: Query): Promise<number>;
  watch<T = Doc>(
    collection: string,
    query: Query,
    listener: (docs: T[], change: { added: T[]; changed: T[]; removed: T[] }) => void,
    options?: FindOptions & { onError?: (error: PatchStoreError) => void },
  ): () => void;
  distinct(collection: string, field: string, query?: Query): Promise<unknown[]>;
  explain(collection: string, query?: Query, options?: FindOptions): Promise<Plan>;
  createIndex(collection: string, fields: string | string[], options?: IndexOptions): Promise<void>;
  dropIndex(collection: string, fields: string | string[]): Promise<boolean>;
  indexes(collection: string): Promise<{ fields: string[]; unique: boolean; multi: boolean }[]>;
  define(collection: string, definition: CollectionDefinition): Promise<void>;
  drop(collection: string): Promise<void>;
  collections(): Promise<string[]>;
  collection<T extends object = Record<string, any>>(
    name: string,
    options?: { schema?: StandardSchemaV1<any, T> },
  ): Collection<T>;
  store(name: string): DB;
}
export type Stored<T> = T & { _id: string; _created: number; _updated: number };
export interface Collection<T extends object> {
  insert(doc: T & { _id?: string }): Promise<string>;
  insertMany(docs: Iterable<T & { _id?: string }>, options?: { keepTimes?: boolean }): Promise<string[]>;
  find(query?: Query<T>, options?: FindOptions): Promise<Stored<T>[]>;
  findOne(idOrQuery: string | Query<T>, options?: FindOptions): Promise<Stored<T> | null>;
  iterate(query?: Query<T>, options?: FindOptions): AsyncIterableIterator<Stored<T>>;
  update(id: string, changes: Partial<T>, options?: { unset?: string[] }): Promise<boolean>;
  replace(id: string, doc: T): Promise<boolean>;
  modify(id: string, change: (doc: Stored<T> | null) => object | undefined): Promise<Stored<T> | null>;
  upsert(doc: T & { _id?: string }, options?: { on?: string | string[] }): Promise<{ id: string; inserted: boolean }>;
  updateMany(query: Query<T>, changes: Partial<T>, options?: { unset?: string[] }): Promise<number>;
  deleteMany(query: Query<T>): Promise<number>;
  delete(id: string): Promise<boolean>;
  count(query?: Query<T>): Promise<number>;
  watch(
    query: Query<T>,
    listener: (docs: Stored<T>[], change: { added: Stored<T>[]; changed: Stored<T>[]; removed: Stored<T>[] }) => void,
    options?: FindOptions,
  ): () => void;
  distinct(field: string, query?: Query<T>): Promise<unknown[]>;
  explain(query?: Query<T>, options?: FindOptions): Promise<Plan>;
  createIndex(fields: string | string[], options?: IndexOptions): Promise<void>;
  dropIndex(fields: string | string[]): Promise<boolean>;
  indexes(): Promise<{ fields: string[]; unique: boolean; multi: boolean }[]>;
  define(definition: CollectionDefinition): Promise<void>;
  drop(): Promise<void>;
}
export type Query<T = any> = { [K in keyof T]?: any } & Record<string, any>;
/** As https://standardschema.dev has it. */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined }[] };
export interface FindOptions {
  sort?: Record<string, 1 | -1> | [field: string, direction: 1 | -1][];
  skip?: number;
  limit?: number;
  after?: object;
  fields?: string[];
  include?: Record<string, Include>;
  signal?: AbortSignal;
}
export interface Include {
  collection: string;
  local?: string;
  foreign?: string;
  one?: boolean;
  query?: Query;
  sort?: FindOptions["sort"];
  limit?: number;
  fields?: string[];
  include?: Record<string, Include>;
}
export interface IndexOptions {
  unique?: boolean;
  multi?: boolean;
}
export interface CollectionDefinition {
  indexes?: ({ fields: string | string[] } & IndexOptions)[];
  references?: Record<string, { collection: string; onDelete?: "cascade" | "set-null" | "restrict" }>;
  sequences?: Record<string, { per?: string }>;
}
export interface Plan {
  kind: "id" | "index" | "scan";
  index?: string[];
  ordered?: boolean;
}

export interface MessageObject<Message, Output> {
  readonly scope: Scope;
  send(message: Message | (unknown & {})): Promise<Output>;
  setStore(name?: string): void;
}
export type KvMessage =
  | { type: "get" | "delete" | "has"; key: string }
  | { type: "set"; key: string; value: unknown }
  | { type: "keys" | "clear" }
  | { type: "setStore"; value: string }
  | { get: string } | { delete: string } | { has: string } | { setStore: string }
  | { set: [key: string, value: unknown] }
  | { keys: true } | { clear: true }
  | string;
export type DbMessage =
  | { type: "insert"; collection: string; doc: object }
  | { type: "find"; collection: string; query?: Query; sort?: FindOptions["sort"]; skip?: number; limit?: number; fields?: string[] }
  | { type: "count"; collection: string; query?: Query }
  | { type: "findOne" | "delete"; collection: string; id: string }
  | { type: "update" | "replace"; collection: string; id: string; doc: object }
  | { type: "drop"; collection: string }
  | { type: "setStore"; value: string }
  | { insert: [collection: string, doc: object] }
  | { find: string | [collection: string, query?: Query, options?: Pick<FindOptions, "sort" | "skip" | "limit" | "fields">] }
  | { count: string | [collection: string, query?: Query] }
  | { findOne: [collection: string, id: string] } | { delete: [collection: string, id: string] }
  | { update: [collection: string, id: string, doc: object] }
  | { replace: [collection: string, id: string, doc: object] }
  | { drop: string } | { setStore: string }
  | string;
export type KvOutput =
  | { op: "get"; key: string; value: unknown; found: boolean }
  | { op: "set"; key: string; ok: true }
  | { op: "delete"; key: string; deleted: boolean }
  | { op: "keys"; keys: string[] }
  | { op: "clear"; ok: true }
  | { op: "has"; key: string; exists: boolean }
  | { op: "setStore"; value: string; ok: true }
  | { op: "error"; message: string; code: ErrorCode };
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

export declare function requestPersistence(): Promise<boolean>;
export declare function storageEstimate(): Promise<{
  usage: number;
  quota: number;
  ratio: number;
}>;

export declare class PatchStoreError extends Error {
  readonly name: "PatchStoreError";
  readonly code: ErrorCode;
  readonly remedy: Remedy;
  readonly cause?: unknown;
  readonly path?: string;
  readonly ids?: string[];
  readonly issues?: readonly { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] }[];
  readonly usage?: number;
  readonly quota?: number;
}
export declare function isPatchStoreError(error: unknown): error is PatchStoreError;
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
