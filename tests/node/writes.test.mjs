/** Writes of documents that read what is there, against a plain list: with and without the op-log, in transactions, over copies. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { installPacked } from "../browser/support/packed.mjs";
import { matches } from "./queries/model.mjs";
import { Chance } from "./queries/random.mjs";

const SEED = Number(process.env.WRITES_SEED ?? 1);
const RUNS = 12;
const STEPS = 60;

let remove, lib;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  lib = await import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

const shown = (value) => inspect(value, { depth: 9 });
const bare = ({ _created, _updated, ...doc }) => doc;
/** (To Node, a Date without a time equals none, and what reports a failure cannot say it.) */
const same = (actual, expected, why) => {
  const [is, wanted] = [actual, expected].map((value) => inspect(value, { depth: null, sorted: true, maxArrayLength: null, maxStringLength: null }));
  assert.ok(is === wanted, `${why}\nis ${is}\nand not ${wanted}`);
};
const refused = (promise, code, message) =>
  assert.rejects(promise, (error) => {
    assert.ok(lib.isPatchStoreError(error), String(error?.stack));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });

/** A list of documents, in the order of insertion, and what each write comes to. */
class Model {
  docs = [];

  at(id) {
    return this.docs.findIndex(({ _id }) => _id === id);
  }

  merge(doc, changes, unset = []) {
    const merged = { ...doc, ...changes, _id: doc._id };
    for (const name of unset) if (name !== "_id") delete merged[name];
    return merged;
  }

  modify(id, change) {
    const at = this.at(id);
    const made = change(at < 0 ? null : this.docs[at]);
    if (made === undefined) return at < 0 ? null : (this.docs.splice(at, 1), null);
    const doc = { _id: id, ...made, _id: id };
    if (at < 0) this.docs.push(doc);
    else this.docs[at] = doc;
    return doc;
  }

  upsert(doc) {
    const at = this.at(doc._id);
    if (at < 0) this.docs.push(doc);
    else this.docs[at] = this.merge(this.docs[at], doc);
    return { id: doc._id, inserted: at < 0 };
  }

  update(id, changes, unset) {
    const at = this.at(id);
    if (at >= 0) this.docs[at] = this.merge(this.docs[at], changes, unset);
    return at >= 0;
  }

  updateMany(query, changes, unset) {
    const found = this.docs.map((doc, at) => [doc, at]).filter(([doc]) => matches(doc, query));
    for (const [doc, at] of found) this.docs[at] = this.merge(doc, changes, unset);
    return found.length;
  }

  deleteMany(query) {
    const before = this.docs.length;
    this.docs = this.docs.filter((doc) => !matches(doc, query));
    return before - this.docs.length;
  }
}

/** One write, on the store and on the model: what they come to must be the same. */
function step(chance, model) {
  const id = () => `d${chance.below(12)}`;
  const docs = model.docs.length > 0 ? model.docs : [{ a: 1 }];
  // (Times are none of the model's.)
  const query = () => {
    if (chance.below(3) > 0) return chance.query(docs);
    return chance.below(2) > 0 ? { [chance.one(["a", "b", "c"])]: { $exists: true } } : { _id: { $in: chance.list(id) } };
  };
  const unset = () => chance.list(() => chance.one(["a", "b", "c", "a.b", "d", "_id", "_created", "_updated"]));
  switch (chance.below(7)) {
    case 0: {
      const [at, made] = [id(), chance.below(4) > 0 ? chance.object() : undefined];
      return [`modify ${at} ${shown(made)}`, async (db) => bared(await db.modify("c", at, () => made)), () => model.modify(at, () => made)];
    }
    case 1: {
      const at = id();
      const change = (doc) => (doc === null ? { made: 1 } : { ...doc, a: [doc.a ?? null], _id: "other", _created: 1 });
      const bareChange = (doc) => {
        const { _id, _created, ...rest } = change(doc);
        return rest;
      };
      return [`modify ${at}`, async (db) => bared(await db.modify("c", at, change)), () => model.modify(at, bareChange)];
    }
    case 2: {
      const doc = { _id: id(), ...chance.object() };
      return [`upsert ${shown(doc)}`, (db) => db.upsert("c", doc), () => model.upsert(doc)];
    }
    case 3: {
      const [at, changes, names] = [id(), chance.object(), unset()];
      return [`update ${at} ${shown(changes)} − ${names}`, (db) => db.update("c", at, changes, { unset: names }), () => model.update(at, changes, names)];
    }
    case 4:
    case 5: {
      const [asked, changes, names] = [query(), chance.object(), unset()];
      const text = `updateMany ${shown(asked)} ${shown(changes)} − ${names}`;
      return [text, (db) => db.updateMany("c", asked, changes, { unset: names }), () => model.updateMany(asked, changes, names)];
    }
    default: {
      const asked = chance.below(2) > 0 ? { $and: [query(), query()] } : { _id: { $in: chance.list(id) } };
      return [`deleteMany ${shown(asked)}`, (db) => db.deleteMany("c", asked), () => model.deleteMany(asked)];
    }
  }
}

