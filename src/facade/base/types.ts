import type { DbMessage, DbOutput, KvMessage, KvOutput, MessageObject } from "./messages.js";
import type { Scope, Storable } from "./data.js";
import type { Blobs } from "./contents.js";
import type { PatchDB, PatchKV } from "./lines.js";
import type { OpLog } from "./sync.js";

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
  /** The passphrase or key of an encrypted patch; where there is no patch, it is created encrypted. Everything that is stored is: keys, values, names, the op-log.
   *  The call rejects with WrongKey if this opens it not, with NotEncrypted if the patch is plain; without it, Encrypted if it is not. */
  encryption?: Encryption;
  /** The IndexedDB database is named `${prefix}${id}`. Default "patchstore_". */
  prefix?: string;
  /** "memory" keeps nothing past the page; it is never chosen silently. Default "indexeddb". */
  backend?: "indexeddb" | "memory";
  /** Default "relaxed". */
  durability?: Durability;
  /** Bytes of stored data kept in memory: half of them for decoded pages, half for copies of values that were
   *  read. Default 32 MiB. */
  cacheBytes?: number;
  /** Record every write of a record in the op-log. A property of the patch: once true, every tab records, whatever it
   *  opens with. Default false. */
  opLog?: boolean;
  /** The version of the data's shape, a positive integer; the patch keeps it. Where it is lower there (0: new), `migrate` runs, in one tab; the others, and
   *  whoever opens the patch meanwhile, wait for it, which does not count into `openTimeoutMs`. Tabs that have it open with a lower version get
   *  "closed" with reason "versionchange" before anything is changed, and no write of theirs lands after that; all handles of a page on it
   *  do. Where it is higher there, the call rejects with UnsupportedFormat: the page is old, and is to be loaded anew. Without `version`, any opens. */
  version?: number;
  /** Brings the data from the version `from` to `version`, in one transaction that also changes the version: all of it or nothing takes effect. It may make and
   *  drop indexes and definitions, too. It is run again as a transaction's work is. Writes are not noted in the op-log: every device migrates what it has. What it
   *  throws rejects openPatch, and nothing has changed. Without it, only a patch that holds nothing gets a version: else InvalidArgument. Where there are no Web
   *  Locks, two tabs may run it, and one takes effect. */
  migrate?: (tx: Tx, from: number) => Promise<void>;
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

/** The key of a patch: a passphrase, or 32 bytes, or an AES-GCM CryptoKey of 256 bits, extractable or not (usages encrypt and decrypt), which needs
 *  `crypto.subtle`: else Unavailable. It is taken as it is at the call. The key of a passphrase takes about 0.15 s to derive; it may be in any Unicode form. */
export type Encryption = { passphrase: string } | { key: Uint8Array | CryptoKey };

/** The keys that open an encrypted patch, each under a name; the first is "main". */
export interface Keyring {
  /** In the order in which they were added.
   *  @throws PatchStoreError code NotEncrypted */
  names(): Promise<string[]>;
  /** Adds a key, or replaces the one of that name (at most 256 bytes of UTF-8). Whoever had the one that is replaced can open the patch no longer, unless
   *  they have kept its files of before; tabs that have it open keep it open.
   *  @throws PatchStoreError code NotEncrypted | LimitExceeded (16 keys at most) | Conflict (others change keys all the time) */
  set(name: string, key: Encryption): Promise<void>;
  /** False when there was none. The last one stays: InvalidArgument.
   *  @throws PatchStoreError code NotEncrypted | InvalidArgument | Conflict */
  remove(name: string): Promise<boolean>;
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
  /** The keys of an encrypted patch. */
  readonly keyring: Keyring;
  /** Replaces the key by which this handle opened the patch, under its name: after a recovery key, that is the recovery key. The data is not written again.
   *  @throws PatchStoreError code NotEncrypted | Conflict (that key was replaced or removed meanwhile: open the patch again) */
  rekey(to: Encryption): Promise<void>;
  /** What was written, for synchronisation with other devices. */
  readonly opLog: OpLog;
  /** A named key-value store, shared by every node that uses the name. */
  kv(storeName: string): PatchKV;
  /** A named document store. */
  db(storeName: string): PatchDB;
  /** The unnamed stores that are private to one node. */
  node(nodeId: string): { readonly kv: PatchKV; readonly db: PatchDB };
  /** Contents: bytes that are stored once, and live as long as a record holds a {@link BlobRef} to them. */
  readonly blobs: Blobs;
  /** What the patch has to remember of itself: it belongs to no node, is not counted, goes along in a copy. */
  readonly meta: Meta;
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

/** A patch inside a transaction. */
export interface Tx {
  kv(storeName: string): PatchKV;
  db(storeName: string): PatchDB;
  node(nodeId: string): { readonly kv: PatchKV; readonly db: PatchDB };
  readonly meta: Meta;
  readonly blobs: Pick<Blobs, "has" | "stat">;
}

/** Pairs of a patch's own, apart from all stores; keys and values as in {@link KV}. */
export interface Meta {
  /** undefined when absent. */
  get<T = any>(key: string): Promise<T | undefined>;
  set(key: string, value: Storable): Promise<void>;
  /** True when it existed. */
  delete(key: string): Promise<boolean>;
  /** In ascending order, as {@link KV.keys} gives them. */
  keys(): Promise<string[]>;
}

export interface PatchStatus {
  readonly backend: "indexeddb" | "memory";
  readonly durability: Durability;
  /** Whether everything that is stored of it is encrypted. */
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
  /** Bytes of contents, those that are being put too. */
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
   *  merged away yet; null when it cannot be read (encrypted and not open in this page, damaged, of a later format, or blocked). */
  bytes: number | null;
  /** Whether it needs a key, as far as can be told without one. */
  encrypted: boolean;
}

/** How far an export or an import has come, in bytes of keys and values. `total` is about right, and the same as `done` at the end. */
export interface Progress {
  done: number;
  total: number;
}

/** How a patch is exported. */
export interface ExportPatchOptions {
  prefix?: string;
  /** Opens an encrypted patch. */
  encryption?: Encryption;
  /** What the archive is encrypted by; false: an encrypted patch's is not to be. */
  seal?: Encryption | false;
  /** With the entries of the op-log. Default false. */
  opLog?: boolean;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/** How a patch is imported. */
export interface ImportPatchOptions {
  prefix?: string;
  /** Opens an archive that is sealed. */
  seal?: Encryption;
  /** Encrypts the patch that is made of it. */
  encryption?: Encryption;
  onProgress?: (progress: Progress) => void;
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
  /** May make indexes and definitions, and drop a collection that has any. Default false. */
  define?: boolean;
  /** May use $regex, which runs in the host and cannot be bounded. Default false. */
  regex?: boolean;
}

export type * from "./contents.js";
export type * from "./data.js";
export type * from "./lines.js";
export type { Query, QueryCondition, QueryOperators } from "./query.js";
export type * from "./standard-schema.js";
export type * from "./sync.js";
export type * from "./messages.js";
export type * from "./codes.js";
