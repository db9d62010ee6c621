import { Answers } from "./answers.js";
import { Inserted, InsertedMany } from "./inserted.js";
import { copyOf, weightOf } from "../values/copy.js";
import type { Condition } from "../values/find.js";
import type { ChangesPort } from "./glue.js";
import type { Encoded } from "../values/snapshot.js";

/** The most stores and collections of an engine with copies. The oldest is dropped for a new one. */
const MAX_STORES = 32;
/** No single value may take more than one LARGE_PART-th of the limit. */
const LARGE_PART = 16;
/** A batch that is inserted is kept if it takes at most one BATCH_PART-th of what is left: much of it may never be read. */
const BATCH_PART = 2;

/** All CopyRooms of this realm, the most recently used last, and the bytes that they use together. */
const rooms = new Set<CopyRoom>();
let total = 0;

/**
 * The memory for copies of one engine's values. When it is used up, all copies are dropped. All CopyRooms of a realm
 * together stay within the largest of their limits.
 */
export class CopyRoom {
  readonly #limit: number;
  readonly #stores = new Map<string, Copies>();
  #taken = 0;

  /** @param limit bytes of memory */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The copies of a store, if they exist already. */
  present(store: string): Copies | undefined {
    return this.#stores.get(store);
  }

  /** The copies of a store, created if necessary. `changes` subscribes to its changes, which copies require. */
  of(store: string, changes: () => ChangesPort | undefined): Copies | undefined {
    const known = this.#stores.get(store);
    if (known !== undefined) return known;
    const port = changes();
    if (port === undefined) return undefined;
    for (const [oldest, copies] of this.#stores) {
      if (this.#stores.size < MAX_STORES) break;
      this.#stores.delete(oldest);
      copies.end();
    }
    const copies = new Copies(port, this);
    this.#stores.set(store, copies);
    return copies;
  }

  /** Access to the copies of one scope. */
  scope(name: string, isNode: boolean): ScopeCopies {
    return new ScopeCopies(this, name, isNode);
  }

  get limit(): number {
    return this.#limit;
  }

  /** How many bytes can be taken without dropping copies. */
  get left(): number {
    return this.#limit - Math.max(this.#taken, total);
  }

  /** Takes memory. If it runs out, drops this engine's copies, then those of the least recently used engines. */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#limit) this.#clear();
    rooms.delete(this);
    rooms.add(this);
    if (total + bytes > this.#limit) {
      const most = Math.max(...[...rooms].map((room) => room.#limit));
      for (const room of rooms) if (total + bytes > most) room.#clear();
    }
    this.#taken += bytes;
    total += bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
    total -= bytes;
  }

  #clear(): void {
    for (const copies of this.#stores.values()) copies.clear();
  }

  end(): void {
    for (const copies of this.#stores.values()) copies.end();
    this.#stores.clear();
    rooms.delete(this);
  }
}

/** A find of whole documents in the order of insertion, without a limit. */
export interface Whole {
  /** Whether it is for all that there are. */
  readonly isAll: boolean;
  /** What they must meet, if that can be decided here. */
  readonly conditions: readonly Condition[] | undefined;
}

/** Access to the copies of a scope's key-value pairs or of one of its collections. */
export class ScopeCopies {
  readonly #room: CopyRoom;
  readonly #prefix: string;
  #last: Copies | undefined;
  #lastOf: string | undefined;

  constructor(room: CopyRoom, name: string, isNode: boolean) {
    this.#room = room;
    this.#prefix = `${isNode ? "node" : "name"} ${name.length} ${name}`;
  }

  /** Access to the copies of a named store. */
  named(name: string): ScopeCopies {
    return new ScopeCopies(this.#room, name, false);
  }

  /** The copies, created if possible.
   *  @param collection "" for the key-value pairs */
  of(collection: string, changes: () => ChangesPort | undefined): Copies | undefined {
    return this.present(collection) ?? (this.#last = this.#room.of(this.#prefix + collection, changes));
  }

  /** The copies, if they exist already. */
  present(collection: string): Copies | undefined {
    if (this.#lastOf !== collection || this.#last?.ended !== false) {
      this.#lastOf = collection;
      this.#last = this.#room.present(this.#prefix + collection);
    }
    return this.#last;
  }
}

/**
 * Copies of values that were read from one store, by key or id. Wasm reports what has changed since, so
 * a copy equals what a read would return now.
 */
export class Copies {
  readonly #room: CopyRoom;
  #port: ChangesPort | undefined;
  #stamp = NaN;
  readonly #values = new Map<string, unknown>();
  #isRead = false;
  /** All documents of the collection in insertion order, if they are complete. */
  #all: object[] | undefined;
  /** Their places, for the marks of results. */
  #places = "";
  #bytes = 0;
  /** The stamp at which all documents were read last. */
  #readAt = NaN;
  readonly #answers = new Answers((bytes) => this.#take(bytes));

  constructor(port: ChangesPort, room: CopyRoom) {
    this.#port = port;
    this.#room = room;
  }

  get ended(): boolean {
    return this.#port === undefined;
  }

  /** Whether anything has been read. Until then, what is inserted one by one is not kept: that costs a fifth of an insertion. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** A fresh copy of the value under `key`, from here or from `read`. */
  one(key: string, read: () => unknown): unknown {
    if (!this.#isCurrent()) return read();
    const kept = this.#values.get(key);
    if (kept instanceof Inserted) return this.#parse(key, kept);
    if (kept !== undefined) return copyOf(kept);
    const found = read();
    // A read that is still running may return a value of another moment.
    if (found !== null && found !== undefined && !(found instanceof Promise)) this.#keep(key, found);
    return found;
  }

  /**
   * Fresh copies of all documents that `asked` is for, and behind them, if there are any, the mark of the last one; from here
   * or from `read`, which with `places` reads all of the collection, and gives the places of all in place of the mark.
   * All is kept when it is read twice between two changes: keeping takes time and memory, and most lists are read once.
   */
  all(asked: Whole, read: (places: boolean) => unknown): unknown {
    if (!this.#isCurrent()) return read(false);
    if (this.#all !== undefined) {
      const { conditions } = asked;
      if (conditions === undefined) return read(false);
      const met = meeting(conditions, this.#all);
      const last = this.#all.lastIndexOf(met.at(-1) as object);
      return withMark(met.map(copyOf), this.#places, last);
    }
    if (!asked.isAll) return read(false);
    const stamp = this.#stamp;
    if (this.#readAt !== stamp) {
      this.#readAt = stamp;
      return read(false);
    }
    const found = read(true);
    if (!(found instanceof Promise)) return this.#keepAll(found as unknown[]);
    return found.then((found: unknown[]) => this.#keepAll(found, this.#stampNow() === stamp));
  }

  /** Fresh copies of what a find gave, from here or from `read`. It is kept when it is asked twice between two changes. */
  answer(question: string, read: () => unknown): unknown {
    if (!this.#isCurrent()) return read();
    const kept = this.#answers.get(question);
    if (kept !== undefined) return kept;
    const stamp = this.#stamp;
    const isKept = this.#answers.isAskedAgain(question);
    const found = read();
    const keep = (found: unknown[]): unknown[] => {
      if (isKept && this.#stampNow() === stamp) this.#answers.keep(question, found, this.#room.limit / LARGE_PART);
      return found;
    };
    return found instanceof Promise ? found.then(keep) : keep(found as unknown[]);
  }

  /** Calls `insert`, which returns the new document's id, and keeps the document if reads see it. */
  inserted(encoded: Encoded, nowMs: number, insert: () => string): string {
    const before = this.#isCurrent() ? this.#stamp : NaN;
    const id = insert();
    // Reads do not see a document that still waits in line or was refused; nor one as it was given that is numbered.
    if (before < this.#stampNow() && this.#isCurrent() && this.#port?.rewrites() === false) {
      const document = new Inserted(encoded, nowMs);
      this.#add(id, document.weight, () => document);
    }
    return id;
  }

  /** What a batch inserts at `createdMs`, to be kept if there is room for it. */
  batch(createdMs: number): InsertedMany {
    return new InsertedMany(createdMs, this.#room.left / BATCH_PART, {
      stamp: () => (this.#isCurrent(false) ? this.#stamp : NaN),
      keep: (documents, bytes) => {
        if (this.#port?.rewrites() !== false) return;
        this.#take(bytes);
        for (const [id, document] of documents) this.#values.set(id, document);
      },
    });
  }

  clear(): void {
    this.#values.clear();
    this.#answers.clear();
    this.#all = undefined;
    this.#places = "";
    this.#room.give(this.#bytes);
    this.#bytes = 0;
  }

  end(): void {
    this.clear();
    this.#port?.free();
    this.#port = undefined;
  }

  #stampNow(): number {
    return this.#port?.stamp() ?? NaN;
  }

  /** Drops what has changed. False if a read must go to wasm, because it would wait there or fail. */
  #isCurrent(isRead = true): boolean {
    this.#isRead ||= isRead;
    const stamp = this.#stampNow();
    if (stamp === this.#stamp) return true;
    if (Number.isNaN(stamp)) return false;
    this.#stamp = stamp;
    const changed = this.#port?.take() as string[] | undefined;
    if (changed === undefined) this.clear();
    else for (const key of changed) this.#drop(key);
    this.#all = undefined;
    this.#free(this.#places.length + this.#answers.clear());
    this.#places = "";
    return true;
  }

  #keep(key: string, value: unknown): void {
    this.#add(key, weightOf(value), () => copyOf(value));
  }

  #add(key: string, weight: number, copy: () => unknown): void {
    const bytes = weightOf(key) + weight;
    if (bytes === Infinity || bytes > this.#room.limit / LARGE_PART) return;
    this.#take(bytes);
    this.#values.set(key, copy());
  }

  #take(bytes: number): void {
    this.#room.take(bytes);
    this.#bytes += bytes;
  }

  #parse(id: string, inserted: Inserted): object {
    const document = inserted.parse(id);
    this.#drop(id);
    this.#keep(id, document);
    return document;
  }

  #drop(key: string): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    const bytes = weightOf(key) + (value instanceof Inserted ? value.weight : weightOf(value));
    this.#values.delete(key);
    this.#free(bytes);
  }

  #free(bytes: number): void {
    this.#bytes -= bytes;
    this.#room.give(bytes);
  }

  /** @param found documents, and behind them the places of all; of very many, which are not kept, the mark of the last one */
  #keepAll(found: unknown[], isCurrent = true): unknown[] {
    if (found.length > MOST_PLACES + 1) return found;
    const places = (found.pop() ?? "") as string;
    const docs = found as { _id: string }[];
    let bytes = places.length;
    for (const doc of docs) {
      bytes += weightOf(doc._id) + weightOf(doc);
      if (bytes === Infinity || bytes > this.#room.limit) isCurrent = false;
      if (!isCurrent) return withMark(docs, places, docs.length - 1);
    }
    if (isCurrent) {
      this.clear();
      this.#take(bytes);
      this.#all = docs.map(copyOf) as object[];
      this.#places = places;
      for (const copy of this.#all as { _id: string }[]) this.#values.set(copy._id, copy);
    }
    return withMark(docs, places, docs.length - 1);
  }
}

/** The places of more documents are not told (`models/documents/find.rs`). */
const MOST_PLACES = 16384;
/** The length of a place in a text of many. */
const PLACE_DIGITS = 24;

/** Adds the mark of the document of that number among those with these places. (`models/documents/after.rs`: a place whose first
 *  bit is set is provisional, and the last one before it that is not follows it.) */
function withMark(docs: unknown[], places: string, number: number): unknown[] {
  if (docs.length === 0) return docs;
  const at = (number: number) => places.slice(number * PLACE_DIGITS, (number + 1) * PLACE_DIGITS);
  const isProvisional = (place: string) => place >= "8";
  let floor = number;
  while (floor >= 0 && isProvisional(at(floor))) floor -= 1;
  const before = floor < 0 ? "0".repeat(PLACE_DIGITS) : at(floor);
  docs.push(floor === number ? at(number) : at(number) + before);
  return docs;
}

function meeting(conditions: readonly Condition[], docs: readonly object[]): readonly object[] {
  return conditions.reduce(
    (left, [name, is]) => left.filter((doc) => is((doc as Record<string, unknown>)[name]) && Object.hasOwn(doc, name)),
    docs,
  );
}
