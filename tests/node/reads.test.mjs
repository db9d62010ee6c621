/** Pages, different values and includes, against a model written from their description. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import "fake-indexeddb/auto";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect, isDeepStrictEqual } from "node:util";
import { installPacked } from "../browser/support/packed.mjs";
import { Chance } from "./queries/random.mjs";
import { ask, documents } from "./queries/reads.mjs";

const SEED = Number(process.env.READS_SEED ?? 1);
const SETS = 20;
const QUESTIONS = 12;

let remove, lib, patch;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  const load = (name) => import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve(name)));
  lib = await load("patchstore");
  patch = await lib.openPatch("reads");
});
after(async () => {
  await patch?.close();
  await remove?.();
});

/** (The reporter cannot show invalid Dates.) */
function same(found, expected, what) {
  const at = Array.isArray(found) && Array.isArray(expected) ? found.findIndex((each, n) => !isDeepStrictEqual(each, expected[n])) : -1;
  if (at >= 0) same(found[at], expected[at], `${what}, [${at}]`);
  if (!isDeepStrictEqual(found, expected)) throw new Error(`${what}: ${inspect(found, { depth: 9 })}, not ${inspect(expected, { depth: 9 })}`);
}

async function listed(iterator) {
  const all = [];
  for await (const each of iterator) all.push(each);
  return all;
}

const refuses = (call, message) => assert.rejects(call, { code: "InvalidArgument", message });

/** What lies there, in order: with its times. */
async function stored(db) {
  const [docs, others] = await Promise.all([db.find("c"), db.find("d")]);
  return { docs, others };
}

test(`pages, different values and includes are what their descriptions say: ${SETS * QUESTIONS * 4} questions`, async () => {
  for (let set = 0; set < SETS; set++) {
    const chance = new Chance(1000 * SEED + set);
    let db = patch.db(`s${set}`);
    await db.insertMany("c", documents(chance, 25, "c"));
    await db.insertMany("d", documents(chance, 15, "d"));
    const asked = async (on) => {
      const held = await stored(on);
      for (let n = 0; n < QUESTIONS; n++) await ask(on, held, chance, (found, expected, what) => same(found, expected, `${what}, set ${set}`));
    };
    await asked(db);
    // With writes that wait: some of them are seen before they are committed.
    await patch.transaction(async (tx) => {
      const pending = tx.db(`s${set}`);
      for (const n of [3, 7, 24]) await pending.delete("c", `c${n}`);
      await pending.update("c", "c5", { k: "changed" });
      await pending.insertMany("c", documents(chance, 8, "e"));
      await pending.insert("d", { _id: "late", k: 1, m: 2 });
      await asked(pending);
    });
    const waiting = [db.delete("c", "e0"), db.insertMany("c", documents(chance, 5, "f"))];
    await asked(db);
    await Promise.all(waiting);
    if (set % 2 > 0) await patch.compact();
    await patch.close();
    patch = await lib.openPatch("reads");
    db = patch.db(`s${set}`);
    await asked(db);
  }
});

test("a document that is gone keeps its place", async () => {
  const db = patch.db("gone");
  await db.insertMany("c", Array.from({ length: 10 }, (_, n) => ({ _id: String(n), n: n % 3 })));
  const ids = (docs) => docs.map(({ _id }) => _id);
  for (const options of [{}, { sort: { n: 1 } }, { sort: { n: -1 }, fields: [] }]) {
    const all = ids(await db.find("c", {}, options));
    const page = await db.find("c", {}, { ...options, limit: 4 });
    const last = page.at(-1);
    await db.delete("c", last._id);
    assert.deepEqual(ids(await db.find("c", {}, { ...options, after: last })), all.slice(4));
    // Without its mark, nobody knows its place.
    await refuses(db.find("c", {}, { ...options, after: { ...last } }), /after/);
    await refuses(db.find("other", {}, { ...options, after: last }), /after/);
    await db.insert("c", { _id: `again ${last._id}`, n: last.n });
  }
  // Results that come from copies have marks, too.
  await db.find("c");
  const found = await db.find("c", { n: 1 });
  const last = found.at(-1);
  const behind = ids((await db.find("c")).slice(1 + ids(await db.find("c")).indexOf(last._id)));
  await db.delete("c", last._id);
  assert.deepEqual(ids(await db.find("c", {}, { after: last })), behind);
  const one = await db.findOne("c", {}, { skip: 2 });
  const rest = ids(await db.find("c", {}, { skip: 3 }));
  await db.delete("c", one._id);
  assert.deepEqual(ids(await db.find("c", {}, { after: one })), rest);
});

