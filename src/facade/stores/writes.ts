import { nowMs } from "../base/clock.js";
import { invalid } from "../base/errors.js";
import { MAX_FIELDS, MAX_QUERY_BYTES, within } from "../base/limits.js";
import { crossing, describe, key, name } from "../base/names.js";
import { bool, func, known } from "../base/options.js";
import { synchronous } from "../base/schema.js";
import type { Query, UpdateOptions, UpsertOptions } from "../base/types.js";
import { isPromise, split, type Validate } from "../base/validate.js";
import type { ScopeCopies } from "../bridge/copies.js";
import { BlobReader } from "../bridge/blobs.js";
import type { DbPort } from "../bridge/glue.js";
import type { Handle } from "../bridge/handle.js";
import { sendRows, type Row } from "../bridge/slices.js";
import { told, type Done } from "../bridge/trap.js";
import type { Encoded, Snapshot } from "../values/snapshot.js";
import { checked, type Check } from "./checked.js";
import { document, documentRows, plain } from "./document.js";
import { queryOf } from "../values/query.js";
import { exchange, update, type Slot } from "./update.js";
import { valid } from "./valid.js";

/** Gets a document, or null; gives the one to put in its place, or undefined. */
export type Change = (doc: unknown) => unknown;

const COLLECTION = "collection name";

/**
 * The writes of one document store. What is written is validated where a validator comes along; a `check` is made inside of the
 * write instead, of the whole document that would be stored.
 */
export class DocWrites {
  readonly #handle: Handle;
  readonly #port: DbPort;
  readonly #copies: ScopeCopies | undefined;

  constructor(handle: Handle, port: DbPort, copies?: ScopeCopies) {
    this.#handle = handle;
    this.#port = port;
    this.#copies = copies;
  }

  async insert(collection: string, doc: object, validate?: Validate): Promise<string> {
    const c = name(collection, COLLECTION);
    this.#handle.check();
    const taken = document(doc, "doc");
    const accepted = validate === undefined ? taken : valid(this.#handle, taken, validate);
    if (accepted instanceof Promise) {
      let ready: Snapshot;
      const call = () => told((done) => this.#insert(c, ready.encoded, done));
      return this.#handle.hold(accepted.then((made) => (ready = made)), call);
    }
    return this.#handle.tell(accepted, (done) => {
      const copies = accepted.gaps === undefined ? this.#copies?.present(c) : undefined;
      if (copies?.isRead !== true) return this.#insert(c, accepted.encoded, done);
      const createdMs = nowMs();
      return copies.inserted(accepted.encoded, createdMs, () => this.#insert(c, accepted.encoded, done, createdMs));
    });
  }

  #insert(c: string, encoded: Encoded, done: Done, createdMs = nowMs()): string {
    return this.#port.insert(c, encoded, createdMs, done) as string;
  }

