import { abortable, throwIfAborted } from "../base/abort.js";
import { nowMs } from "../base/clock.js";
import { DocCollection } from "./collection.js";
import type { Copies, ScopeCopies } from "../bridge/copies.js";
import { invalid, isPatchStoreError, PatchStoreError } from "../base/errors.js";
import type { DbPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { describe, key, name } from "../base/names.js";
import { conditionsOf, findOptionsOf, paths, takesAll, type Condition } from "../values/find.js";
import { MAX_FIELDS, MAX_QUERY_BYTES, within } from "../base/limits.js";
import { Shape, shapeOf } from "../base/shape.js";
import { sendRows, type Row } from "../bridge/slices.js";
import type { Collection, DB, Doc, FindOptions, Query } from "../base/types.js";
import { snapshot } from "../values/values.js";
import type { Snapshot } from "../values/snapshot.js";

/** One document store of a patch or of a transaction. */
export class DocStore implements DB {
  readonly #handle: Handle;
  readonly #port: DbPort;
  readonly #copies: ScopeCopies | undefined;

  constructor(handle: Handle, port: DbPort, copies?: ScopeCopies) {
    this.#handle = handle;
    this.#port = port;
    this.#copies = copies;
  }

  async insert(collection: string, doc: object): Promise<string> {
    const c = name(collection, "collection name");
    this.#handle.check();
    const taken = document(doc, "doc");
    return this.#handle.tell(taken, (done) => {
      const createdMs = nowMs();
      const insert = () => this.#port.insert(c, taken.encoded, createdMs, done) as string;
      const copies = taken.gaps === undefined ? this.#copies?.present(c) : undefined;
      return copies === undefined ? insert() : copies.inserted(taken.encoded, createdMs, insert);
    });
  }

  async insertMany(collection: string, docs: Iterable<object>): Promise<string[]> {
    const c = name(collection, "collection name");
    this.#handle.check();
    const batch = this.#handle.now(() => this.#port.batch(c));
    return sendRows(this.#handle, documentRows(docs), batch, () => batch.commit()) as Promise<string[]>;
  }

  async find<T = Doc>(collection: string, query?: Query, options?: FindOptions): Promise<T[]> {
    const c = name(collection, "collection name");
    const o = findOptionsOf(options);
    const q = queryOf(query);
    throwIfAborted(o.signal);
    const conditions = takesAll(o) && q.gaps === undefined ? conditionsOf(q.encoded) : undefined;
    const result = this.#handle.send(q, () => {
      const read = () =>
        this.#port.find(c, q.encoded, o.sort, o.descending, o.skip, o.limit, o.fields);
      const copies = conditions && this.#copiesOf(c);
      return copies === undefined ? read() : copies.all(conditions as Condition[], read);
    });
    return abortable(result, o.signal) as T[];
  }

  async findOne<T = Doc>(collection: string, idOrQuery: string | Query): Promise<T | null> {
    const c = name(collection, "collection name");
    if (typeof idOrQuery === "string") {
      const id = key(idOrQuery, "id");
      return this.#handle.call(() => {
        const read = () => this.#port.get(c, id);
        const copies = this.#copiesOf(c);
        return copies === undefined ? read() : copies.one(idOrQuery, read);
      }) as T | null;
    }
    if (idOrQuery === undefined) throw invalid("findOne needs an id or a query, not undefined");
    const q = queryOf(idOrQuery);
    return this.#handle.send(q, () => this.#port.findOne(c, q.encoded)) as T | null;
  }

  async update(collection: string, id: string, changes: object): Promise<boolean> {
    const c = name(collection, "collection name");
    const k = key(id, "id");
    this.#handle.check();
    const taken = document(changes, "changes");
    return this.#handle.send(taken, () =>
      this.#port.update(c, k, taken.encoded),
    ) as Promise<boolean>;
  }

  async replace(collection: string, id: string, doc: object): Promise<boolean> {
    const c = name(collection, "collection name");
    const k = key(id, "id");
    this.#handle.check();
    const taken = document(doc, "doc");
    return this.#handle.send(taken, () =>
      this.#port.replace(c, k, taken.encoded),
    ) as Promise<boolean>;
  }

  async delete(collection: string, id: string): Promise<boolean> {
    const c = name(collection, "collection name");
    const k = key(id, "id");
    return this.#handle.call(() => this.#port.delete(c, k)) as Promise<boolean>;
  }

  async count(collection: string, query?: Query): Promise<number> {
    const c = name(collection, "collection name");
    const q = queryOf(query);
    return this.#handle.send(q, () => this.#port.count(c, q.encoded)) as number | Promise<number>;
  }

  async drop(collection: string): Promise<void> {
    const c = name(collection, "collection name");
    return this.#handle.call(() => this.#port.drop(c)) as Promise<void>;
  }

  async collections(): Promise<string[]> {
    return this.#handle.call(() => this.#port.collections()) as string[];
  }

  collection<T extends object>(collection: string): Collection<T> {
    this.#handle.check();
    name(collection, "collection name");
    return new DocCollection<T>(this, collection);
  }

  #copiesOf(collection: string): Copies | undefined {
    return this.#copies?.of(collection, () => this.#port.changes(collection));
  }

  store(storeName: string): DB {
    const n = name(storeName, "store name");
    return new DocStore(this.#handle, this.#handle.now(() => this.#port.store(n)), this.#copies?.named(n));
  }
}

/** A proxy that throws on inspection is refused like any other value that cannot be stored. */
function readableShapeOf(value: unknown): Shape {
  try {
    return shapeOf(value);
  } catch {
    return Shape.Refused;
  }
}

/** Checks that a document is a plain object; the encoder checks its contents. */
function document(doc: unknown, what: string): Snapshot {
  const shape = readableShapeOf(doc);
  if (shape !== Shape.Object && (shape !== Shape.Refused || typeof doc !== "object")) {
    throw invalid(`${what} must be a plain object, not ${describe(doc)}`);
  }
  return snapshot(doc);
}

function* documentRows(docs: Iterable<object>): Generator<Row> {
  if (typeof (docs as Partial<typeof docs> | null)?.[Symbol.iterator] !== "function") {
    throw invalid(`docs must be iterable, not ${describe(docs)}`);
  }
  let at = 0;
  for (const doc of docs) yield document(doc, `docs[${at++}]`);
}

/** Checks that a query is a plain object of storable values. */
function queryOf(query: Query | undefined): Snapshot {
  if (query === undefined) return { encoded: "{}" };
  if (readableShapeOf(query) !== Shape.Object) {
    throw invalid(`query must be a plain object, not ${describe(query)}`);
  }
  try {
    const taken = snapshot(query);
    within("query", taken.encoded.length, MAX_QUERY_BYTES);
    const fields = Object.keys(query);
    within("query", fields.length, MAX_FIELDS, "fields");
    fields.forEach(paths("query"));
    return taken;
  } catch (error) {
    if (!isPatchStoreError(error) || error.code !== "NotStorable") throw error;
    const { path, cause } = error;
    throw new PatchStoreError("InvalidArgument", `query: ${error.message}`, { path, cause });
  }
}
