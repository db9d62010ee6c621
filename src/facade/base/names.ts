import { invalid } from "./errors.js";

/** The longest name or key, in UTF-16 code units. */
const MAX_UNITS = 1000;

/** Marks a string that crosses into wasm as JSON text. */
const ESCAPE = "\u{10FFFF}";
const HIGH_OF_ESCAPE = 0xdbff;

type WellFormed = string & { isWellFormed?(): boolean };

/** Matches a lone surrogate: with the `u` flag, a pair is one character. */
const LONE = /[\uD800-\uDFFF]/u;

export function isWellFormed(text: string): boolean {
  return (text as WellFormed).isWellFormed?.() ?? !LONE.test(text);
}

/**
 * Encodes a string for wasm. UTF-8 cannot represent lone surrogates, so a string that has any becomes
 * U+10FFFF followed by its JSON text. So does a string that itself begins with U+10FFFF, which keeps the
 * encoding unambiguous. Every other string stays as it is.
 */
export function crossing(text: string): string {
  if (isWellFormed(text) && text.charCodeAt(0) !== HIGH_OF_ESCAPE) return text;
  return ESCAPE + JSON.stringify(text);
}

/** The words for a value of the wrong type in an error message. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "undefined";
  const type = typeof value;
  if (type !== "object") return `a ${type}`;
  try {
    return Array.isArray(value) ? "an array" : "an object";
  } catch {
    return "a revoked proxy";
  }
}

function checked(what: string, value: unknown): string {
  if (typeof value !== "string") {
    throw invalid(`${what} must be a string, not ${describe(value)}`);
  }
  if (value.length > MAX_UNITS) {
    throw invalid(`${what} is ${value.length} UTF-16 code units long; the limit is ${MAX_UNITS}`);
  }
  return value;
}

/** Checks a key, or a document id used for a lookup. Returns it encoded for wasm. */
export function key(value: unknown, what = "key"): string {
  return crossing(checked(what, value));
}

/** Checks the name of a store, node or collection. Returns it encoded for wasm. */
export function name(value: unknown, what: string): string {
  if (checked(what, value) === "") throw invalid(`${what} must not be empty`);
  return crossing(value as string);
}

/** Checks a part of a database name, which must be well-formed. */
export function databasePart(what: string, value: unknown): string {
  const part = checked(what, value);
  if (!isWellFormed(part)) throw invalid(`${what} must not contain lone surrogates`);
  return part;
}