  async insertMany(
    collection: string,
    docs: Iterable<object>,
    options?: { keepTimes?: boolean },
    validate?: Validate,
  ): Promise<string[]> {
    const c = name(collection, COLLECTION);
    const { keepTimes } = known("options", options, ["keepTimes"]);
    const keeps = bool("options.keepTimes", keepTimes);
    this.#handle.check();
    const createdMs = nowMs();
    const copies = keeps ? undefined : this.#handle.now(() => this.#copies?.of(c, () => this.#port.changes(c)));
    const kept = copies?.batch(createdMs);
    const row = (taken: Snapshot): Row => {
      const accepted = validate === undefined ? taken : valid(this.#handle, taken, validate);
      const row = accepted instanceof Promise ? { encoded: taken.encoded, later: accepted } : accepted;
      kept?.add(row);
      return row;
    };
    const batch = this.#handle.now(() => this.#port.batch(c, createdMs, keeps));
    const commit = () => batch.commit() as Promise<string[]>;
    return sendRows(this.#handle, documentRows(docs, row), batch, kept === undefined ? commit : () => kept.sent(commit));
  }

  async replace(collection: string, id: string, doc: object, validate?: Validate): Promise<boolean> {
    const c = name(collection, COLLECTION);
    const k = key(id, "id");
    this.#handle.check();
    const taken = document(doc, "doc");
    const accepted = validate === undefined ? taken : valid(this.#handle, taken, validate);
    if (accepted instanceof Promise) {
      let ready: Snapshot;
      const call = () => this.#port.replace(c, k, ready.encoded) as Promise<boolean>;
      return this.#handle.hold(accepted.then((made) => (ready = made)), call);
    }
    return this.#handle.send(accepted, () => this.#port.replace(c, k, accepted.encoded)) as Promise<boolean>;
  }

  async update(
    collection: string,
    id: string,
    changes: object,
    options?: UpdateOptions,
    check?: Check,
  ): Promise<boolean> {
    const c = name(collection, COLLECTION);
    const k = key(id, "id");
    const unset = unsetOf(options);
    this.#handle.check();
    const taken = document(changes, "changes");
    return checked(this.#handle, taken, check, (check) =>
      this.#port.update(c, k, taken.encoded, unset, check) as Promise<boolean>);
  }

  async modify(collection: string, id: string, change: Change, validate?: Validate): Promise<unknown> {
    const slot = this.#slot(collection, id);
    func("change", change);
    this.#handle.check();
    const validated = validate && synchronous(validate);
    return update(this.#handle, slot, (old) => {
      const made = change(old ?? null);
      if (made === undefined || isPromise(made)) return made;
      const doc = plain(made, "what change returns");
      return validated === undefined ? doc : plain(validated(split(doc).bare), "what the schema makes of a document");
    });
  }

  /** The same where `next` answers later: without its own answer in the meantime the document is not written. */
  async exchange(collection: string, id: string, next: (doc: unknown) => Promise<unknown>): Promise<unknown> {
    return exchange(this.#handle, this.#slot(collection, id), async (old) => {
      const made = await next(old ?? null);
      return made === undefined ? undefined : plain(made, "what change returns");
    });
  }

  #slot(collection: string, id: string): Slot {
    const c = name(collection, COLLECTION);
    const k = key(id, "id");
    return {
      run: (change) => this.#port.modify(c, k, change),
      result: (_, done) => done,
    };
  }

  async upsert(
    collection: string,
    doc: object,
    options?: UpsertOptions,
    check?: Check,
  ): Promise<{ id: string; inserted: boolean }> {
    const c = name(collection, COLLECTION);
    const on = onOf(options);
    this.#handle.check();
    const taken = document(doc, "doc");
    const [id, inserted] = await checked(this.#handle, taken, check, (check) => {
      // Another run may make up another id.
      const one = check && ((object: Encoded | undefined) => check(object, ""));
      return this.#port.upsert(c, taken.encoded, on, one) as Promise<[string, boolean]>;
    });
    return { id, inserted };
  }

  async updateMany(
    collection: string,
    query: Query,
    changes: object,
    options?: UpdateOptions,
    check?: Check,
  ): Promise<number> {
    const c = name(collection, COLLECTION);
    const q = queryOf(given(query));
    const unset = unsetOf(options);
    this.#handle.check();
    const taken = document(changes, "changes");
    let broken: { readonly error: unknown } | undefined;
    if (q.gaps !== undefined) {
      const filled = new BlobReader(this.#handle.place).fill(q);
      this.#handle.block(filled.catch((error: unknown) => (broken = { error })));
    }
    return checked(this.#handle, taken, check, (check) => {
      if (broken !== undefined) throw broken.error;
      return this.#port.updateMany(c, q.encoded, q.patterns, taken.encoded, unset, check) as Promise<number>;
    });
  }

  async deleteMany(collection: string, query: Query): Promise<number> {
    const c = name(collection, COLLECTION);
    const q = queryOf(given(query));
    return this.#handle.send(q, () => this.#port.deleteMany(c, q.encoded, q.patterns)) as Promise<number>;
  }
}

/** A query that must be there: none at all would mean all documents. */
function given(query: Query): Query {
  if (query === undefined) throw invalid("query must be a plain object, not undefined: {} means all documents");
  return query;
}

function unsetOf(options: UpdateOptions | undefined): string[] {
  const { unset } = known("options", options, ["unset"]);
  return unset === undefined ? [] : fieldsOf("options.unset", unset);
}

function onOf(options: UpsertOptions | undefined): string[] {
  const { on } = known("options", options, ["on"]);
  if (on === undefined) return [];
  const fields = fieldsOf("options.on", typeof on === "string" ? [on] : on);
  if (fields.length === 0) throw invalid("options.on must name a field");
  return fields;
}

/** Names of fields, encoded for wasm. */
function fieldsOf(what: string, fields: unknown): string[] {
  if (!Array.isArray(fields)) throw invalid(`${what} must be an array, not ${describe(fields)}`);
  within(what, fields.length, MAX_FIELDS, "fields");
  let units = 0;
  return fields.map((field: unknown) => {
    if (typeof field !== "string") throw invalid(`${what} must contain strings, not ${describe(field)}`);
    within(what, (units += field.length), MAX_QUERY_BYTES, "units");
    return crossing(field);
  });
}
