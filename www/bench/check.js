/** Compares what was read with what was written. A wrong result has no time. */

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** Deep equality of what JSON can say, and of Dates; the order of properties does not count. */
function equal(a, b) {
  if (a === b) return true;
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime();
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => equal(a[key], b[key]));
}

/** Every field of `expected` is in `found`, which may have an id and dates of its own besides. */
export function same(found, expected) {
  check(found, "a document was not found");
  for (const field in expected) {
    if (equal(found[field], expected[field])) continue;
    throw new Error(`${field} is ${JSON.stringify(found[field])}, not ${JSON.stringify(expected[field])}`);
  }
}

/** The documents found are those expected, in any order; their numbers tell them apart. */
export function sameSet(found, expected) {
  check(found.length === expected.length, `${found.length} documents, not ${expected.length}`);
  const wanted = new Map(expected.map((doc) => [doc.number, doc]));
  for (const doc of found) {
    check(wanted.has(doc.number), `document ${doc.number} was not to be found, or came twice`);
    same(doc, wanted.get(doc.number));
    wanted.delete(doc.number);
  }
}
