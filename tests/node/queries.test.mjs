/** Queries: what they find, against a model written from their description, and against mingo where both mean the same. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { Query as MingoQuery } from "mingo";
import { installPacked } from "../browser/support/packed.mjs";
import { matches } from "./queries/model.mjs";
import { Chance } from "./queries/random.mjs";

const SEED = Number(process.env.QUERY_SEED ?? 1);
/** Each set of documents is asked each of its queries. */
const SETS = 40;
const DOCS = 25;
const QUERIES = 40;

let remove, lib, patch;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  const load = (name) => import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve(name)));
  lib = await load("patchstore");
  patch = await lib.openPatch("queries", { backend: "memory" });
});
after(async () => {
  await patch?.close();
  await remove?.();
});

const OPERATORS = [
  "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex", "$startsWith", "$contains",
  "$size", "$all", "$elemMatch", "$not", "$and", "$or", "$nor",
];

const shown = (value) => inspect(value, { depth: 9 });

async function asked(set, chance, check) {
  const collection = `c${set}`;
  const docs = Array.from({ length: DOCS }, (_, n) => ({ _id: String(n), ...chance.object() }));
  await patch.db("d").insertMany(collection, docs);
  for (let n = 0; n < QUERIES; n++) {
    const query = chance.query(docs);
    const found = await patch.db("d").find(collection, query);
    const ids = found.map(({ _id }) => _id);
    await check(collection, docs, query, ids);
  }
}

test(`what a query finds is what its description says: ${SETS * DOCS * QUERIES} pairs`, async () => {
  const held = new Map(OPERATORS.map((name) => [name, 0]));
  for (let set = 0; set < SETS; set++) {
    const chance = new Chance(1000 * SEED + set);
    await asked(set, chance, async (collection, docs, query, ids) => {
      const expected = docs.filter((doc) => matches(doc, query));
      const why = () => `set ${set}, ${shown(query)} of ${shown(docs)}`;
      assert.deepEqual(ids, expected.map(({ _id }) => _id), why());
      assert.equal(await patch.db("d").count(collection, query), ids.length);
      assert.equal((await patch.db("d").findOne(collection, query))?._id, ids[0]);
      for (const [name, count] of held) if (new RegExp(`\\${name}\\b`).test(shown(query))) held.set(name, count + ids.length);
    });
  }
  const rare = [...held].filter(([, count]) => count < 10);
  assert.deepEqual(rare, [], "operators that hardly ever held: the test would see little of them");
});

