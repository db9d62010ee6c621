import { copyOf, weightOf } from "../values/copy.js";
import type { Condition } from "../values/find.js";
import type { ChangesPort } from "./glue.js";
import { restore } from "../values/values.js";
import type { Encoded } from "../values/snapshot.js";

/** Stores and collections of an engine that copies are kept of, those asked for last. */
const MAX_STORES = 32;
/** No single value may take more than this part of the room. */
const LARGE_PART = 16;

/** The rooms of a page, those that were used last at the end, and what they have taken. */
const rooms = new Set<CopyRoom>();
let total = 0;

/**
 * What copies of an engine's values may take together. When it is used up, all are dropped. Those of a page keep together
 * to the largest limit that any of them has.
 */
export class CopyRoom {
  readonly #limit: number;
  readonly #stores = new Map<string, Copies>();
  #taken = 0;

  /** @param limit bytes of memory */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The copies of a store, if there are any. */
  present(store: string): Copies | undefined {
    return this.#stores.get(store);
  }

  /** The copies of a store; `changes` begins to listen to its changes, where that is to be had. */
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

  /** The copies of the stores of one scope. */
  scope(name: string, isNode: boolean): ScopeCopies {
    return new ScopeCopies(this, name, isNode);
  }

  get limit(): number {
    return this.#limit;
  }

  /** Takes room, from all others if there is not enough. */
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

/** The way to the copies of a scope's pairs, or of one of its collections. */
export class ScopeCopies {
  readonly #room: CopyRoom;
  readonly #prefix: string;
  #last: Copies | undefined;
  #lastOf: string | undefined;

  constructor(room: CopyRoom, name: string, isNode: boolean) {
    this.#room = room;
    this.#prefix = `${isNode ? "node" : "name"} ${name.length} ${name}`;
  }

  /** The same for a named store. */
  named(name: string): ScopeCopies {
    return new ScopeCopies(this.#room, name, false);
  }

  /** @param collection "" for the pairs */
  of(collection: string, changes: () => ChangesPort | undefined): Copies | undefined {
    return this.present(collection) ?? (this.#last = this.#room.of(this.#prefix + collection, changes));
  }

  /** The same, if any are kept already. */
  present(collection: string): Copies | undefined {
    if (this.#lastOf !== collection || this.#last?.ended !== false) {
      this.#lastOf = collection;
      this.#last = this.#room.present(this.#prefix + collection);
    }
    return this.#last;
  }
}

/**
 * Copies of values that were read from one store, by key or id. Wasm says what has changed since: what is
 * handed out is what a read of this moment would give.
 */
export class Copies {
  readonly #room: CopyRoom;
  #port: ChangesPort | undefined;
  #stamp = NaN;
  readonly #values = new Map<string, unknown>();
  /** All values of the store, in their order. */
  #all: object[] | undefined;
  #bytes = 0;

  constructor(port: ChangesPort, room: CopyRoom) {
    this.#port = port;
    this.#room = room;
  }

  get ended(): boolean {
    return this.#port === undefined;
  }

  /** A fresh copy of the value under `key`, from here or from `read`. */
  one(key: string, read: () => unknown): unknown {
    if (!this.#isCurrent()) return read();
    const kept = this.#values.get(key);
    if (kept instanceof Inserted) return this.#parse(key, kept);
    if (kept !== undefined) return copyOf(kept);
    const found = read();
    // What is still to come may be of another moment.
    if (found !== null && found !== undefined && !(found instanceof Promise)) this.#keep(key, found);
    return found;
  }

  /** Fresh copies of all documents that meet `conditions`, from here or from `read`. */
  all(conditions: readonly Condition[], read: () => unknown): unknown {
    if (!this.#isCurrent()) return read();
    if (this.#all !== undefined) return meeting(conditions, this.#all).map(copyOf);
    if (conditions.length > 0) return read();
    const stamp = this.#stamp;
    const found = read();
    if (!(found instanceof Promise)) return this.#keepAll(found as { _id: string }[]);
    return found.then((docs: { _id: string }[]) => (this.#stampNow() === stamp ? this.#keepAll(docs) : docs));
  }

  /** Has a document inserted by `insert`, which gives its id, and keeps it once reads see it. */
  inserted(encoded: Encoded, nowMs: number, insert: () => string): string {
    const before = this.#isCurrent() ? this.#stamp : NaN;
    const id = insert();
    // It is not seen where it waits in line, or was refused.
    if (before < this.#stampNow() && this.#isCurrent()) {
      const document = new Inserted(encoded, nowMs);
      this.#add(id, document.weight, () => document);
    }
    return id;
  }

  clear(): void {
    this.#values.clear();
    this.#all = undefined;
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

  /** Drops what has changed. False when a read has to go to wasm: it would wait there, or fail. */
  #isCurrent(): boolean {
    const stamp = this.#stampNow();
    if (stamp === this.#stamp) return true;
    if (Number.isNaN(stamp)) return false;
    this.#stamp = stamp;
    const changed = this.#port?.take() as string[] | undefined;
    if (changed === undefined) this.clear();
    else for (const key of changed) this.#drop(key);
    this.#all = undefined;
    return true;
  }

  #keep(key: string, value: unknown): void {
    this.#add(key, weightOf(value), () => copyOf(value));
  }

  #add(key: string, weight: number, copy: () => unknown): void {
    const bytes = weightOf(key) + weight;
    if (bytes === Infinity || bytes > this.#room.limit / LARGE_PART) return;
    this.#room.take(bytes);
    this.#bytes += bytes;
    this.#values.set(key, copy());
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
    this.#bytes -= bytes;
    this.#room.give(bytes);
  }

  #keepAll(docs: { _id: string }[]): unknown[] {
    let bytes = 0;
    for (const doc of docs) {
      bytes += weightOf(doc._id) + weightOf(doc);
      if (bytes === Infinity || bytes > this.#room.limit) return docs;
    }
    this.clear();
    this.#room.take(bytes);
    this.#bytes = bytes;
    this.#all = docs.map(copyOf) as object[];
    for (const copy of this.#all as { _id: string }[]) this.#values.set(copy._id, copy);
    return docs;
  }
}

function meeting(conditions: readonly Condition[], docs: readonly object[]): readonly object[] {
  return conditions.reduce(
    (left, [name, is]) => left.filter((doc) => is((doc as Record<string, unknown>)[name]) && Object.hasOwn(doc, name)),
    docs,
  );
}

/** A document as it was inserted, which nobody has asked for yet. */
class Inserted {
  readonly #encoded: Encoded;
  readonly #nowMs: number;

  constructor(encoded: Encoded, nowMs: number) {
    this.#encoded = encoded;
    this.#nowMs = nowMs;
  }

  get weight(): number {
    return weightOf(typeof this.#encoded === "string" ? this.#encoded : this.#encoded.buffer);
  }

  /** As it was stored: its own properties first, the given ones of these names left out. */
  parse(id: string): object {
    const { _id, _created, _updated, ...given } = restore(this.#encoded) as Record<string, unknown>;
    return { _id: id, _created: this.#nowMs, _updated: this.#nowMs, ...given };
  }
}
