import { invalid } from "./errors.js";

/** UTF-16 code units of the longest name or key. */
const MAX_UNITS = 1000;

/** Marks a string that crosses into wasm as JSON text. */
const ESCAPE = "\u{10FFFF}";
const HIGH_OF_ESCAPE = 0xdbff;

type WellFormed = string & { isWellFormed?(): boolean };

/** A surrogate without its partner: with the flag `u`, a pair is one character. */
const LONE = /[\uD800-\uDFFF]/u;

export function isWellFormed(text: string): boolean {
  return (text as WellFormed).isWellFormed?.() ?? !LONE.test(text);
}

/**
 * A string in the form in which it crosses into wasm: as it is, or, since UTF-8 cannot carry
 * lone surrogates, as U+10FFFF and its JSON text. A string that begins with U+10FFFF itself is
 * escaped too, so that the two cannot be confused.
 */
export function crossing(text: string): string {
  if (isWellFormed(text) && text.charCodeAt(0) !== HIGH_OF_ESCAPE) return text;
  return ESCAPE + JSON.stringify(text);
}

/** How a message calls a value of the wrong type. */
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

/** Checks a key, or an id of a document given to look it up; returns it ready to cross. */
export function key(value: unknown, what = "key"): string {
  return crossing(checked(what, value));
}

/** Checks the name of a store, node or collection; returns it ready to cross. */
export function name(value: unknown, what: string): string {
  if (checked(what, value) === "") throw invalid(`${what} must not be empty`);
  return crossing(value as string);
}

/** Checks a part of the name of a database, which is well-formed text. */
export function databasePart(what: string, value: unknown): string {
  const part = checked(what, value);
  if (!isWellFormed(part)) throw invalid(`${what} must not contain lone surrogates`);
  return part;
}
