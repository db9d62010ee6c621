/**
 * Copies of what was read, for those who ask again: values made of plain objects, arrays, Dates, bytes and primitives,
 * all of this realm, as they were made here.
 */
import { viewBytes } from "../base/shape.js";

/** What a string, an object or an array takes besides its content, and a place in one. With these, documents of
 *  300 B weigh 7 % more than V8 was seen to take for them. */
const HEADER_BYTES = 12;
const FIELD_BYTES = 4;
const NUMBER_BYTES = 8;
const DATE_BYTES = 64;
/** What a buffer and a view of it take besides their bytes. */
const BUFFER_BYTES = 200;

/** A copy that shares nothing that can be changed. Much quicker than parsing: names and strings are shared. */
export function copyOf(value: unknown): unknown {
  return typeof value === "object" && value !== null ? copyOfObject(value) : value;
}

function copyOfObject(value: object): object {
  if (Array.isArray(value)) {
    const copy: unknown[] = value.slice();
    for (let at = 0; at < copy.length; at++) {
      const item = copy[at];
      if (typeof item === "object" && item !== null) copy[at] = copyOfObject(item);
    }
    return copy;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return copyOfOther(value);
  const copy = { ...(value as Record<string, unknown>) };
  for (const name in copy) {
    const item = copy[name];
    // (What a page has put on Object.prototype shows up here, too.)
    if (typeof item === "object" && item !== null && Object.hasOwn(copy, name)) copy[name] = copyOfObject(item);
  }
  return copy;
}

function copyOfOther(value: object): object {
  if (value instanceof Date) return new Date(value.getTime());
  const { buffer } = new Uint8Array(bytesOf(value) as Uint8Array);
  if (value instanceof ArrayBuffer) return buffer;
  return new (value.constructor as new (buffer: ArrayBuffer) => object)(buffer);
}

/** The bytes of a buffer, or what a view of one shows; undefined for anything else. */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return ArrayBuffer.isView(value) ? viewBytes(value) : undefined;
}

/** Whether a value is equal to one that is no plain object or array, as queries mean it; undefined where that is not to be told here. */
export function equalTo(wanted: unknown): ((value: unknown) => boolean) | undefined {
  if (wanted === undefined || wanted === 0 || Number.isNaN(wanted)) return undefined;
  if (typeof wanted !== "object") return (value) => value === wanted;
  if (wanted instanceof Date) {
    const time = wanted.getTime();
    return (value) => value instanceof Date && Object.is(value.getTime(), time);
  }
  const bytes = bytesOf(wanted);
  if (bytes === undefined) return undefined;
  const { constructor } = wanted as object;
  return (value) => (value as object | null | undefined)?.constructor === constructor && sameBytes(bytesOf(value), bytes);
}

export function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a?.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** About how many bytes a bigint has: to ask for its text would take the time that a large one must not take. */
export function bigintBytes(value: bigint): number {
  let bytes = NUMBER_BYTES;
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes *= 2;
  return bytes;
}

/** About how many bytes of memory a value takes; Infinity for one that {@link copyOf} cannot copy. */
export function weightOf(value: unknown): number {
  switch (typeof value) {
    case "string":
      return HEADER_BYTES + value.length;
    case "object":
      return value === null ? 0 : weightOfObject(value);
    case "bigint":
      return HEADER_BYTES + bigintBytes(value);
    default:
      return NUMBER_BYTES;
  }
}

function weightOfObject(value: object): number {
  if (Array.isArray(value)) {
    let weight = HEADER_BYTES;
    for (const item of value as unknown[]) weight += FIELD_BYTES + weightOf(item);
    return weight;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return weightOfOther(value);
  let weight = HEADER_BYTES;
  for (const name in value) {
    if (Object.hasOwn(value, name)) weight += FIELD_BYTES + weightOf((value as Record<string, unknown>)[name]);
  }
  return weight;
}

function weightOfOther(value: object): number {
  if (value instanceof Date) return DATE_BYTES;
  const bytes = bytesOf(value);
  return bytes === undefined ? Infinity : BUFFER_BYTES + bytes.length;
}
