import { invalid, type PatchStoreError } from "../base/errors.js";
import { denied, exceeded, type Permit } from "./grant.js";
import type { KnownRefs } from "./known.js";
import { methodOf, type Method } from "./methods.js";
import type { Room, Rooms } from "./rooms.js";
import { weigh } from "./weigh.js";
import { includesPatterns } from "../values/include.js";
import { hasPatterns } from "../values/patterns.js";

/** The limit for the arguments of all calls in flight together. */
const MAX_TAKEN_BYTES = 256 * 1024 * 1024;
/** The limit for an argument that is not a value to store: a range, a query, a list of keys. */
const MAX_ARGUMENT_BYTES = 16 * 1024 * 1024;

const NO_CALL = "not a call of this protocol";

/** An admitted call. */
export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly room: Room;
  readonly args: unknown[];
  /** False once the sandbox has stopped the call, which can happen before the call has begun. */
  isWanted: boolean;
}

/** The rows of a batch that is still arriving. */
interface Part {
  readonly id: number;
  readonly rows: unknown[];
  bytes: number;
}

/** A call whose answer is not acknowledged yet. `bytes` are those of the arguments, then those of the answer. */
interface Flight {
  readonly bytes: number;
  readonly isAnswered: boolean;
}

/** Admits calls and accounts for the bytes in flight. */
export class Inbox {
  readonly #permit: Permit;
  readonly #rooms: Rooms;
  readonly #known: KnownRefs;
  #lastId = 0;
  #part: Part | undefined;
  readonly #flights = new Map<number, Flight>();
  #takenBytes = 0;
  /** Bytes of answers that the sandbox has not acknowledged. */
  unseenBytes = 0;

  constructor(permit: Permit, rooms: Rooms, known: KnownRefs) {
    this.#permit = permit;
    this.#rooms = rooms;
    this.#known = known;
  }

  /** Throws InvalidArgument, AccessDenied or LimitExceeded. */
  admit(message: readonly unknown[]): Call {
    const [, id, name, store, given] = message as [unknown, number, unknown, unknown, unknown];
    if (id <= this.#lastId) throw invalid(NO_CALL);
    this.#lastId = id;
    const part = this.#part?.id === id ? this.#part : undefined;
    this.#part = undefined;

    const method = methodOf(name);
    if (method === undefined) throw denied("a method of that name");
    if (method.writes && !this.#permit.writes) throw denied("writing");
    if (method.defines && !this.#permit.define) throw denied("making indexes and definitions");
    const room = this.#rooms.at(store);
    if (!Array.isArray(given)) throw invalid(NO_CALL);
    let args = given.slice(0, method.arity);
    if (this.#flights.size >= this.#permit.maxInFlight) {
      throw exceeded(`${this.#flights.size + 1} calls in flight; the limit is ${this.#permit.maxInFlight}`);
    }
    let bytes = part?.bytes ?? 0;
    args.forEach((each, at) => {
      const isValue = at === method.valueAt;
      if (isValue && method.isBatch) return void (bytes += this.#weighRows(each));
      if (!isValue && Array.isArray(each) && each.length > MAX_KEYS) throw exceeded(`${each.length} keys; the limit is ${MAX_KEYS}`);
      bytes += within(each, isValue ? this.#permit.maxValueBytes : MAX_ARGUMENT_BYTES);
    });
    const at = method.queryAt;
    if (!this.#permit.regex && at !== undefined && (hasPatterns(args[at]) || (!method.writes && includesPatterns(args[at + 1])))) throw denied("$regex");
    if (this.#takenBytes + bytes > MAX_TAKEN_BYTES) throw tooLarge(this.#takenBytes + bytes, MAX_TAKEN_BYTES);
    args = this.#known.admit(args, message[5]);
    const rows: unknown = args[method.valueAt];
    if (part !== undefined && method.isBatch) args[method.valueAt] = part.rows.concat(rows);
    this.#flights.set(id, { bytes, isAnswered: false });
    this.#takenBytes += bytes;
    return { id, method, room, args, isWanted: true };
  }

  /** Keeps rows for the batch with that id. Only one batch is kept at a time. */
  addPart(id: number, rows: unknown, refs: unknown): void {
    if (!this.#permit.writes) return;
    if (this.#part?.id !== id) this.#part = { id, rows: [], bytes: 0 };
    const part = this.#part;
    // If these rows are refused, this size makes the call that completes the batch fail as well.
    const { bytes } = part;
    part.bytes = Infinity;
    const now = bytes + this.#weighRows(rows);
    if (now > MAX_TAKEN_BYTES) return void (part.rows.length = 0);
    const admitted = this.#known.admit(rows, refs);
    part.bytes = now;
    for (const row of admitted as unknown[]) part.rows.push(row);
  }

  answered(id: number, bytes: number): void {
    this.#takenBytes -= this.#flights.get(id)?.bytes ?? 0;
    this.#flights.set(id, { bytes, isAnswered: true });
    this.unseenBytes += bytes;
  }

  /** Handles the acknowledgement of an answer; false if no such answer is outstanding. */
  seen(id: number): boolean {
    const flight = this.#flights.get(id);
    if (!flight?.isAnswered) return false;
    this.unseenBytes -= flight.bytes;
    return this.#flights.delete(id);
  }

  /** Releases rows and calls in flight. */
  end(): void {
    this.#part = undefined;
    this.#flights.clear();
  }

  /** Rows are [key, value] pairs or documents. Keys are weighed too: a large key can come with a tiny value. */
  #weighRows(rows: unknown): number {
    if (!Array.isArray(rows)) throw invalid(NO_CALL);
    if (rows.length > MAX_ROWS) throw exceeded(`${rows.length} rows in one message; the limit is ${MAX_ROWS}`);
    let bytes = 0;
    for (const row of rows as unknown[]) {
      const value: unknown = Array.isArray(row) ? row[1] : row;
      bytes += ROW_BYTES + within(value, this.#permit.maxValueBytes);
      if (Array.isArray(row)) bytes += within(row[0], MAX_ARGUMENT_BYTES);
      if (bytes > MAX_TAKEN_BYTES) break;
    }
    return bytes;
  }
}

/** The limit for one message, which is weighed without yielding. The client sends 1000 at a time. */
const MAX_ROWS = 10_000;
/** The weight of each row in addition to its value. */
const ROW_BYTES = 64;
/** The limit for one call, whose keys are read without yielding. */
const MAX_KEYS = 100_000;

/** The weight of a value in bytes. Throws LimitExceeded above `most`. */
export function within(value: unknown, most: number): number {
  const bytes = weigh(value, most);
  if (bytes > most) throw tooLarge(bytes, most);
  return bytes;
}

/** @param bytes a lower bound, since weighing stops above the limit */
function tooLarge(bytes: number, most: number): PatchStoreError {
  return exceeded(`at least ${bytes} bytes; the limit is ${most}`);
}
