/**
 * What find with `after`, iterate, distinct and include give, written from their descriptions on plain lists, and the questions
 * that compare it with what the package gives. It runs in Node and in pages.
 */
import { at, bytesOf, equal, kind, matches } from "./model.mjs";

const KINDS = ["undefined", "null", "boolean", "number", "string", "date", "bytes", "array", "object", "map", "set"];

/** The order of values, as the description of `sort` has it. */
export function order(a, b) {
  const of = kind(a);
  if (of !== kind(b)) return KINDS.indexOf(of) - KINDS.indexOf(kind(b));
  switch (of) {
    case "number":
      return Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(b) - Number.isNaN(a) : plainly(a, b);
    case "boolean":
    case "string":
      return plainly(a, b);
    case "date":
      return order(a.getTime(), b.getTime());
    case "bytes":
      return lists([...bytesOf(a)], [...bytesOf(b)]);
    case "array":
      return lists(a, b);
    case "object": {
      const names = (object) => Object.keys(object).filter((name) => object[name] !== undefined).sort();
      const [left, right] = [names(a), names(b)];
      return lists(left, right) || lists(left.map((name) => a[name]), right.map((name) => b[name]));
    }
    case "map":
    case "set": {
      const sorted = (value) => [...value].sort(order);
      return lists(sorted(a), sorted(b));
    }
    default:
      return 0;
  }
}

const plainly = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function lists(a, b) {
  for (let n = 0; n < Math.min(a.length, b.length); n++) {
    const differs = order(a[n], b[n]);
    if (differs !== 0) return differs;
  }
  return a.length - b.length;
}

/** The documents that match, sorted. */
export function found(docs, query = {}, sort = []) {
  const by = (a, b) => {
    for (const [path, direction] of sort) {
      const differs = order(at(a, path), at(b, path));
      if (differs !== 0) return direction * differs;
    }
    return 0;
  };
  return docs.filter((doc) => matches(doc, query)).sort(by);
}

export function distinct(docs, path) {
  const values = [];
  for (const value of docs.map((doc) => at(doc, path))) {
    if (value !== undefined && !values.some((known) => equal(known, value))) values.push(value);
  }
  return values.sort(order);
}

/** A document with what belongs to it.
 *  @param collections the documents of each */
export function including(doc, include, collections) {
  const whole = { ...doc };
  for (const [name, each] of Object.entries(include)) {
    const { collection, local = "_id", foreign = "_id", query, sort, limit = Infinity, one, fields, include: inner = {} } = each;
    const value = at(doc, local);
    const mine = value === undefined || value === null ? [] : found(collections[collection], query, sort).filter((other) => equal(at(other, foreign), value));
    const attached = mine.slice(0, limit).map((other) => ({ ...chosen(other, fields), ...only(including(other, inner, collections), Object.keys(inner)) }));
    whole[name] = one ? (attached[0] ?? null) : attached;
  }
  return whole;
}

const only = (doc, names) => Object.fromEntries(names.map((name) => [name, doc[name]]));
/** (Of fields that are no paths.) */
const chosen = (doc, fields) => (fields ? Object.fromEntries(Object.entries(doc).filter(([name]) => name === "_id" || fields.includes(name))) : doc);

/** A copy in which invalid Dates, which equal nothing, are texts. */
function comparable(value) {
  switch (kind(value)) {
    case "date":
      return Number.isNaN(value.getTime()) ? "an invalid Date" : value;
    case "array":
      return value.map(comparable);
    case "object":
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, comparable(each)]));
    default:
      return value;
  }
}

const ids = (docs) => docs.map(({ _id }) => _id);

/** Asks everything of a collection `c` and of another, `d`, in a store or a transaction. `docs` and `others` are what they hold, in
 *  order; `compare` does. */