test("a place that waits for its commit is found where it lands", async () => {
  const db = patch.db("waiting");
  const ids = (docs) => docs.map(({ _id }) => _id);
  await db.insertMany("c", [{ _id: "a" }, { _id: "b" }]);
  const inserts = ["c", "d", "e", "f"].map((_id) => db.insert("c", { _id }));
  const page = await db.find("c", {}, { limit: 4 });
  const whole = await db.find("c");
  assert.deepEqual(ids(page), ["a", "b", "c", "d"]);
  assert.deepEqual(ids(await db.find("c", {}, { after: page.at(-1) })), ["e", "f"]);
  const gone = db.delete("c", "d");
  assert.deepEqual(ids(await db.find("c", {}, { after: page.at(-1) })), ["e", "f"], "deleted, and both wait");
  await Promise.all([...inserts, gone]);
  assert.deepEqual(ids(await db.find("c", {}, { after: page.at(-1) })), ["e", "f"], "both landed");
  await db.insert("c", { _id: "g" });
  await db.delete("c", "f");
  assert.deepEqual(ids(await db.find("c", {}, { after: whole.at(-1) })), ["g"], "of copies");
  // One that a transaction has inserted has another place once that is committed.
  let last;
  await patch.transaction(async (tx) => {
    await tx.db("waiting").insertMany("c", [{ _id: "h" }, { _id: "i" }]);
    last = (await tx.db("waiting").find("c", {}, { limit: 5 })).at(-1);
    assert.equal(last._id, "g");
    last = (await tx.db("waiting").find("c", {}, { after: last, limit: 1 }))[0];
    assert.deepEqual(ids(await tx.db("waiting").find("c", {}, { after: last })), ["i"]);
  });
  assert.equal(last._id, "h");
  assert.deepEqual(ids(await db.find("c", {}, { after: last })), ["i"]);
});

test("iterate goes on over what changes, and holds a page at a time", async () => {
  const db = patch.db("iterate");
  const text = "x".repeat(4000);
  await db.insertMany("c", Array.from({ length: 2000 }, (_, n) => ({ _id: String(n), n: n % 10, text })));
  for (const sort of [undefined, { n: -1 }]) {
    const all = (await db.find("c", {}, { sort, fields: [] })).map(({ _id }) => _id);
    const seen = [];
    const gone = new Set();
    for await (const doc of db.iterate("c", {}, { sort, fields: [], skip: 5 })) {
      seen.push(doc._id);
      doc._id = "changed by its owner";
      if (seen.length % 100 === 0) {
        const victim = all[seen.length + 250];
        if (victim !== undefined) gone.add(victim) && (await db.delete("c", victim));
        await db.insert("c", { n: -1 });
      }
    }
    const there = all.slice(5).filter((id) => !gone.has(id));
    const once = seen.filter((id) => there.includes(id));
    assert.deepEqual(once, there, "what is there throughout comes once, in order");
    await db.deleteMany?.("c", { n: -1 });
  }
  const iterator = db.iterate("c");
  assert.equal((await iterator.next()).done, false);
  assert.equal((await iterator.return()).done, true);
  assert.equal((await iterator.next()).done, true);
  const controller = new AbortController();
  const aborted = (async () => {
    for await (const _ of db.iterate("c", {}, { signal: controller.signal })) controller.abort(new Error("enough"));
  })();
  await assert.rejects(aborted, /enough/);
  assert.deepEqual(await listed(db.iterate("c", {}, { limit: 0 })), []);
  assert.deepEqual(await listed(db.iterate("c", {}, { skip: 1e9 })), []);
  assert.equal((await listed(db.collection("c").iterate({}, { limit: 3 }))).length, 3);
});

test("what is asked for is taken as it is at the call", async () => {
  const db = patch.db("taken");
  await db.insertMany("c", Array.from({ length: 1500 }, (_, n) => ({ n: n % 2, text: "x".repeat(1000) })));
  const query = { n: { $in: [1] } };
  const include = { same: { collection: "c", local: "n", foreign: "n", limit: 1, query: { n: { $in: [1] } } } };
  const found = [];
  for await (const doc of db.iterate("c", query, { include })) {
    found.push([doc.n, doc.same.length]);
    query.n.$in[0] = 0;
    include.same.query.n.$in[0] = 0;
  }
  assert.deepEqual(found, Array(750).fill([1, 1]));
});

