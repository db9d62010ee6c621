import type { Collection, DB, FindOptions, Query, Stored } from "../base/types.js";

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

  insertMany(docs: Iterable<T & { _id?: string }>): Promise<string[]> {
    return this.#db.insertMany(this.#name, docs);
  }

  find(query?: Query, options?: FindOptions): Promise<Stored<T>[]> {
    return this.#db.find<Stored<T>>(this.#name, query, options);
  }

  findOne(idOrQuery: string | Query): Promise<Stored<T> | null> {
    return this.#db.findOne<Stored<T>>(this.#name, idOrQuery);
  }

  update(id: string, changes: Partial<T>): Promise<boolean> {
    return this.#db.update(this.#name, id, changes);
  }

  replace(id: string, doc: T): Promise<boolean> {
    return this.#db.replace(this.#name, id, doc);
  }

  delete(id: string): Promise<boolean> {
    return this.#db.delete(this.#name, id);
  }

  count(query?: Query): Promise<number> {
    return this.#db.count(this.#name, query);
  }

  drop(): Promise<void> {
    return this.#db.drop(this.#name);
  }
}
