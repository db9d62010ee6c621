import { allocating, MAX_VALUE_BYTES, within } from "../base/limits.js";
import { isWellFormed } from "../base/names.js";

/**
 * Encodes long, simple values in their stored form directly. Passing a string to wasm costs a loop over its
 * units, and JSON would escape it. `src/codec/value/mod.rs` defines the forms.
 */

/** Up to this many units or bytes, the general path is as fast. */
const LONG = 4096;

const TAG_JSON = 1;
/** The tag and the version of the exact form. */
const EXACT = [2, 1] as const;
const NODE_STRING = 7;
const NODE_BYTES = 9;
const KIND_UINT8 = 3;

const byteLength = (view: Uint8Array): number =>
  Reflect.get(Object.getPrototypeOf(Uint8Array.prototype) as object, "byteLength", view) as number;

/** `head` followed by the text in UTF-8. ASCII, the most common case, is copied only once. */
function utf8(head: (length: number) => readonly number[], text: string): Uint8Array {
  const encoder = new TextEncoder();
  const before = head(text.length);
  const out = buffer(before.length + text.length);
  out.set(before);
  const { written, read } = encoder.encodeInto(text, out.subarray(before.length));
  if (read === text.length && written === text.length) return out;
  const content = allocating(2 * text.length, () => encoder.encode(text));
  return joined(head(content.length), content);
}

/** The stored form of a long string or a long Uint8Array; undefined for everything else. */
export function longForm(value: unknown): Uint8Array | undefined {
  if (typeof value === "string") {
    within("a string", value.length, MAX_VALUE_BYTES);
    return value.length > LONG && isWellFormed(value) ? utf8(stringHead, value) : undefined;
  }
  if (!ArrayBuffer.isView(value) || Object.getPrototypeOf(value) !== Uint8Array.prototype) {
    return undefined;
  }
  const bytes = value as Uint8Array;
  const simple = bytes.buffer instanceof ArrayBuffer && byteLength(bytes) > LONG;
  return simple ? joined([...EXACT, NODE_BYTES, KIND_UINT8, ...varint(byteLength(bytes))], bytes) : undefined;
}

/** JSON text in the form that crosses into wasm fastest. */
export function crossingJson(text: string): string | Uint8Array {
  return text.length > LONG ? utf8(() => [TAG_JSON], text) : text;
}

/** The JSON text of a stored form made by {@link crossingJson}; undefined for the exact form. */
export function crossedJson(stored: Uint8Array): string | undefined {
  return stored[0] === TAG_JSON ? new TextDecoder().decode(stored.subarray(1)) : undefined;
}

const stringHead = (length: number): readonly number[] => [...EXACT, NODE_STRING, ...varint(length)];

/** The length in LEB128. */
function varint(length: number): number[] {
  const out = [];
  let rest = length;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  out.push(rest);
  return out;
}

function joined(head: readonly number[], content: Uint8Array): Uint8Array {
  const out = buffer(head.length + byteLength(content));
  out.set(head);
  out.set(content, head.length);
  return out;
}

function buffer(length: number): Uint8Array {
  within("a value", length, MAX_VALUE_BYTES);
  return allocating(length, () => new Uint8Array(length));
}
