import { decodeExact } from "./exact/decode.js";
import { encodeExact } from "./exact/encode.js";
import { MAX_DEPTH } from "./exact/form.js";
import { exceeded, MAX_VALUE_BYTES } from "../base/limits.js";
import { crossedJson, crossingJson, longForm } from "./long.js";
import { isPlain } from "../base/shape.js";
import type { Encoded, Snapshot } from "./snapshot.js";

/** How many bytes are left, at least, for the value being checked for JSON. An object that a value refers to again and
 *  again can make it exponentially large. */
let left = 0;

/** Encodes a value as it is now. Throws NotStorable or LimitExceeded. */
export function snapshot(value: unknown): Snapshot {
  const long = longForm(value);
  if (long !== undefined) return { encoded: long };
  const text = jsonOf(value);
  return text === undefined ? encodeExact(value) : { encoded: crossingJson(text) };
}

/** A fresh copy of an encoded value. */
export function restore(encoded: Encoded | undefined): unknown {
  if (encoded === undefined) return undefined;
  const json = typeof encoded === "string" ? encoded : crossedJson(encoded);
  return json === undefined ? decodeExact(encoded as Uint8Array) : JSON.parse(json);
}

/** The JSON text of a value that JSON represents exactly; otherwise undefined. */
function jsonOf(value: unknown): string | undefined {
  let text: string | undefined;
  try {
    // Whatever throws here (a getter, a revoked proxy, JSON beyond the length of a string) throws again
    // in the exact encoder, which can report the path.
    left = MAX_VALUE_BYTES;
    text = isJson(value, 0) ? JSON.stringify(value) : undefined;
  } catch {}
  if (left < 0) throw exceeded("a value (at least)", MAX_VALUE_BYTES - left, MAX_VALUE_BYTES);
  // Escapes can make the text this long. The exact form has no escapes.
  return text !== undefined && text.length > MAX_VALUE_BYTES ? undefined : text;
}

function isJson(value: unknown, depth: number): boolean {
  if (--left < 0) return false;
  switch (typeof value) {
    case "string":
      return (left -= value.length) >= 0;
    case "boolean":
      return true;
    case "number":
      // JSON cannot represent NaN, infinities and -0.
      return value - value === 0 && (value !== 0 || 1 / value > 0);
    case "object":
      if (value === null) return true;
      if (depth >= MAX_DEPTH || typeof (value as { toJSON?: unknown }).toJSON === "function") {
        return false;
      }
      return Array.isArray(value) ? isJsonArray(value, depth) : isJsonObject(value, depth);
    default:
      return false;
  }
}

function isJsonArray(items: readonly unknown[], depth: number): boolean {
  const proto = Object.getPrototypeOf(items);
  if (proto !== Array.prototype) return false;
  // A hole reads as undefined, which is not JSON.
  for (let at = 0; at < items.length; at++) {
    if (!isJson(items[at], depth + 1)) return false;
  }
  return true;
}

function isJsonObject(value: object, depth: number): boolean {
  if (!isPlain(value)) return false;
  // The loop includes inherited properties; they can only cause an unnecessary "no".
  for (const name in value) {
    left -= name.length;
    if (!isJson((value as Record<string, unknown>)[name], depth + 1)) return false;
  }
  return true;
}
