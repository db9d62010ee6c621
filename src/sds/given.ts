import { PatchStoreError } from "../facade/index.js";

/** The most bytes of a snapshot or a patch: a stored value is no larger. */
const MAX_BYTES = 268_435_456;
/** The longest name of a store or a value, in UTF-16 code units. */
const MAX_UNITS = 1000;

export function invalid(message: string): PatchStoreError {
  return new PatchStoreError("InvalidArgument", message);
}

/** A copy of bytes as they are now. Throws LimitExceeded before anything is copied. */
export function taken(what: string, data: unknown, most = MAX_BYTES): Uint8Array<ArrayBuffer> {
  const bytes = viewOf(what, data);
  if (bytes.length > most) throw new PatchStoreError("LimitExceeded", `${what}: ${bytes.length} bytes; the limit is ${most}`);
  return new Uint8Array(bytes);
}

function viewOf(what: string, data: unknown): Uint8Array {
  if (!ArrayBuffer.isView(data)) throw invalid(`${what} must be a Uint8Array`);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Checks the clock of something: a whole number, however large; -0 is 0. */
export function clockOf(what: string, clock: unknown): number {
  if (!Number.isInteger(clock)) throw invalid(`${what} must be a whole number, not ${shown(clock)}`);
  return (clock as number) + 0;
}

/** Checks a bound of clocks: any number but NaN. */
export function boundOf(what: string, bound: unknown): number {
  if (typeof bound !== "number" || Number.isNaN(bound)) throw invalid(`${what} must be a number, not ${shown(bound)}`);
  return bound + 0;
}

/** Checks the name of a value, or the id of a store with what is put in front of it. */
export function nameOf(what: string, name: unknown, before = ""): string {
  if (typeof name !== "string") throw invalid(`${what} must be a string, not ${shown(name)}`);
  const most = MAX_UNITS - before.length;
  if (name.length > most) throw invalid(`${what} is ${name.length} UTF-16 code units long; the limit is ${most}`);
  return before + name;
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : value === null ? "null" : `a ${typeof value}`;
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
