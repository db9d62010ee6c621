import { DocCollection } from "./collection.js";
import type { ScopeCopies } from "../bridge/copies.js";
import { invalid } from "../base/errors.js";
import type { DbPort } from "../bridge/glue.js";
import { type Handle, WORK_WEIGHT } from "../bridge/handle.js";
import { key, name } from "../base/names.js";
import { func, known } from "../base/options.js";
import { validatorOf } from "../base/schema.js";
import type { StandardSchemaV1 } from "../base/standard-schema.js";
import type {
  BuildOptions, Collection, CollectionDefinition, CreateIndexOptions, Doc, ExportLinesOptions, FindOptions, ImportedLines, ImportLinesOptions, IndexInfo, LinesSource, PatchDB, Plan,
  Query, UpdateOptions, UpsertOptions, WatchListener, WatchOptions,
} from "../base/types.js";
import { queryOf } from "../values/query.js";
import { exportSignal, importSettings } from "../lines/options.js";
import { Asking } from "./asking.js";
import { atomicOf, type Atomic } from "./atomic.js";
import { Definitions } from "./definitions.js";
import { lazyLines, linesPart } from "./json-lines.js";
import { Finder } from "./finder.js";
import { earOf, watchOptionsOf, watchQuery, type Ear, type LiveQuery } from "./live.js";
import { ValidatedCollection } from "./validated.js";
import { DocWrites, type Change } from "./writes.js";

/** Names a store among those of its patch. */
export function storeKey(scope: string, isNode: boolean): string {
  return (isNode ? "node " : "name ") + scope;
}

/** One document store of a patch or of a transaction. */
export class DocStore implements PatchDB {
  readonly #handle: Handle;
  readonly #port: DbPort;
  readonly #copies: ScopeCopies | undefined;
  readonly #atomic: (() => Atomic) | undefined;
  readonly #writes: DocWrites;
  readonly #definitions: Definitions;
  /** Also for sandboxes, which keep the marks of their results themselves. */
  readonly finder: Finder;

  /** @param key see {@link storeKey}
   *  @param atomic for what takes several calls of its own; without it, that is Internal */
  constructor(handle: Handle, port: DbPort, key: string, copies?: ScopeCopies, atomic?: () => Atomic) {
    this.#handle = handle;
    this.#port = port;
    this.#copies = copies;
    this.#atomic = atomic;
    this.#writes = new DocWrites(handle, port, copies);
    this.#definitions = new Definitions(handle, port);
    this.finder = new Finder(handle, port, copies, key);
  }

  insert(collection: string, doc: object): Promise<string> {
    return this.#writes.insert(collection, doc);
  }

  insertMany(collection: string, docs: Iterable<object>, options?: { keepTimes?: boolean }): Promise<string[]> {
    return this.#writes.insertMany(collection, docs, options);
  }

  async find<T = Doc>(collection: string, query?: Query, options?: FindOptions): Promise<T[]> {
    return this.finder.find(collection, query, options) as Promise<T[]>;
  }

  async findOne<T = Doc>(collection: string, idOrQuery: string | Query, options?: FindOptions): Promise<T | null> {
    return this.finder.findOne(collection, idOrQuery, options) as Promise<T | null>;
  }

  iterate<T = Doc>(collection: string, query?: Query, options?: FindOptions): AsyncIterableIterator<T> {
    return this.finder.iterate(collection, query, options) as AsyncIterableIterator<T>;
  }

  async distinct(collection: string, field: string, query?: Query): Promise<unknown[]> {
    return this.finder.distinct(collection, field, query);
  }

  async explain(collection: string, query?: Query, options?: FindOptions): Promise<Plan> {
    return this.finder.explain(collection, query, options);
  }

  update(collection: string, id: string, changes: object, options?: UpdateOptions): Promise<boolean> {
    return this.#writes.update(collection, id, changes, options);
  }

  replace(collection: string, id: string, doc: object): Promise<boolean> {
    return this.#writes.replace(collection, id, doc);
  }

  modify<T = Doc>(
    collection: string,
    id: string,
    change: (doc: T | null) => object | undefined,
  ): Promise<T | null> {
    return this.#writes.modify(collection, id, change as Change) as Promise<T | null>;
  }

