import { invalid } from "../errors.js";
import { denied, exceeded, type Permit } from "./grant.js";
import { methodOf, type Method } from "./methods.js";
import type { Room, Rooms } from "./rooms.js";
import { weigh } from "./weigh.js";

/** Of the arguments of all calls in flight. */
const MAX_TAKEN_BYTES = 256 * 1024 * 1024;
/** Of an argument that is no value to be stored: a range, a query, a list of keys. */
const MAX_ARGUMENT_BYTES = 16 * 1024 * 1024;

/** A call that may be made. */
export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly room: Room;
  readonly args: unknown[];
  /** A watch can be given up before it has begun. */
  isWanted: boolean;
}

/** The rows of a batch that has not come to its end. */
interface Part {
  readonly id: number;
  readonly rows: unknown[];
  bytes: number;
}

/** Decides which messages are calls, and keeps account of what is in flight. */
export class Inbox {
  readonly #permit: Permit;
  readonly #rooms: Rooms;
  #lastId = 0;
  #part: Part | undefined;
  /** Bytes of the arguments of calls that run or wait, by id, and of answers on their way. */
  readonly #taken = new Map<number, number>();
  readonly #unseen = new Map<number, number>();
  #takenBytes = 0;
  #unseenBytes = 0;

  constructor(permit: Permit, rooms: Rooms) {
    this.#permit = permit;
    this.#rooms = rooms;
  }

  /** Bytes of answers that the sandbox has not taken in yet. */
  get unseenBytes(): number {
    return this.#unseenBytes;
  }

  /** Throws InvalidArgument, AccessDenied or LimitExceeded. */
  admit([, id, name, store, given]: readonly unknown[]): Call {
    const isNext = Number.isSafeInteger(id) && (id as number) > this.#lastId;
    if (!isNext) throw invalid("ids of calls must ascend");
    this.#lastId = id as number;
    const part = this.#part?.id === id ? this.#part : undefined;
    this.#part = undefined;

    const method = methodOf(name);
    if (method === undefined) throw denied("a method of that name");
    if (method.writes && !this.#permit.writes) throw denied("writing");
    const room = this.#rooms.at(store);
    if (!Array.isArray(given)) throw invalid("not a list of arguments");
    const args = given.slice(0, method.arity);
    if (this.#taken.size + this.#unseen.size >= this.#permit.maxInFlight) {
      throw exceeded(`more than ${this.#permit.maxInFlight} calls in flight`);
    }
    const bytes = this.#weighAll(method, args) + (part?.bytes ?? 0);
    this.#checkRoom(bytes);
    const rows: unknown = args[method.valueAt];
    if (part !== undefined && method.isBatch && Array.isArray(rows)) {
      args[method.valueAt] = part.rows.concat(rows);
    }
    this.#taken.set(id as number, bytes);
    this.#takenBytes += bytes;
    return { id: id as number, method, room, args, isWanted: true };
  }

  /** Keeps rows for the batch with that id. There is one at a time. */
  addPart(id: number, rows: unknown): void {
    if (!this.#permit.writes) return;
    if (this.#part?.id !== id) this.#part = { id, rows: [], bytes: 0 };
    const part = this.#part;
    // What is too much is known by its size when the batch is complete.
    if (part.bytes > MAX_TAKEN_BYTES) return;
    part.bytes += this.#weighRows(rows);
    if (part.bytes > MAX_TAKEN_BYTES) part.rows.length = 0;
    else if (Array.isArray(rows)) for (const row of rows) part.rows.push(row);
  }

  answered(id: number, bytes: number): void {
    this.#takenBytes -= this.#taken.get(id) ?? 0;
    this.#taken.delete(id);
    this.#unseen.set(id, bytes);
    this.#unseenBytes += bytes;
  }

  /** The sandbox has taken in an answer; false when it cannot have. */
  seen(id: number): boolean {
    const bytes = this.#unseen.get(id);
    if (bytes === undefined) return false;
    this.#unseen.delete(id);
    this.#unseenBytes -= bytes;
    return true;
  }

  end(): void {
    this.#part = undefined;
    this.#taken.clear();
    this.#unseen.clear();
  }

  #checkRoom(bytes: number): void {
    if (this.#takenBytes + bytes > MAX_TAKEN_BYTES) {
      throw exceeded(`calls in flight take more than ${MAX_TAKEN_BYTES} bytes`);
    }
  }

  #weighAll(method: Method, args: readonly unknown[]): number {
    return args.reduce<number>((bytes, each, at) => {
      if (at !== method.valueAt) return bytes + within(each, MAX_ARGUMENT_BYTES, "an argument");
      if (method.isBatch) return bytes + this.#weighRows(each);
      return bytes + within(each, this.#permit.maxValueBytes, "the value");
    }, 0);
  }

  /** Rows are pairs of key and value, or documents: what a key adds may be large for no value. */
  #weighRows(rows: unknown): number {
    if (!Array.isArray(rows)) return weigh(rows, MAX_TAKEN_BYTES);
    if (rows.length > MAX_ROWS) throw exceeded(`more than ${MAX_ROWS} rows in a batch`);
    let bytes = 0;
    for (const row of rows as unknown[]) {
      const value: unknown = Array.isArray(row) ? row[1] : row;
      bytes += 8 + within(value, this.#permit.maxValueBytes, "a value");
      if (Array.isArray(row)) bytes += within(row[0], MAX_ARGUMENT_BYTES, "a key");
      if (bytes > MAX_TAKEN_BYTES) break;
    }
    return bytes;
  }
}

/** Of a message: an array may claim four thousand million holes. */
const MAX_ROWS = 1_000_000;

function within(value: unknown, most: number, what: string): number {
  const bytes = weigh(value, most);
  if (bytes > most) throw exceeded(`${what} takes more than ${most} bytes`);
  return bytes;
}
