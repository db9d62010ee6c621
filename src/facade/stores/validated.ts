import { synchronous } from "../base/schema.js";
import type { DB, Query, Stored, UpdateOptions, UpsertOptions } from "../base/types.js";
import type { Validate } from "../base/validate.js";
import type { Check } from "./checked.js";
import { DocCollection } from "./collection.js";
import type { Change, DocWrites } from "./writes.js";

/** A collection whose writes a schema validates. */
export class ValidatedCollection<T extends object> extends DocCollection<T> {
  readonly #name: string;
  readonly #writes: DocWrites;
  readonly #validate: Validate;
  readonly #check: Check;

  constructor(db: DB, name: string, writes: DocWrites, validate: Validate) {
    super(db, name);
    this.#name = name;
    this.#writes = writes;
    this.#validate = validate;
    this.#check = { now: synchronous(validate) };
  }

  override insert(doc: T & { _id?: string }): Promise<string> {
    return this.#writes.insert(this.#name, doc, this.#validate);
  }

  override insertMany(docs: Iterable<T & { _id?: string }>, options?: { keepTimes?: boolean }): Promise<string[]> {
    return this.#writes.insertMany(this.#name, docs, options, this.#validate);
  }

  override replace(id: string, doc: T): Promise<boolean> {
    return this.#writes.replace(this.#name, id, doc, this.#validate);
  }

  override update(id: string, changes: Partial<T>, options?: UpdateOptions): Promise<boolean> {
    return this.#writes.update(this.#name, id, changes, options, this.#check);
  }

  override modify(id: string, change: (doc: Stored<T> | null) => object | undefined): Promise<Stored<T> | null> {
    return this.#writes.modify(this.#name, id, change as Change, this.#validate) as Promise<Stored<T> | null>;
  }

  override upsert(doc: T & { _id?: string }, options?: UpsertOptions): Promise<{ id: string; inserted: boolean }> {
    return this.#writes.upsert(this.#name, doc, options, this.#check);
  }

  override updateMany(query: Query<T>, changes: Partial<T>, options?: UpdateOptions): Promise<number> {
    return this.#writes.updateMany(this.#name, query as Query, changes, options, this.#check);
  }
}