  upsert(collection: string, doc: object, options?: UpsertOptions): Promise<{ id: string; inserted: boolean }> {
    return this.#writes.upsert(collection, doc, options);
  }

  updateMany(collection: string, query: Query, changes: object, options?: UpdateOptions): Promise<number> {
    return this.#writes.updateMany(collection, query, changes, options);
  }

  deleteMany(collection: string, query: Query): Promise<number> {
    return this.#writes.deleteMany(collection, query);
  }

  async delete(collection: string, id: string): Promise<boolean> {
    const c = name(collection, "collection name");
    const k = key(id, "id");
    return this.#handle.call(() => this.#port.delete(c, k), WORK_WEIGHT) as Promise<boolean>;
  }

  async count(collection: string, query?: Query): Promise<number> {
    const c = name(collection, "collection name");
    const q = queryOf(query);
    return this.#handle.send(q, () => this.#port.count(c, q.encoded, q.patterns)) as number | Promise<number>;
  }

  watch<T = Doc>(collection: string, query: Query, listener: WatchListener<T>, options?: WatchOptions): () => void {
    func("listener", listener);
    return this.live(collection, query, options, (onError) => earOf(listener, onError)).stop;
  }

  /** A live query whose ear is made with the `onError` of its options.
   *  @param mark where to go on, for whoever keeps marks itself */
  live(
    collection: string,
    query: Query,
    options: WatchOptions | undefined,
    ear: (onError: WatchOptions["onError"]) => Ear,
    mark?: unknown,
  ): LiveQuery {
    const { find, onError } = watchOptionsOf(options);
    if (query === undefined) throw invalid("watch needs a query, not undefined");
    const asking = new Asking(collection, query, find);
    return watchQuery(this.#handle, this.#port, asking, this.finder.after(asking, mark), ear(onError));
  }

  createIndex(collection: string, fields: string | string[], options?: CreateIndexOptions): Promise<void> {
    return this.#definitions.createIndex(collection, fields, options);
  }

  dropIndex(collection: string, fields: string | string[]): Promise<boolean> {
    return this.#definitions.dropIndex(collection, fields);
  }

  indexes(collection: string): Promise<IndexInfo[]> {
    return this.#definitions.indexes(collection);
  }

  define(collection: string, definition: CollectionDefinition, options?: BuildOptions): Promise<void> {
    return this.#definitions.define(collection, definition, options);
  }

  /** @param mayForget whether it may have a definition; else AccessDenied */
  async drop(collection: string, mayForget = true): Promise<void> {
    const c = name(collection, "collection name");
    return this.#handle.call(() => this.#port.drop(c, mayForget)) as Promise<void>;
  }

  async collections(): Promise<string[]> {
    return this.#handle.call(() => this.#port.collections()) as string[];
  }

  collection<T extends object>(
    collection: string,
    options?: { schema?: StandardSchemaV1<any, T> },
  ): Collection<T> {
    this.#handle.check();
    name(collection, "collection name");
    const { schema } = known("options", options, ["schema"]);
    if (schema === undefined) return new DocCollection<T>(this, collection);
    return new ValidatedCollection<T>(this, collection, this.#writes, validatorOf(schema));
  }

  exportJsonLines(collection: string, options?: ExportLinesOptions): ReadableStream<Uint8Array> {
    const signal = exportSignal(options);
    const docs = this.iterate<Record<string, unknown>>(collection, {}, signal && { signal });
    return lazyLines(({ documents }) => documents(docs), signal, () => docs.return?.());
  }

  async importJsonLines(collection: string, source: LinesSource, options?: ImportLinesOptions): Promise<ImportedLines> {
    this.#handle.check();
    name(collection, "collection name");
    const [atomic, settings] = [atomicOf(this.#atomic), importSettings(options)];
    const { importLines, DocSink } = await linesPart();
    return importLines(source, settings, new DocSink(this, atomic, collection));
  }

  store(storeName: string): PatchDB {
    const n = name(storeName, "store name");
    const port = this.#handle.now(() => this.#port.store(n));
    const atomic = this.#atomic && (() => atomicOf(this.#atomic).named(n));
    return new DocStore(this.#handle, port, storeKey(n, false), this.#copies?.named(n), atomic);
  }
}
