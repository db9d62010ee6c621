/** Whether what a copy gave is, to the last detail, what a read gave; and what a reader may do to what it got. */

const bytesOf = (value) =>
  value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);

/** The order of properties counts, too. */
export function same(a, b) {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b);
  const made = Object.getPrototypeOf(a);
  if (made !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return Object.is(a.getTime(), b.getTime());
  if (a instanceof ArrayBuffer || ArrayBuffer.isView(a)) return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
  if (a instanceof Map || a instanceof Set) return same([...a], [...b]);
  const [names, others] = [Object.keys(a), Object.keys(b)];
  return names.length === others.length && names.every((name, at) => name === others[at] && same(a[name], b[name]));
}

/** Changes all of a value that can be changed: who gets it owns it. */
export function spoil(value) {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Date) value.setTime(-1);
  else if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) bytesOf(value).fill(255);
  else if (value instanceof Map || value instanceof Set) value.clear();
  else {
    Object.values(value).forEach(spoil);
    if (Array.isArray(value)) value.push("spoilt");
    else value.spoilt = true;
  }
}

/** What is said of a value in a failure. */
export function shown(value) {
  const text = JSON.stringify(value, (_, each) => {
    if (typeof each === "bigint") return `${each}n`;
    if (each instanceof Map || each instanceof Set) return [each.constructor.name, ...each];
    if (each === undefined || Object.is(each, -0) || (typeof each === "number" && !Number.isFinite(each))) return `(${Object.is(each, -0) ? "-0" : each})`;
    return each;
  });
  return text.length > 600 ? `${text.slice(0, 600)}… (${text.length})` : text;
}