const bared = (doc) => (doc === null ? null : bare(doc));

/** Reads in every way that copies are kept for, and once past them. */
async function look(patch, model, why) {
  const expected = model.docs;
  for (const times of [1, 2]) {
    const all = await patch.db("d").find("c");
    same(all.map(bare), expected, `${why()}, read ${times}`);
    for (const { _id, _created, _updated } of all) {
      assert.ok(Number.isInteger(_created) && _updated >= _created);
      same(await patch.db("d").findOne("c", _id), all.find((doc) => doc._id === _id), why());
    }
    for (let at = 0; at < 12; at++) {
      const found = await patch.db("d").findOne("c", `d${at}`);
      same(bared(found), expected.find(({ _id }) => _id === `d${at}`) ?? null, why());
    }
  }
  same((await patch.transaction((tx) => tx.db("d").find("c"))).map(bare), expected, why());
}

for (const opLog of [false, true]) {
  test(`random writes are those of a list${opLog ? ", and what the op-log tells makes the same again" : ""}`, async () => {
    const counts = {};
    for (let run = 0; run < RUNS; run++) {
      const chance = new Chance(1000 * SEED + run);
      const patch = await lib.openPatch(`writes ${opLog} ${run}`, { backend: "memory", opLog });
      const model = new Model();
      const said = [];
      const why = () => `seed ${SEED}, run ${run}: ${said.slice(-6).join("\n")}`;
      for (let at = 0; at < STEPS; at++) {
        if (chance.below(6) === 0) {
          // Several in a transaction, which sees its own.
          await patch.transaction(async (tx) => {
            for (let n = chance.below(5); n >= 0; n--) {
              const [text, write, expected] = step(chance, model);
              said.push(`tx: ${text}`);
              same(await write(tx.db("d")), expected(), why());
              same((await tx.db("d").find("c")).map(bare), model.docs, why());
            }
          });
        } else if (chance.below(4) === 0) {
          // Several that are not awaited.
          const calls = Array.from({ length: 1 + chance.below(4) }, () => {
            const [text, write, expected] = step(chance, model);
            said.push(`at once: ${text}`);
            return [write(patch.db("d")), expected()];
          });
          for (const [done, expected] of calls) same(await done, expected, why());
        } else {
          const [text, write, expected] = step(chance, model);
          said.push(text);
          const [name] = text.split(" ");
          const done = expected();
          if (typeof done === "number" && done > 0) counts[name] = (counts[name] ?? 0) + 1;
          same(await write(patch.db("d")), done, why());
        }
        if (at % 10 === 9) await look(patch, model, why);
        if (at % 25 === 24) await patch.compact();
      }
      await look(patch, model, why);
      if (opLog) {
        const entries = await patch.opLog.pending();
        const other = await lib.openPatch(`writes elsewhere ${run}`, { backend: "memory", opLog });
        await other.opLog.apply(entries.map(({ id, ...entry }) => entry));
        const byId = (docs) => docs.sort((a, b) => (a._id < b._id ? -1 : 1));
        same(byId(await other.db("d").find("c")), byId(await patch.db("d").find("c")), why());
        assert.equal((await other.opLog.merkle()).hash, (await patch.opLog.merkle()).hash);
        await other.close();
      }
      await patch.close();
    }
    assert.ok(counts.updateMany > 20 && counts.deleteMany > 5, shown(counts));
  });
}

test("modify is run again where another comes in between, and never conflicts", async () => {
  const patch = await lib.openPatch("modify", { backend: "memory" });
  const db = patch.db("d");
  await db.insert("c", { _id: "n", n: 0 });
  const add = () => db.modify("c", "n", (doc) => ({ ...doc, n: doc.n + 1 }));
  const news = await Promise.all(Array.from({ length: 200 }, add));
  assert.deepEqual(news.map(({ n }) => n), Array.from({ length: 200 }, (_, at) => at + 1));
  // What it hands out, and what `change` gets, belongs to nobody else.
  news[199].n = "spoilt";
  await db.modify("c", "n", (doc) => {
    doc.deep = { list: [1] };
    return doc;
  });
  const { deep } = await db.modify("c", "n", (doc) => doc);
  deep.list.push("spoilt");
  assert.deepEqual((await db.findOne("c", "n")).deep, { list: [1] });
  assert.equal((await db.findOne("c", "n")).n, 200);
  // A call from within waits for its turn.
  let inner;
  await db.modify("c", "n", (doc) => {
    inner = db.findOne("c", "n");
    return { ...doc, n: -1 };
  });
  assert.equal((await inner).n, -1);
  // Blobs are read outside of the write.
  const withBlob = await db.modify("c", "n", (doc) => ({ n: doc.n, blob: new Blob(["content"]) }));
  assert.equal(await withBlob.blob.text(), "content");
  assert.equal(await (await db.modify("c", "n", (doc) => doc)).blob.text(), "content");
  await patch.close();
});

