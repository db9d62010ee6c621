/** Indexes: whatever there are, a query finds the same documents in the same order as it does without. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { installPacked } from "../browser/support/packed.mjs";
import { Chance } from "./queries/random.mjs";

const SEED = Number(process.env.QUERY_SEED ?? 1);
/** Each set of documents and indexes is asked each of its queries, at each of the stages. */
const SETS = Number(process.env.SETS ?? 170);
const DOCS = 30;
const QUERIES = 20;
const STAGES = ["fresh", "compacted", "reopened", "in a transaction"];
/** Sets that are asked of one open patch. */
const OPEN_SETS = 5;

const FIELDS = ["a", "b", "c", "a.b", "b.a", "_id"];

let remove, lib, patch;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  lib = await import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve("patchstore")));
  patch = await open();
});
after(async () => {
  await patch?.close();
  await remove?.();
});

/** (What is in memory outlives the patch that was opened on it.) */
const open = () => lib.openPatch("indexes", { backend: "memory" });

const shown = (value) => inspect(value, { depth: 9, maxArrayLength: null, maxStringLength: null });
const plain = ({ _created, _updated, ...fields }) => fields;

function indexesOf(chance) {
  return Array.from({ length: 1 + chance.below(3) }, () => {
    const fields = [...new Set(Array.from({ length: 1 + chance.below(3) }, () => chance.one(FIELDS.slice(0, 5))))];
    return { fields, multi: chance.below(3) === 0 };
  });
}

function optionsOf(chance) {
  const options = {};
  if (chance.below(2) > 0) {
    options.sort = Array.from({ length: 1 + chance.below(2) }, () => [chance.one(FIELDS), chance.one([1, -1])]);
    options.sort = options.sort.filter(([field], at) => options.sort.findIndex(([other]) => other === field) === at);
  }
  if (chance.below(3) === 0) options.skip = chance.below(4);
  if (chance.below(2) > 0) options.limit = chance.below(6);
  if (chance.below(3) === 0) options.fields = [chance.one(FIELDS), chance.one(["a", "c"])];
  return options;
}

/** The same change in both collections. */
async function change(db, chance, docs) {
  const { _id } = chance.one(docs);
  const kind = chance.below(4);
  const fields = chance.object();
  for (const collection of ["with", "without"]) {
    if (kind === 0) await db.delete(collection, _id);
    else if (kind === 1) await db.replace(collection, _id, fields);
    else await db.update(collection, _id, fields);
  }
}

/** What is asked of one collection, and what came of it. */
async function answers(db, collection, query, options) {
  const found = await db.find(collection, query, options);
  const [first] = await db.find(collection, query, { ...options, limit: 1, skip: 0 });
  const pages = [];
  const { fields, skip, limit, ...order } = options;
  for (let last; pages.length < DOCS + 5; ) {
    const page = await db.find(collection, query, { ...order, limit: 4, ...(last && { after: last }) });
    if (page.length === 0) break;
    pages.push(...page.map(({ _id }) => _id));
    last = page.at(-1);
  }
  return {
    found: found.map(plain),
    first: first && plain(first),
    pages,
    count: await db.count(collection, query),
    distinct: await db.distinct(collection, Object.keys(query)[0] ?? "a", query),
  };
}

test(`the same with and without indexes: ${SETS * QUERIES * STAGES.length} queries`, { timeout: 600_000 }, async () => {
  const plans = { id: 0, index: 0, scan: 0, ordered: 0 };
  for (let set = 0; set < SETS; set++) {
    const chance = new Chance(10_000 * SEED + set);
    let db = patch.db(`set ${set}`);
    const docs = Array.from({ length: DOCS }, (_, n) => ({ _id: String(n), ...chance.object() }));
    const indexes = indexesOf(chance);
    const half = chance.below(DOCS);
    for (const collection of ["with", "without"]) await db.insertMany(collection, docs.slice(0, half));
    for (const { fields, multi } of indexes) await db.createIndex("with", fields, { multi });
    for (const collection of ["with", "without"]) await db.insertMany(collection, docs.slice(half));
    for (let n = 0; n < 8; n++) await change(db, chance, docs);
    const ask = async (stage, db) => {
      for (let n = 0; n < QUERIES; n++) {
        const query = chance.query(docs);
        const options = optionsOf(chance);
        const expected = await answers(db, "without", query, options);
        const why = () => `set ${set}, ${stage}: ${shown(query)}, ${shown(options)}, over ${shown(indexes)}`;
        const got = await answers(db, "with", query, options);
        assert.equal(shown(got), shown(expected), why());
        const plan = await db.explain("with", query, options);
        plans[plan.kind] += 1;
        if (plan.ordered) plans.ordered += 1;
      }
    };
    await ask("fresh", db);
    if (set % 10 === 0) await patch.compact();
    await ask("compacted", db);
    if (set % OPEN_SETS === 0) {
      await patch.close();
      patch = await open();
      db = patch.db(`set ${set}`);
    }
    await ask("reopened", db);
    await patch.transaction(async (tx) => {
      const within = tx.db(`set ${set}`);
      for (let n = 0; n < 5; n++) await change(within, chance, docs);
      await ask("in a transaction", within);
    });
    await db.drop("with");
    await db.drop("without");
  }
  for (const [kind, count] of Object.entries(plans)) {
    if (kind !== "id") assert.ok(count > SETS, `${kind}: ${count} of the plans`);
  }
});
