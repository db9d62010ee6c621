import { isBlobRef } from "./blob-ref.js";

/**
 * The kind of a value, determined by its internal slots rather than by its properties, and
 * independent of its realm.
 */
export const enum Shape {
  Refused = 0,
  Undefined = 1,
  Null = 2,
  Boolean = 3,
  Number = 4,
  BigInt = 5,
  String = 6,
  Array = 7,
  Object = 8,
  Map = 9,
  Set = 10,
  Date = 11,
  ArrayBuffer = 12,
  View = 13,
  Blob = 14,
  File = 15,
  BlobRef = 16,
}

type Getter = (this: unknown) => unknown;

function getter(owner: object, name: PropertyKey): Getter {
  return Object.getOwnPropertyDescriptor(owner, name)?.get ?? refuse;
}

function refuse(): never {
  throw new TypeError("no such slot");
}

const mapSize = getter(Map.prototype, "size");
const setSize = getter(Set.prototype, "size");
const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
const dateTime: Getter = Date.prototype.getTime;
const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const typedName = getter(typedArray, Symbol.toStringTag);

function has(slot: Getter, value: object): boolean {
  try {
    slot.call(value);
    return true;
  } catch {
    return false;
  }
}

/** Looked up when needed: importing the package touches no browser global. */
function isBlob(value: object): boolean {
  return typeof Blob === "function" && has(getter(Blob.prototype, "size"), value);
}

function isFile(value: object): boolean {
  return typeof File === "function" && has(getter(File.prototype, "name"), value);
}

/** The length of a value's prototype chain, up to 4. A subclass has one more than its base class. */
function ancestry(value: object): number {
  let depth = 0;
  for (let at = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
    if (++depth > 3) break;
  }
  return depth;
}

/** Whether a value is a plain object: it has no prototype, or one that has none itself. */
export function isPlain(value: object): boolean {
  const proto = Object.getPrototypeOf(value);
  if (proto === null) return !isRawJson(value);
  return proto === Object.prototype || Object.getPrototypeOf(proto) === null;
}

/** Whether a value is from JSON.rawJSON, whose text JSON.stringify copies verbatim: usually a number that JavaScript
 *  cannot represent. */
function isRawJson(value: object): boolean {
  return (JSON as { isRawJSON?(value: object): boolean }).isRawJSON?.(value) === true;
}

function isMap(value: object): boolean {
  return has(mapSize, value) || Object.getPrototypeOf(value) === Map.prototype;
}

function isSet(value: object): boolean {
  return has(setSize, value) || Object.getPrototypeOf(value) === Set.prototype;
}

/** The kind of a value. Reads only its prototype, none of its properties. */
export function shapeOf(value: unknown): Shape {
  switch (typeof value) {
    case "undefined":
      return Shape.Undefined;
    case "boolean":
      return Shape.Boolean;
    case "number":
      return Shape.Number;
    case "bigint":
      return Shape.BigInt;
    case "string":
      return Shape.String;
    case "object":
      return value === null ? Shape.Null : shapeOfObject(value);
    default:
      return Shape.Refused;
  }
}

function shapeOfObject(value: object): Shape {
  if (Array.isArray(value)) return ancestry(value) === 2 ? Shape.Array : Shape.Refused;
  if (isPlain(value)) return Shape.Object;
  if (ArrayBuffer.isView(value)) return shapeOfView(value);
  if (isBlobRef(value)) return Shape.BlobRef;
  const depth = ancestry(value);
  if (depth === 2) return shapeByClass(value);
  return depth === 3 && isFile(value) ? Shape.File : Shape.Refused;
}

/** The likely class for each prototype seen, in any realm. Checking for a missing slot throws, which is the most
 *  expensive part, so the prototype says which slot to check first, and the slot decides. */
const likely = new WeakMap<object, readonly [Shape, (value: object) => boolean]>();

const CLASSES = [
  // A reactive proxy of a Map or a Set has no internal slots; its prototype identifies it.
  [Shape.Map, isMap],
  [Shape.Set, isSet],
  [Shape.Date, (value) => has(dateTime, value)],
  [Shape.ArrayBuffer, (value) => has(bufferLength, value)],
  [Shape.Blob, (value) => isBlob(value) && !isFile(value)],
] as const satisfies (readonly [Shape, (value: object) => boolean])[];

function shapeByClass(value: object): Shape {
  const proto = Object.getPrototypeOf(value) as object;
  const guess = likely.get(proto);
  if (guess?.[1](value)) return guess[0];
  const found = CLASSES.find(([, is]) => is(value));
  if (found === undefined) return Shape.Refused;
  likely.set(proto, found);
  return found[0];
}

/** Refuses views of shared memory, which can change while it is read, and views of a subclass. */
function shapeOfView(view: ArrayBufferView): Shape {
  // The chain of a DataView is one shorter than that of a typed array.
  const isOwnClass = ancestry(view) !== (typedName.call(view) === undefined ? 2 : 3);
  return isOwnClass || !has(bufferLength, partOf(view, "buffer") as object) ? Shape.Refused : Shape.View;
}

/** The name of a view's class: "Uint8Array", …, "DataView". */
export function viewKind(view: ArrayBufferView): string {
  return (typedName.call(view) as string | undefined) ?? "DataView";
}

/** The bytes of a view, without copying. Throws if its buffer is detached or has shrunk. */
export function viewBytes(view: ArrayBufferView): Uint8Array {
  const [buffer, offset, length] = (["buffer", "byteOffset", "byteLength"] as const).map((name) => partOf(view, name));
  return new Uint8Array(buffer as ArrayBuffer, offset as number, length as number);
}

/** Reads the internal slot: an own property of the view could shadow the getter. */
function partOf(view: ArrayBufferView, name: "buffer" | "byteOffset" | "byteLength"): unknown {
  const owner = typedName.call(view) === undefined ? DataView.prototype : typedArray;
  return Reflect.get(owner, name, view);
}

/** The words for a value that cannot be stored in an error message. */
export function refusalOf(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (value === undefined) return "undefined";
  if (typeof value === "object" && value !== null && isRawJson(value)) return "an object made by JSON.rawJSON";
  if (ArrayBuffer.isView(value)) return "a view of shared memory, or of a class of its own";
  let name: unknown;
  try {
    name = (value as { constructor?: { name?: unknown } }).constructor?.name;
  } catch {
    name = undefined;
  }
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object of a class";
}