test("modify keeps _id, _created and the place, and sets _updated", async () => {
  const patch = await lib.openPatch("kept", { backend: "memory" });
  const db = patch.db("d");
  await db.insertMany("c", [{ _id: "a" }, { _id: "b" }], { keepTimes: false });
  const [before] = await db.find("c");
  await new Promise((resolve) => setTimeout(resolve, 5));
  const given = await db.modify("c", "a", () => ({ _id: "z", _created: 1, _updated: 2, x: 1 }));
  assert.deepEqual(given, { _id: "a", _created: before._created, _updated: given._updated, x: 1 });
  assert.ok(given._updated > before._updated);
  assert.deepEqual((await db.find("c")).map(({ _id }) => _id), ["a", "b"]);
  assert.deepEqual(Object.keys(await db.modify("c", "new", () => ({ x: 1, _id: "q" }))), ["_id", "_created", "_updated", "x"]);
  assert.equal(await db.modify("c", "absent", (doc) => (assert.equal(doc, null), undefined)), null);
  assert.equal(await db.modify("c", "a", () => undefined), null);
  assert.deepEqual((await db.find("c")).map(({ _id }) => _id), ["b", "new"]);
  await patch.close();
});

test("what is refused is refused, and nothing is written", async () => {
  const patch = await lib.openPatch("refused", { backend: "memory" });
  const db = patch.db("d");
  await db.insert("c", { _id: "a", n: 1 });
  const before = await db.find("c");
  const oops = new Error("oops");
  await assert.rejects(db.modify("c", "a", () => { throw oops; }), (error) => error === oops);
  const refusals = [
    ["InvalidArgument", () => db.modify("c", "a", 5)],
    ["InvalidArgument", () => db.modify("c", 5, (doc) => doc)],
    ["InvalidArgument", () => db.modify("", "a", (doc) => doc)],
    ["InvalidArgument", () => db.modify("c", "x".repeat(1001), () => ({}))],
    ["InvalidArgument", () => db.modify("c", "a", () => null), /what change returns/],
    ["InvalidArgument", () => db.modify("c", "a", () => "text")],
    ["InvalidArgument", () => db.modify("c", "a", () => [1])],
    ["InvalidArgument", () => db.modify("c", "a", async (doc) => doc), /synchronous/],
    ["NotStorable", () => db.modify("c", "a", () => ({ f: () => 1 }))],
    ["NotStorable", () => db.modify("c", "a", () => new (class Own {})())],
    ["InvalidArgument", () => db.update("c", "a", {}, { unset: "n" }), /unset must be an array/],
    ["InvalidArgument", () => db.update("c", "a", {}, { unset: [1] }), /unset must contain strings/],
    ["InvalidArgument", () => db.update("c", "a", {}, { on: ["n"] }), /not an option/],
    ["LimitExceeded", () => db.update("c", "a", {}, { unset: Array.from({ length: 1001 }, String) })],
    ["InvalidArgument", () => db.upsert("c", []), /plain object/],
    ["InvalidArgument", () => db.upsert("c", { _id: 5 }), /_id/],
    ["InvalidArgument", () => db.upsert("c", { n: 1 }, { on: "n" }), /unique index/],
    ["InvalidArgument", () => db.upsert("c", { n: 1 }, { on: ["n", "m"] }), /n, m/],
    ["InvalidArgument", () => db.upsert("c", { n: 1 }, { on: [] }), /name a field/],
    ["InvalidArgument", () => db.upsert("c", { n: 1 }, { on: 5 })],
    ["InvalidArgument", () => db.updateMany("c", undefined, { n: 2 }), /all documents/],
    ["InvalidArgument", () => db.updateMany("c", { n: { $nope: 1 } }, { n: 2 }), /\$nope/],
    ["InvalidArgument", () => db.updateMany("c", {}, 5), /changes/],
    ["InvalidArgument", () => db.updateMany("c", { n: { $regex: "(" } }, {}), /regular expression/],
    ["NotStorable", () => db.updateMany("c", {}, { f() {} })],
    ["InvalidArgument", () => db.deleteMany("c"), /all documents/],
    ["InvalidArgument", () => db.deleteMany("c", [])],
    ["InvalidArgument", () => db.insertMany("c", [{}], { keepTimes: 1 }), /boolean/],
    ...[-1, 1.5, NaN, Infinity, "5", null, 5n, new Date(5), 2 ** 53].flatMap((time) => [
      ["InvalidArgument", () => db.insertMany("c", [{ _id: "t" }, { _created: time }], { keepTimes: true }), /whole numbers/],
      ["InvalidArgument", () => db.insertMany("c", [{ _updated: time, more: [undefined] }], { keepTimes: true }), /whole numbers/],
    ]),
  ];
  for (const [code, call, message] of refusals) {
    await refused(call(), code, message).catch((error) => {
      error.message = `${call}: ${error.message}`;
      throw error;
    });
  }
  assert.deepEqual(await db.find("c"), before);
  let its;
  await patch.transaction(async (tx) => void (its = tx.db("d")));
  await patch.close();
  for (const at of [db, its]) {
    const calls = [
      at.modify("c", "a", (doc) => doc), at.upsert("c", {}), at.updateMany("c", {}, {}), at.deleteMany("c", {}), at.update("c", "a", {}, { unset: [] }),
    ];
    for (const call of calls) await refused(call, "Closed");
  }
});