export async function ask(db, { docs, others }, chance, compare) {
  const same = (found, expected, what) => compare(comparable(found), comparable(expected), what);
  const query = chance.below(2) > 0 ? {} : chance.query(docs);
  const paths = ["k", "k", "a", "b", "a.b", "m"];
  const sort = chance.list(() => [chance.one(paths), chance.below(2) > 0 ? 1 : -1]);
  const expected = found(docs, query, sort);
  same(ids(await db.find("c", query, { sort })), ids(expected), "find");

  const [skip, limit] = [chance.below(5), chance.below(9)];
  const cut = expected.slice(skip, skip + limit);
  same(ids(await db.find("c", query, { sort, skip, limit })), ids(cut), "find in part");
  same((await db.findOne("c", query, { sort, skip, fields: ["k"] }))?._id, expected[skip]?._id, "findOne");
  const iterated = [];
  for await (const doc of db.iterate("c", query, { sort, skip, limit: limit + 10 })) iterated.push(doc);
  same(ids(iterated), ids(expected.slice(skip, skip + limit + 10)), "iterate");

  // By marks, though the sort fields do not come along; by copies of documents that have them.
  const each = 1 + chance.below(6);
  for (const [fields, given] of [[["m"], (doc) => doc], [undefined, (doc) => ({ ...doc })]]) {
    const paged = [];
    for (let after; paged.length <= expected.length; ) {
      const page = await db.find("c", query, { sort, fields, limit: each, after });
      if (page.length === 0) break;
      paged.push(...page);
      after = given(page.at(-1));
    }
    same(ids(paged), ids(expected), "pages");
  }
  const whole = await db.find("c", query, { sort });
  if (expected.length > 0) {
    const behind = await db.find("c", query, { sort, after: whole.at(-1), skip });
    same(ids(behind), [], "behind the last");
    const from = chance.below(expected.length);
    const rest = await db.find("c", query, { sort, after: expected[from], skip });
    same(ids(rest), ids(expected.slice(from + 1 + skip)), "behind any");
  }

  const field = chance.one(paths);
  same(await db.distinct("c", field, query), distinct(docs.filter((doc) => matches(doc, query)), field), "distinct");

  const include = {
    [chance.one(["others", "k", "a"])]: {
      collection: "d",
      ...chance.one([{ local: "k", foreign: "k" }, { local: "a", foreign: "k" }, {}, { local: "k", foreign: "a.b" }, { local: "to" }]),
      ...(chance.below(3) === 0 && { one: true }),
      ...(chance.below(2) > 0 && { sort: [["m", -1], ["k", 1]] }),
      ...(chance.below(2) > 0 && { limit: chance.below(4) }),
      ...(chance.below(3) === 0 && { query: { m: { $gt: 1 } } }),
      ...(chance.below(3) === 0 && { fields: ["m"] }),
      ...(chance.below(2) > 0 && { include: { back: { collection: "c", local: "m", foreign: "m", fields: ["k"], limit: 2 } } }),
    },
    ...(chance.below(3) === 0 && { self: { collection: "c", one: true } }),
  };
  const collections = { c: docs, d: others };
  const all = expected.map((doc) => including(doc, include, collections));
  same(await db.find("c", query, { sort, include }), all, "include");
  same(await db.find("c", query, { sort, include, skip, limit }), all.slice(skip, skip + limit), "include in part");
  same(await db.findOne("c", query, { sort, include }), all[0] ?? null, "findOne with include");
  const joined = [];
  for await (const doc of db.iterate("c", query, { sort, include })) joined.push(doc);
  same(joined, all, "iterate with include");
  same((await db.explain("c", query, { sort })).kind, typeof query._id === "string" ? "id" : "scan", "explain");
}

/** Documents with ties, of which some belong to others. */
export function documents(chance, count, prefix) {
  return Array.from({ length: count }, (_, n) => ({
    _id: `${prefix}${n}`,
    ...chance.object(),
    k: chance.one([0, 1, 2, 2n, "x", null, NaN, undefined]),
    m: chance.below(5),
    to: chance.one(["d0", "d1", "d2", "c0", null, 1]),
  }));
}
