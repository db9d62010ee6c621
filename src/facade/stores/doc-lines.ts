import { invalid, isPatchStoreError, type PatchStoreError } from "../base/errors.js";
import { describe, key } from "../base/names.js";
import type { DB, ImportedLines } from "../base/types.js";
import type { Exported } from "../lines/export.js";
import { LineError, type Row, type Sink } from "../lines/import.js";
import type { OnConflict } from "../lines/options.js";
import type { Atomic } from "./atomic.js";

/** Ids that one query asks for: their longest names are within the size of a query. */
const ASKED_IDS = 256;

type Object = Record<string, unknown>;
type DocRow = Row<{ readonly doc: Object; readonly id: string | undefined }>;
type Counts = Omit<ImportedLines, "lines">;

/** The documents of a collection, for lines. */
export async function* documents(docs: AsyncIterableIterator<Object>): AsyncGenerator<Exported, void, undefined> {
  for await (const doc of docs) yield [doc, `the document ${JSON.stringify(doc._id)}`];
}

/** Where the documents of lines go. */
export class DocSink implements Sink<{ doc: Object; id: string | undefined }> {
  readonly level = 1;
  readonly #db: DB;
  readonly #atomic: Atomic;
  readonly #collection: string;

  /** @param atomic that of the store */
  constructor(db: DB, atomic: Atomic, collection: string) {
    this.#db = db;
    this.#atomic = atomic;
    this.#collection = collection;
  }

  take(object: object): { doc: Object; id: string | undefined } {
    const doc = object as Object;
    const { _id: id } = doc;
    if (id !== undefined) key(id, "the document's _id");
    for (const time of ["_created", "_updated"]) {
      const ms = doc[time];
      if (ms === undefined || (Number.isSafeInteger(ms) && (ms as number) >= 0)) continue;
      throw invalid(`the document's ${time} must be a whole number of milliseconds from 0 on, not ${typeof ms === "number" ? ms : describe(ms)}`);
    }
    return { doc, id: id as string | undefined };
  }

  store(rows: readonly DocRow[], onConflict: OnConflict): Promise<Counts> {
    return onConflict === "error" ? this.#insertNew(rows) : this.#atomic.db((db) => this.#insertOr(db, rows, onConflict));
  }

  async #insertNew(rows: readonly DocRow[]): Promise<Counts> {
    try {
      await this.#insert(this.#db, rows);
    } catch (error) {
      throw error instanceof LineError ? error : new LineError(await this.#blamed(rows, error).catch(() => 0), error);
    }
    return counts({ inserted: rows.length });
  }

  async #insertOr(db: DB, rows: readonly DocRow[], onConflict: OnConflict): Promise<Counts> {
    const there = await this.#there(db, rows);
    const [fresh, replaced] = [new Map<unknown, DocRow>(), new Map<string, DocRow>()];
    for (const row of rows) {
      const { id = row } = row;
      const isTaken = typeof id === "string" && there.has(id);
      if (onConflict === "skip" ? !isTaken && !fresh.has(id) : !isTaken) fresh.set(id, row);
      if (isTaken && onConflict === "replace") replaced.set(id, row);
    }
    await this.#insert(db, [...fresh.values()]);
    for (const [id, row] of replaced) {
      await db.replace(this.#collection, id, row.doc).catch((error: unknown) => {
        throw new LineError(row.line, error);
      });
    }
    const others = rows.length - fresh.size;
    return counts({ inserted: fresh.size, [onConflict === "skip" ? "skipped" : "replaced"]: others });
  }

  /** Inserts the documents of rows. Where one cannot be taken in, throws a {@link LineError}. */
  async #insert(db: DB, rows: readonly DocRow[]): Promise<void> {
    let taking: DocRow | undefined;
    function* docs(): Generator<object> {
      for (taking of rows) yield taking.doc;
      taking = undefined;
    }
    try {
      await db.insertMany(this.#collection, docs(), { keepTimes: true });
    } catch (error) {
      throw taking === undefined ? error : new LineError((taking as DocRow).line, error);
    }
  }

  /** Those of the rows' ids that are in use. */
  async #there(db: DB, rows: readonly DocRow[]): Promise<Set<string>> {
    const there = new Set<string>();
    const ids = rows.flatMap(({ id }) => (id === undefined ? [] : [id]));
    for (let from = 0; from < ids.length; from += ASKED_IDS) {
      const found = await db.find(this.#collection, { _id: { $in: ids.slice(from, from + ASKED_IDS) } }, { fields: [] });
      for (const { _id } of found) there.add(_id);
    }
    return there;
  }

  /** The line of the row because of which the rows were refused; 0 if that cannot be told. */
  async #blamed(rows: readonly DocRow[], error: unknown): Promise<number> {
    if (!isPatchStoreError(error)) return 0;
    if (error.code === "Exists") {
      const there = await this.#atomic.db((db) => this.#there(db, rows));
      return rows.find(({ id }) => id !== undefined && (there.has(id) || !there.add(id)))?.line ?? 0;
    }
    if (error.code !== "ConstraintViolation" && error.code !== "NotStorable") return 0;
    const named = rows.findLast(({ id }) => id !== undefined && error.ids?.includes(id));
    if (named !== undefined && error.ids?.length === 2) return named.line;
    // (Within a transaction, what is tried would be part of it.)
    if (this.#atomic.isTransaction) return 0;
    return tried((tries) => this.#atomic.db((db) => tries((row) => this.#insert(db, [row]))), rows, error);
  }
}

/**
 * The line of the first of the rows that is refused, one after the other, as all of them were; 0 if none is. Nothing of it stays.
 * @param inTransaction gives what stores a row
 */
export async function tried<R extends { readonly line: number }>(
  inTransaction: (tries: (store: (row: R) => Promise<unknown>) => Promise<never>) => Promise<unknown>,
  rows: readonly R[],
  error: PatchStoreError,
): Promise<number> {
  const stop = {};
  let line = 0;
  const tries = async (store: (row: R) => Promise<unknown>): Promise<never> => {
    line = 0;
    for (const row of rows) {
      const why = await store(row).then(() => undefined, (error: unknown) => (error instanceof LineError ? error.error : error));
      if (!isPatchStoreError(why) || !isAlike(why, error)) continue;
      line = row.line;
      break;
    }
    throw stop;
  };
  await inTransaction(tries).catch((error: unknown) => {
    if (error !== stop) line = 0;
  });
  return line;
}

/** (An error's last id is that of what is there or missing; one that was made up for a row is another one the next time.) */
function isAlike(a: PatchStoreError, b: PatchStoreError): boolean {
  return a.code === b.code && (a.message === b.message || (a.ids !== undefined && a.ids.at(-1) === b.ids?.at(-1)));
}

/** What is not given is 0. */
export function counts(given: Partial<Counts>): Counts {
  return { inserted: 0, replaced: 0, skipped: 0, expired: 0, ...given };
}
