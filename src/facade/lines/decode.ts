import { BlobRef } from "../base/blob-ref.js";
import { invalid, PatchStoreError } from "../base/errors.js";
import { MAX_DEPTH } from "../values/exact/form.js";
import { bytesOf } from "./base64.js";
import { FOREIGN, isReserved, OWN } from "./wrappers.js";

type Parts = readonly unknown[];
type Members = Record<string, unknown>;
type Like = Parameters<typeof BlobRef.from>[0];

/**
 * The object of a line of Extended JSON, relaxed or canonical. The names of its own properties stand for themselves. Throws
 * InvalidArgument, or UnsupportedFormat for what a later version has written.
 * @param level of nesting of the object: 1 where it is what is stored, 0 where values in it are
 */
export function objectOf(line: string, level: 0 | 1): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw new PatchStoreError("InvalidArgument", `it is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw invalid("it is no JSON object");
  try {
    return members(parsed as Members, level);
  } catch (cause) {
    if (cause instanceof PatchStoreError) throw cause;
    // (No room on the stack, or for what it becomes.)
    throw new PatchStoreError("LimitExceeded", "this browser cannot create what it holds", { cause });
  }
}

function valueOf(json: unknown, depth: number): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) {
    checkDepth(depth);
    for (let at = 0; at < json.length; at++) json[at] = valueOf(json[at], depth + 1);
    return json;
  }
  const names = Object.keys(json);
  return names.some(isReserved) ? wrapped(json as Members, names, depth) : members(json as Members, depth);
}

function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(`nesting of more than ${MAX_DEPTH} levels cannot be stored`);
}

/** The same object with its members decoded. They are its own, so that it does not matter what they are called. */
function members(object: Members, depth: number): object {
  checkDepth(depth);
  for (const name of Object.keys(object)) {
    const json = object[name];
    const value = valueOf(json, depth + 1);
    if (value !== json) object[name] = value;
  }
  return object;
}

function wrapped(object: Members, names: readonly string[], depth: number): unknown {
  const name = names.find((each) => each === OWN || Object.hasOwn(READ, each) || FOREIGN.includes(each));
  // ("$ref" and others say nothing of a type.)
  if (name === undefined) return members(object, depth);
  if (FOREIGN.includes(name)) throw invalid(`a value of the type ${name} cannot be stored`);
  if (names.length > 1) throw invalid(`an object with ${name} must have nothing else`);
  const given = object[name];
  if (name === OWN) return ownValue(given, depth);
  const value = (READ[name] as Read)(given);
  if (value === NONE) throw invalid(`${name} does not take ${shown(given)}`);
  return value;
}

function shown(given: unknown): string {
  const text = JSON.stringify(given) as string;
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** What a reader gives for what is not of its type's form. */
const NONE = Symbol("none");

type Read = (given: unknown) => unknown;

/** The types of Extended JSON that can be stored. */
const READ: Record<string, Read> = {
  $oid: (given: unknown) => (typeof given === "string" && /^[0-9a-f]{24}$/i.test(given) ? given.toLowerCase() : NONE),
  $numberInt: (given: unknown) => {
    const int = whole(given, 32);
    return int === undefined ? NONE : Number(int);
  },
  $numberLong: (given: unknown) => whole(given, 64) ?? NONE,
  $numberDouble: (given: unknown) => {
    if (typeof given !== "string") return NONE;
    return /^(-?Infinity|NaN|-?\d+(\.\d+)?([eE][+-]?\d+)?)$/.test(given) ? Number(given) : NONE;
  },
  $date: (given: unknown) => {
    const ms = typeof given === "string" ? msOf(given) : msOfLong(given);
    return Math.abs(ms) <= 8.64e15 ? new Date(ms) : NONE;
  },
  $binary: (given: unknown) => {
    const { base64, subType, ...more } = (given ?? {}) as Members;
    if (typeof subType !== "string" || !/^[0-9a-f]{1,2}$/i.test(subType) || Object.keys(more).length > 0) return NONE;
    return bytesOf(base64) ?? NONE;
  },
  $undefined: (given: unknown) => (given === true ? undefined : NONE),
};

function whole(given: unknown, bits: number): bigint | undefined {
  if (typeof given !== "string" || !/^-?\d{1,20}$/.test(given)) return undefined;
  const value = BigInt(given);
  return BigInt.asIntN(bits, value) === value ? value : undefined;
}

/** As RFC 3339 has it; NaN if it is not. */
function msOf(text: string): number {
  const [, day, time, zone] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:?\d\d)$/.exec(text) ?? [];
  if (zone === undefined) return NaN;
  return Date.parse(`${day}T${time}${zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone}`);
}

function msOfLong(given: unknown): number {
  const { $numberLong, ...more } = (given ?? {}) as Members;
  return Object.keys(more).length > 0 ? NaN : Number(whole($numberLong, 64) ?? NaN);
}

/** A value of a type that only this library has. */
function ownValue(given: unknown, depth: number): unknown {
  if (!Array.isArray(given) || typeof given[0] !== "string") throw invalid(`${OWN} must be a list that begins with the name of a type`);
  const [type, ...parts] = given as [string, ...unknown[]];
  const value = containerOf(type, parts, depth) ?? leafOf(type, parts);
  if (value === NONE) throw invalid(`${OWN} does not take ${shown(given)}`);
  return value;
}

/** (In loops, and with few calls a level: what is nested deeply must not exhaust the stack.) */
function containerOf(type: string, parts: Parts, depth: number): unknown {
  switch (type) {
    case "Map":
      return mapOf(parts, depth);
    case "Set": {
      checkDepth(depth);
      const out = new Set<unknown>();
      for (const part of parts) out.add(valueOf(part, depth + 1));
      return out;
    }
    case "Object": {
      const [object] = parts;
      const isObject = typeof object === "object" && object !== null && !Array.isArray(object);
      // planted: lines-escaped
      return isObject && parts.length === 1 ? members(object as Members, depth) : NONE;
    }
    default:
      return undefined;
  }
}

function mapOf(pairs: Parts, depth: number): unknown {
  checkDepth(depth);
  const out = new Map<unknown, unknown>();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) return NONE;
    const [key, value] = pair as [unknown, unknown];
    out.set(valueOf(key, depth + 1), valueOf(value, depth + 1));
  }
  return out;
}

function leafOf(type: string, parts: Parts): unknown {
  const [first, second, third, fourth] = parts;
  switch (type) {
    case "InvalidDate":
      return parts.length === 0 ? new Date(NaN) : NONE;
    case "BigInt":
      return parts.length === 1 ? bigintOf(first) : NONE;
    case "BlobRef":
      return parts.length === 3 ? BlobRef.from({ hash: first, size: second, type: third } as Like) : NONE;
    case "Blob": {
      const content = bytesOf(second);
      if (parts.length !== 2 || typeof first !== "string" || content === undefined) return NONE;
      return new Blob([content], { type: first });
    }
    case "File": {
      const content = bytesOf(fourth);
      const isFile = typeof first === "string" && typeof second === "string" && typeof third === "number";
      if (parts.length !== 4 || !isFile || content === undefined) return NONE;
      return make("File", [content], first, { type: second, lastModified: third });
    }
    default:
      return parts.length === 1 ? bufferOf(type, first) : unknownType(type);
  }
}

function bigintOf(given: unknown): bigint | typeof NONE {
  const [, sign, digits] = typeof given === "string" ? (/^(-?)(0x[0-9a-f]+)$/.exec(given) ?? []) : [];
  if (digits === undefined) return NONE;
  try {
    return sign === "-" ? -BigInt(digits) : BigInt(digits);
  } catch {
    // (This browser has no number as large.)
    return NONE;
  }
}

const BUFFERS = /^(ArrayBuffer|DataView|(Int|Uint)(8|16|32)Array|Uint8ClampedArray|Float(16|32|64)Array|Big(Int|Uint)64Array)$/;

function bufferOf(type: string, given: unknown): unknown {
  if (!BUFFERS.test(type)) return unknownType(type);
  const content = bytesOf(given);
  if (content === undefined) return NONE;
  if (type === "ArrayBuffer") return content.buffer;
  try {
    return make(type, content.buffer);
  } catch (error) {
    // (Not a whole number of elements.)
    if (error instanceof RangeError) return NONE;
    throw error;
  }
}

function unknownType(type: string): never {
  throw new PatchStoreError("UnsupportedFormat", `the type ${JSON.stringify(type)} of ${OWN} is not known to this version`);
}

/** An instance of a platform class. */
function make(name: string, ...parts: unknown[]): unknown {
  const Class = (globalThis as unknown as Record<string, (new (...parts: unknown[]) => unknown) | undefined>)[name];
  if (Class === undefined) throw new PatchStoreError("Unavailable", `this browser lacks ${name}`);
  return new Class(...parts);
}