test("regular expressions in includes are theirs alone", async () => {
  const db = patch.db("regex");
  await db.insertMany("c", [{ _id: "1", t: "aa", g: 1 }, { _id: "2", t: "b", g: 1 }]);
  const include = { x: { collection: "c", local: "g", foreign: "g", query: { t: /^a/ }, fields: ["t"] }, y: { collection: "c", local: "g", foreign: "g", query: { t: { $regex: "^B", $options: "i" } }, fields: [] } };
  const [found] = await db.find("c", { t: /b/ }, { include, fields: ["t"] });
  assert.deepEqual(found, { _id: "2", t: "b", x: [{ _id: "1", t: "aa" }], y: [{ _id: "2" }] });
});

test("findOne by id takes options, too", async () => {
  const db = patch.db("one");
  await db.insertMany("c", [{ _id: "1", a: 1, b: 2, to: "2" }, { _id: "2", a: 3 }]);
  const c = db.collection("c");
  assert.deepEqual(await c.findOne("1", { fields: ["a"] }), { _id: "1", a: 1 });
  const { to } = await c.findOne("1", { include: { to: { collection: "c", local: "to", one: true, fields: ["a"] } } });
  assert.deepEqual(to, { _id: "2", a: 3 });
  assert.equal(await c.findOne("1", { skip: 1 }), null);
  assert.equal(await c.findOne("1", { limit: 0 }), null);
  assert.equal((await c.findOne("1", { signal: new AbortController().signal }))._id, "1");
  assert.equal(await c.findOne("none", { fields: ["a"] }), null);
  assert.equal((await c.findOne({}, { sort: { a: -1 } }))._id, "2");
  await assert.rejects(c.findOne({}, { signal: AbortSignal.abort(new Error("mine")) }), /mine/);
  assert.deepEqual(await c.explain({ _id: "1" }), { kind: "id" });
  assert.deepEqual(await c.explain({ a: 1 }, { sort: { a: 1 }, limit: 3 }), { kind: "scan" });
  assert.deepEqual(await c.distinct("a"), [1, 3]);
});

test("what is no option, no document and no include is refused, and named", async () => {
  const db = patch.db("refused");
  await db.insert("c", { _id: "1" });
  const include = (include) => db.find("c", {}, { include });
  await refuses(db.find("c", {}, { after: 5 }), /options\.after must be a document, not a number/);
  await refuses(db.find("c", {}, { after: {} }), /options\.after .*_id/);
  await refuses(db.find("c", {}, { after: { _id: "none" } }), /options\.after/);
  await refuses(db.findOne("c", "1", { nothing: 1 }), /options\.nothing is not an option/);
  await refuses(db.distinct("c", 5), /field must be a string/);
  await refuses(db.distinct("c", "a", { a: { $near: 1 } }), /\$near/);
  await refuses(db.distinct("c"), /field must be a string/);
  await refuses(db.explain("", {}), /collection name/);
  await refuses(db.explain("c", { a: { $near: 1 } }), /\$near/);
  await refuses(include(5), /options\.include must be an object/);
  await refuses(include({ x: undefined }), /options\.include\.x must be an object/);
  await refuses(include({ x: {} }), /options\.include\.x\.collection must be a string/);
  await refuses(include({ _id: { collection: "c" } }), /cannot take the place of _id/);
  await refuses(include({ x: { collection: "c", local: 1 } }), /options\.include\.x\.local must be a string/);
  await refuses(include({ x: { collection: "c", sort: { a: 2 } } }), /options\.include\.x\.sort/);
  await refuses(include({ x: { collection: "c", limit: -1 } }), /options\.include\.x\.limit/);
  await refuses(include({ x: { collection: "c", one: 1 } }), /options\.include\.x\.one/);
  await refuses(include({ x: { collection: "c", where: {} } }), /options\.include\.x\.where is not an option/);
  await refuses(include({ x: { collection: "c", query: { a: { $near: 1 } } } }), /\$near/);
  await refuses(include({ x: { collection: "c", include: { y: { collection: "" } } } }), /options\.include\.x\.include\.y\.collection/);
  const limit = { code: "LimitExceeded" };
  const deep = (levels) => (levels > 0 ? { x: { collection: "c", include: deep(levels - 1) } } : {});
  assert.equal((await include(deep(7)))[0].x[0].x[0]._id, "1");
  await assert.rejects(include(deep(9)), limit);
  await assert.rejects(include(deep(1000)), limit);
  await assert.rejects(include(Object.fromEntries(Array.from({ length: 33 }, (_, n) => [n, { collection: "c" }]))), limit);
  await db.insert("large", { a: "x".repeat(300_000) });
  await assert.rejects(db.distinct("large", "a"), limit);
  await assert.rejects(db.find("large", {}, { include: { x: { collection: "c", local: "a" } } }), limit);
});
