/**
 * The wrappers of MongoDB's Extended JSON v2 and our own, as docs/JSON-LINES.md describes them.
 */

/** The key of the wrappers for what Extended JSON has no type for: `{"$patchstore": [type, ...parts]}`. */
export const OWN = "$patchstore";

/** Types of Extended JSON that cannot be stored. */
export const FOREIGN: readonly string[] = [
  "$symbol", "$numberDecimal", "$code", "$scope", "$timestamp", "$regularExpression", "$dbPointer", "$minKey", "$maxKey", "$uuid",
];

/** Whether an object with this key could be taken for a wrapper, now or later. */
export const isReserved = (name: string): boolean => name.startsWith("$");

/** Milliseconds at the start of 1970 and at the end of 9999: within, dates are text. */
export const DATE_TEXT_MS = [0, 253_402_300_799_999] as const;
