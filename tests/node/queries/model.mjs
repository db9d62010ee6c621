/**
 * What a query means, written from its description on plain JavaScript values: nothing of the package is used.
 * Whoever reads it beside `Query` in the types should find each sentence again.
 */

const OPERATORS = {
  $eq: equal,
  $ne: (value, operand) => !equal(value, operand),
  $gt: (value, operand) => compare(value, operand) > 0,
  $gte: (value, operand) => compare(value, operand) >= 0,
  $lt: (value, operand) => compare(value, operand) < 0,
  $lte: (value, operand) => compare(value, operand) <= 0,
  $in: (value, list) => list.some((each) => equal(value, each)),
  $nin: (value, list) => !list.some((each) => equal(value, each)),
  $exists: (value, wanted) => (value !== undefined) === wanted,
  $regex: (value, source, { $options }) => typeof value === "string" && new RegExp(source, $options ?? source.flags).test(value),
  $options: () => true,
  $startsWith: (value, text) => typeof value === "string" && value.startsWith(text),
  $contains: (value, operand) =>
    (typeof value === "string" && typeof operand === "string" && value.includes(operand)) ||
    (Array.isArray(value) && value.some((each) => equal(each, operand))),
  $size: (value, size) => Array.isArray(value) && value.length === size,
  $all: (value, list) => Array.isArray(value) && list.every((wanted) => value.some((each) => equal(each, wanted))),
  $elemMatch: (value, inner) => Array.isArray(value) && value.some((each) => elementMatches(each, inner)),
  $not: (value, inner) => !asked(value, inner),
};
const LOGIC = {
  $and: (doc, queries) => queries.every((query) => matches(doc, query)),
  $or: (doc, queries) => queries.some((query) => matches(doc, query)),
  $nor: (doc, queries) => !queries.some((query) => matches(doc, query)),
};

/** Whether a document matches a query. */
export function matches(doc, query) {
  return Object.entries(query).every(([field, condition]) =>
    field in LOGIC ? LOGIC[field](doc, condition) : asked(at(doc, field), condition),
  );
}

function asked(value, condition) {
  if (condition instanceof RegExp) return OPERATORS.$regex(value, condition, {});
  if (!isOperators(condition)) return equal(value, condition);
  return Object.entries(condition).every(([name, operand]) => OPERATORS[name](value, operand, condition));
}

function elementMatches(element, inner) {
  if (isOperators(inner) && !Object.keys(inner).some((name) => name in LOGIC)) return asked(element, inner);
  return kind(element) === "object" && matches(element, inner);
}

const isOperators = (value) => kind(value) === "object" && Object.keys(value).some((name) => name.startsWith("$"));

/** A property named exactly so comes first; then each part reaches into an object, or to a position of an array. */
export function at(doc, path) {
  if (Object.hasOwn(doc, path)) return doc[path];
  return path.split(".").reduce((value, part) => {
    if (kind(value) === "object") return Object.hasOwn(value, part) ? value[part] : undefined;
    return kind(value) === "array" && /^(0|[1-9]\d*)$/.test(part) ? value[part] : undefined;
  }, doc);
}

export function kind(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return typeof value === "bigint" ? "number" : typeof value;
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return "bytes";
  return value instanceof Map ? "map" : value instanceof Set ? "set" : "object";
}

export const bytesOf = (value) =>
  value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);

/** Deep equality, as the description has it. */
export function equal(a, b) {
  const of = kind(a);
  if (of !== kind(b)) return false;
  switch (of) {
    case "number":
      return a == b || (Number.isNaN(a) && Number.isNaN(b));
    case "date":
      return Object.is(a.getTime(), b.getTime());
    case "bytes":
      return equal([...bytesOf(a)], [...bytesOf(b)]);
    case "array":
      return a.length === b.length && a.every((each, index) => equal(each, b[index]));
    case "object": {
      const names = new Set([...Object.keys(a), ...Object.keys(b)]);
      return [...names].every((name) => equal(a[name], b[name]));
    }
    case "map":
    case "set":
      return sameEntries([...a], [...b]);
    default:
      return a === b;
  }
}

function sameEntries(a, b) {
  const rest = [...b];
  return (
    a.length === b.length &&
    a.every((entry) => {
      const found = rest.findIndex((other) => equal(entry, other));
      if (found >= 0) rest.splice(found, 1);
      return found >= 0;
    })
  );
}

/** NaN where comparisons hold never. */
function compare(a, b) {
  const of = kind(a);
  if (of !== kind(b)) return NaN;
  switch (of) {
    case "number":
    case "string":
    case "boolean":
      return a < b ? -1 : a > b ? 1 : a == b ? 0 : NaN;
    case "date":
      return compare(a.getTime(), b.getTime());
    case "bytes": {
      const [left, right] = [bytesOf(a), bytesOf(b)];
      const differs = left.findIndex((byte, index) => byte !== right[index]);
      if (differs < 0) return left.length - right.length;
      return differs >= right.length ? 1 : left[differs] - right[differs];
    }
    default:
      return NaN;
  }
}
