/** Constants of the exact form of values, which `src/codec/value/mod.rs` defines. */

export const EXACT = 2;
export const EXACT_VERSION = 1;
/** The version of a value with Blobs stored beside it. */
export const EXACT_ATTACHED = 2;
/** The version of a value with references to contents, and of one with both. */
export const EXACT_CITING = 3;
export const EXACT_BOTH = 4;
/** The tag and the version come first, one byte each. */
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
  BlobRef = 18,
}

/** The length of the name of a Blob stored beside its value. A name is random and identifies its content for good. */
export const NAME_BYTES = 16;

/** The most levels of nesting. */
export const MAX_DEPTH = 1000;

/** Buffers and views, indexed by their stored number. */
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