test("mingo finds the same where both mean the same", async () => {
  // Of plain JSON values without null, on whole fields: mingo searches arrays implicitly and takes null for absent.
  const scalar = (chance) => chance.one([0, 1, 2, 2.5, "a", "ab", "b", true, false]);
  const operators = (chance) => {
    const value = () => scalar(chance);
    return chance.one([
      () => value(),
      () => ({ [chance.one(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"])]: value() }),
      () => ({ [chance.one(["$in", "$nin"])]: [value(), value()] }),
      () => ({ $exists: chance.below(2) > 0 }),
      () => ({ $regex: chance.one([/a/, /^b/, /B/i]) }),
      () => ({ $not: { $gt: value() } }),
    ])();
  };
  const query = (chance, depth = 1) => {
    const of = { [chance.one(["a", "b", "n.x"])]: operators(chance) };
    if (depth > 0 && chance.below(2) > 0) {
      of[chance.one(["$and", "$or", "$nor"])] = [query(chance, 0), query(chance, 0)];
    }
    return of;
  };
  const chance = new Chance(7 + SEED);
  for (let set = 0; set < 20; set++) {
    const field = (name) => (chance.below(4) > 0 ? { [name]: scalar(chance) } : {});
    const docs = Array.from({ length: 30 }, (_, n) => ({ _id: String(n), ...field("a"), ...field("b"), n: field("x") }));
    await patch.db("d").insertMany(`m${set}`, docs);
    for (let n = 0; n < 40; n++) {
      const wanted = query(chance);
      const found = (await patch.db("d").find(`m${set}`, wanted)).map(({ _id }) => _id);
      const expected = new MingoQuery(wanted).find(docs).all().map(({ _id }) => _id);
      assert.deepEqual(found, expected, shown(wanted));
    }
  }
});

test("what is no query is refused, and named", async () => {
  const deep = (levels) => (levels > 0 ? { $and: [deep(levels - 1)] } : { a: 1 });
  const refused = [
    [{ a: { $near: 1 } }, /\$near of the field "a" is unknown/],
    [{ $where: "1" }, /\$where is unknown/],
    [{ a: { $gt: 1, b: 2 } }, /"a" mixes operators and other properties/],
    [{ a: { $in: 1 } }, /\$in of the field "a" takes a list/],
    [{ a: { $nin: {} } }, /\$nin .* takes a list/],
    [{ a: { $all: "x" } }, /\$all .* takes a list/],
    [{ a: { $size: "x" } }, /\$size .* takes a count/],
    [{ a: { $size: -1 } }, /takes a count/],
    [{ a: { $size: 1.5 } }, /takes a count/],
    [{ a: { $exists: 1 } }, /\$exists .* takes true or false/],
    [{ a: { $startsWith: 1 } }, /\$startsWith .* takes a string/],
    [{ a: { $regex: 1 } }, /\$regex .* takes a RegExp/],
    [{ a: { $regex: "(" } }, /\$regex is not a regular expression/],
    [{ a: { $regex: "a", $options: "q" } }, /\$regex is not a regular expression/],
    [{ a: { $regex: "a", $options: 1 } }, /\$options takes a string/],
    [{ a: { $options: "i" } }, /\$options comes with \$regex/],
    [{ a: { $elemMatch: 1 } }, /\$elemMatch .* takes operators or a query/],
    [{ a: { $not: 1 } }, /\$not .* takes an operator object or a RegExp/],
    [{ $or: {} }, /\$or takes a list of queries/],
    [{ $and: [1] }, /an element of \$and is not a plain object/],
    [{ a: { $in: [/a/] } }, /query/],
    [{ a: { "$\0": 0 } }, /takes a RegExp/],
    [{ a: { $regex: { "$\0": 3 } } }, /takes a RegExp/],
  ];
  for (const [query, message] of refused) {
    const error = { code: "InvalidArgument", message };
    await assert.rejects(patch.db("d").find("c", query), error, shown(query));
    await assert.rejects(patch.db("d").count("c", query), error);
    await assert.rejects(patch.db("d").findOne("c", query), error);
  }
  await assert.rejects(patch.db("d").find("c", deep(40)), { code: "LimitExceeded" });
  await assert.rejects(patch.db("d").find("c", { $or: Array.from({ length: 1001 }, (_, n) => ({ [`f${n}`]: 1 })) }), { code: "LimitExceeded" });
  assert.deepEqual(await patch.db("d").find("c", deep(30)), []);
});

test("a query is taken as it is at the call, and its expressions are not moved on by their use", async () => {
  const db = patch.db("r");
  await db.insertMany("c", [{ _id: "1", t: "aa" }, { _id: "2", t: "aa" }, { _id: "3", t: "b" }]);
  const query = { t: { $regex: "a", $options: "g" } };
  const finding = db.find("c", query);
  query.t.$regex = "b";
  assert.deepEqual((await finding).map(({ _id }) => _id), ["1", "2"]);
  const sticky = /a/y;
  for (let round = 0; round < 3; round++) assert.equal(await db.count("c", { t: sticky }), 2);
  assert.equal(sticky.lastIndex, 0);
});

test("long lists of wanted values are looked up, whatever their kinds", async () => {
  const db = patch.db("l");
  const kinds = [1, 2n, "x", null, true, NaN, new Date(3), undefined, [1], { a: 1 }, -0, 1n << 70n];
  await db.insertMany("c", kinds.map((v, n) => ({ _id: String(n), v })));
  await db.insertMany("plain", [1, 2, "x", null, true, [1], { a: 1 }, 0].map((v, n) => ({ _id: String(n), v })));
  const many = Array.from({ length: 20_000 }, (_, n) => n + 0.5);
  for (const collection of ["c", "plain"]) {
    const docs = await db.find(collection);
    for (const wanted of [...kinds, 2, 1n, 0, 0n]) {
      const query = { v: { $in: [...many, wanted, "none"] } };
      const expected = docs.filter((doc) => matches(doc, query)).map(({ _id }) => _id);
      assert.deepEqual((await db.find(collection, query)).map(({ _id }) => _id), expected, `${collection} ${shown(wanted)}`);
    }
  }
});
