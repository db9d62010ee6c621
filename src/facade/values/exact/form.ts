/** The exact form of values, as `src/codec/value/mod.rs` says. */

export const EXACT = 2;
export const EXACT_VERSION = 1;
/** The version where Blobs lie beside the value. */
export const EXACT_ATTACHED = 2;
/** These two come first. */
export const FORM_BYTES = 2;

export const enum Tag {
  Null = 0,
  Undefined = 1,
  False = 2,
  True = 3,
  Number = 4,
  Integer = 5,
  BigInt = 6,
  String = 7,
  Date = 8,
  Bytes = 9,
  Blob = 10,
  File = 11,
  Array = 12,
  Object = 13,
  Map = 14,
  Set = 15,
  AttachedBlob = 16,
  AttachedFile = 17,
}

/** Of the name of a Blob that lies beside its value: random, and it goes with the content for good. */
export const NAME_BYTES = 16;

/** Levels of nesting that are stored. */
export const MAX_DEPTH = 1000;

/** Buffers and views by the numbers that are stored. */
export const BYTES_KINDS = [
  "ArrayBuffer",
  "DataView",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
] as const;
