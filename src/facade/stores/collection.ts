import type { BuildOptions, Collection, CollectionDefinition, CreateIndexOptions, DB, FindOptions, IndexInfo, Plan, Query, Stored, UpdateOptions, UpsertOptions, WatchListener, WatchOptions } from "../base/types.js";

/** A document store narrowed to one collection. */
export class DocCollection<T extends object> implements Collection<T> {
  readonly #db: DB;
  readonly #name: string;

  constructor(db: DB, name: string) {
    this.#db = db;
    this.#name = name;
  }

  insert(doc: T & { _id?: string }): Promise<string> {
    return this.#db.insert(this.#name, doc);
  }

  insertMany(docs: Iterable<T & { _id?: string }>, options?: { keepTimes?: boolean }): Promise<string[]> {
    return this.#db.insertMany(this.#name, docs, options);
  }

  find(query?: Query<T>, options?: FindOptions): Promise<Stored<T>[]> {
    return this.#db.find<Stored<T>>(this.#name, query as Query | undefined, options);
  }

  findOne(idOrQuery: string | Query<T>, options?: FindOptions): Promise<Stored<T> | null> {
    return this.#db.findOne<Stored<T>>(this.#name, idOrQuery as string | Query, options);
  }

  iterate(query?: Query<T>, options?: FindOptions): AsyncIterableIterator<Stored<T>> {
    return this.#db.iterate<Stored<T>>(this.#name, query as Query | undefined, options);
  }

  distinct(field: string, query?: Query<T>): Promise<unknown[]> {
    return this.#db.distinct(this.#name, field, query as Query | undefined);
  }

  explain(query?: Query<T>, options?: FindOptions): Promise<Plan> {
    return this.#db.explain(this.#name, query as Query | undefined, options);
  }

  update(id: string, changes: Partial<T>, options?: UpdateOptions): Promise<boolean> {
    return this.#db.update(this.#name, id, changes, options);
  }

  replace(id: string, doc: T): Promise<boolean> {
    return this.#db.replace(this.#name, id, doc);
  }

  modify(id: string, change: (doc: Stored<T> | null) => object | undefined): Promise<Stored<T> | null> {
    return this.#db.modify<Stored<T>>(this.#name, id, change);
  }

  upsert(doc: T & { _id?: string }, options?: UpsertOptions): Promise<{ id: string; inserted: boolean }> {
    return this.#db.upsert(this.#name, doc, options);
  }

  updateMany(query: Query<T>, changes: Partial<T>, options?: UpdateOptions): Promise<number> {
    return this.#db.updateMany(this.#name, query as Query, changes, options);
  }

  deleteMany(query: Query<T>): Promise<number> {
    return this.#db.deleteMany(this.#name, query as Query);
  }

  delete(id: string): Promise<boolean> {
    return this.#db.delete(this.#name, id);
  }

  count(query?: Query<T>): Promise<number> {
    return this.#db.count(this.#name, query as Query | undefined);
  }

  watch(query: Query<T>, listener: WatchListener<Stored<T>>, options?: WatchOptions): () => void {
    return this.#db.watch<Stored<T>>(this.#name, query, listener, options);
  }

  createIndex(fields: string | string[], options?: CreateIndexOptions): Promise<void> {
    return this.#db.createIndex(this.#name, fields, options);
  }

  dropIndex(fields: string | string[]): Promise<boolean> {
    return this.#db.dropIndex(this.#name, fields);
  }

  indexes(): Promise<IndexInfo[]> {
    return this.#db.indexes(this.#name);
  }

  define(definition: CollectionDefinition, options?: BuildOptions): Promise<void> {
    return this.#db.define(this.#name, definition, options);
  }

  drop(): Promise<void> {
    return this.#db.drop(this.#name);
  }
}
