/** Compares what was read with what was written. A wrong result has no time. */

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** Every field of `expected` is in `found`, which may have an id and dates of its own besides. */
export function same(found, expected) {
  check(found, `not found: ${JSON.stringify(expected).slice(0, 80)}`);
  for (const [field, value] of Object.entries(expected)) {
    const [a, b] = [JSON.stringify(found[field] ?? null), JSON.stringify(value ?? null)];
    // RxDB and PouchDB may hand out the properties of inner objects in another order.
    check(a === b || sorted(found[field]) === sorted(value), `${field} is ${a}, not ${b}`);
  }
}

const sorted = (value) => JSON.stringify(value, (_, v) =>
  v && typeof v === "object" && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v);

/** The documents found are those expected, in any order; `key` tells them apart. */
export function sameSet(found, expected, key = "number") {
  check(found.length === expected.length, `${found.length} documents, not ${expected.length}`);
  const wanted = new Map(expected.map((doc) => [doc[key], doc]));
  for (const doc of found) {
    same(doc, wanted.get(doc[key]) ?? {});
    check(wanted.delete(doc[key]), `${key} ${doc[key]} was not to be found, or twice`);
  }
}
