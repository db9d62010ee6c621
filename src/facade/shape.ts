/**
 * What kind of value something is, by its internal slots rather than by what it says of
 * itself, and independent of the realm that it comes from.
 *
 * The numbers are shared with the encoder in wasm (`src/bindings/values/shape.rs`).
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

/** How many prototypes stand behind a value; subclasses have one more than their base. */
function ancestry(value: object): number {
  let depth = 0;
  for (let at = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
    if (++depth > 3) break;
  }
  return depth;
}

/** A plain object has no prototype, or one that itself has none. */
export function isPlain(value: object): boolean {
  const proto = Object.getPrototypeOf(value);
  return proto === null || proto === Object.prototype || Object.getPrototypeOf(proto) === null;
}

function isMap(value: object): boolean {
  return has(mapSize, value) || Object.getPrototypeOf(value) === Map.prototype;
}

function isSet(value: object): boolean {
  return has(setSize, value) || Object.getPrototypeOf(value) === Set.prototype;
}

/** The kind of a value. Reads no property of it but its prototype. */
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
  switch (ancestry(value)) {
    case 2:
      // A reactive proxy of a Map or a Set has no slots of its own: it is known by its prototype.
      if (isMap(value)) return Shape.Map;
      if (isSet(value)) return Shape.Set;
      if (has(dateTime, value)) return Shape.Date;
      if (has(bufferLength, value)) return Shape.ArrayBuffer;
      if (ArrayBuffer.isView(value)) return viewOver(value);
      return isBlob(value) && !isFile(value) ? Shape.Blob : Shape.Refused;
    case 3:
      if (ArrayBuffer.isView(value)) return viewOver(value);
      return isFile(value) ? Shape.File : Shape.Refused;
    default:
      return Shape.Refused;
  }
}

/** Shared memory may change under the reader: it has no value at a moment. */
function viewOver(view: ArrayBufferView): Shape {
  return has(bufferLength, view.buffer) ? Shape.View : Shape.Refused;
}

/** What a view is called: "Uint8Array", …, "DataView". Subclasses never come here. */
export function viewName(view: ArrayBufferView): string {
  return Object.prototype.toString.call(view).slice("[object ".length, -1);
}

/** How messages call something that cannot be stored. */
export function refusalOf(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (value === undefined) return "undefined";
  if (ArrayBuffer.isView(value)) return "a view of shared memory, or of a class of its own";
  let name: unknown;
  try {
    name = (value as { constructor?: { name?: unknown } }).constructor?.name;
  } catch {
    name = undefined;
  }
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object of a class";
}