test("times are kept where that is asked for", async () => {
  const patch = await lib.openPatch("times", { backend: "memory", opLog: true });
  const db = patch.db("d");
  const docs = [
    { _id: "a", _created: 5, _updated: 7, n: 1 },
    { _id: "b", _created: 0, n: [undefined] },
    { _id: "c", _updated: 9_007_199_254_740_991 },
    { _id: "d", _created: -0, _updated: undefined, when: new Date(1) },
    { _id: "e" },
  ];
  const began = Date.now();
  assert.deepEqual(await db.insertMany("c", docs, { keepTimes: true }), ["a", "b", "c", "d", "e"]);
  const found = await db.find("c");
  const now = (ms) => assert.ok(ms >= began && ms <= Date.now(), String(ms));
  assert.deepEqual(found[0], { _id: "a", _created: 5, _updated: 7, n: 1 });
  assert.deepEqual(Object.keys(found[0]), ["_id", "_created", "_updated", "n"]);
  assert.equal(found[1]._created, 0);
  now(found[1]._updated);
  now(found[2]._created);
  assert.equal(found[2]._updated, 9_007_199_254_740_991);
  assert.ok(Object.is(found[3]._created, 0));
  now(found[3]._updated);
  now(found[4]._created);
  // Without, they are set as always.
  await db.insertMany("c", [{ _id: "f", _created: 5, _updated: "x" }]);
  now((await db.findOne("c", "f"))._created);
  await db.collection("c").insertMany([{ _id: "g", _created: 3 }], { keepTimes: true });
  assert.equal((await db.findOne("c", "g"))._created, 3);
  // A later change is no earlier than what it changes.
  await db.update("c", "c", { n: 1 });
  assert.equal((await db.findOne("c", "c"))._updated, 9_007_199_254_740_991);
  const [put] = await patch.opLog.pending();
  assert.deepEqual(put.value, found[0]);
  await patch.close();
});

test("many documents are changed and removed in one commit, in slices, and none twice", async () => {
  const patch = await lib.openPatch("many", { backend: "memory" });
  const db = patch.db("d");
  const COUNT = 30_000;
  await db.insertMany("c", Array.from({ length: COUNT }, (_, n) => ({ n, even: n % 2 === 0, text: "x".repeat(50) })));
  let commits = 0;
  patch.on("change", () => commits++);
  // A task that is due tells how long nothing else could run.
  let longestMs = 0;
  let beat = performance.now();
  const timer = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - beat);
    beat = performance.now();
  }, 1);
  assert.equal(await db.updateMany("c", { even: true }, { even: false, was: true }, { unset: ["text"] }), COUNT / 2);
  assert.equal(commits, 1);
  assert.equal(await db.count("c", { was: true, text: undefined }), COUNT / 2);
  assert.equal(await db.updateMany("c", { text: /^x+$/ }, { n: -1 }), COUNT / 2);
  assert.equal(await db.deleteMany("c", { n: -1 }), COUNT / 2);
  clearInterval(timer);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(commits, 3);
  assert.equal(await db.count("c"), COUNT / 2);
  assert.deepEqual(await db.collections(), ["c"]);
  // (Bounded loosely: others use this machine, too. tests/scaling counts instead.)
  assert.ok(longestMs < 500, `${longestMs} ms`);
  await patch.close();
});
