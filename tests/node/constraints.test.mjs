/** Definitions on the packed package: references, sequences, what other devices break, and builds of many documents. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPacked } from "../browser/support/packed.mjs";

let remove, lib;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  lib = await import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

let opened = 0;
async function open(options = {}) {
  const patch = await lib.openPatch(`constraints ${++opened}`, { backend: "memory", ...options });
  after(() => patch.close());
  return patch;
}

const bare = ({ _created, _updated, ...doc }) => doc;
const refused = (promise, ids) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, "ConstraintViolation", `${error.code}: ${error.message}`);
    if (ids) assert.deepEqual([...error.ids].sort(), [...ids].sort(), error.message);
    return true;
  });

test("what is no definition is refused, and says what is wrong", async () => {
  const db = (await open()).db("d");
  for (const [definition, words] of [
    [undefined, /definition/], [[], /definition/], [{ index: [] }, /index is not an option/], [{ indexes: {} }, /indexes must be an array/],
    [{ indexes: [{}] }, /fields/], [{ indexes: [{ fields: [] }] }, /must name a field/], [{ indexes: [{ fields: "a", unique: 1 }] }, /unique/],
    [{ references: { a: "b" } }, /references/], [{ references: { a: {} } }, /collection/], [{ references: { a: { collection: "b", onDelete: "no" } } }, /onDelete/],
    [{ references: { _id: { collection: "b", onDelete: "set-null" } } }, /cannot become null/], [{ sequences: { _id: {} } }, /cannot be numbered/],
    [{ references: [] }, /references must be an object/], [{ sequences: { a: { by: 1 } } }, /by is not an option/], [{ sequences: { a: { per: 1 } } }, /per/],
  ]) {
    await assert.rejects(db.define("c", definition), (error) => {
      assert.equal(error.code, "InvalidArgument", JSON.stringify(definition));
      assert.match(error.message, words);
      return true;
    });
  }
  await assert.rejects(db.define("c", { indexes: Array.from({ length: 65 }, (_, n) => ({ fields: `f${n}` })) }), { code: "LimitExceeded" });
  const patch = await open();
  await assert.rejects(patch.transaction((tx) => tx.db("d").define("c", {})), { code: "InvalidArgument" });
});

test("a definition takes the place of the one before; indexes made one by one stay", async () => {
  const db = (await open()).db("d");
  const fields = async () => (await db.indexes("c")).map(({ fields }) => fields.join()).sort();
  await db.createIndex("c", "own");
  await db.define("c", { indexes: [{ fields: "a" }, { fields: ["b", "c"], unique: true }], sequences: { no: {} } });
  await db.define("c", { indexes: [{ fields: "a" }, { fields: ["b", "c"], unique: true }], sequences: { no: {} } });
  assert.deepEqual(await fields(), ["a", "b,c", "own"]);
  await db.insert("c", { _id: "1", b: 1, c: 1 });
  await refused(db.insert("c", { _id: "2", b: 1, c: 1 }), ["1", "2"]);
  await db.define("c", { indexes: [{ fields: "a" }] });
  assert.deepEqual(await fields(), ["a", "own"]);
  await db.insert("c", { _id: "2", b: 1, c: 1 });
  assert.deepEqual((await db.find("c")).map(({ no }) => no), [1, undefined]);
  // What is there has to fit, or nothing changes.
  await refused(db.define("c", { indexes: [{ fields: "b", unique: true }] }), ["1", "2"]);
  await refused(db.define("c", { references: { b: { collection: "others" } } }));
  assert.deepEqual(await fields(), ["a", "own"]);
  await db.define("c", {});
  assert.deepEqual(await fields(), ["own"]);
});

test("numbers: what is handed out is what is stored, of inserts that were just made, too", async () => {
  const patch = await open();
  const db = patch.db("d");
  await db.define("c", { sequences: { no: { per: "group" }, "at.all": {} } });
  const all = async () => (await db.find("c")).map(({ _id, no, at }) => [_id, no, at?.all]);
  await db.insert("c", { _id: "a", group: 1 });
  assert.deepEqual(await all(), [["a", 1, 1]]);
  // (Now what was read is kept in JavaScript, and must not hide what the engine adds.)
  const calls = [
    db.insert("c", { _id: "b", group: 1 }), db.insertMany("c", [{ _id: "c", group: 2 }, { _id: "d", group: 1, no: 7 }, { _id: "e", group: 1 }]),
    db.upsert("c", { _id: "f", group: 2 }), db.modify("c", "g", () => ({ group: 3, at: { more: true } })),
  ];
  const expected = [["a", 1, 1], ["b", 2, 2], ["c", 1, 3], ["d", 7, 4], ["e", 8, 5], ["f", 2, 6], ["g", 1, 7]];
  assert.deepEqual(await all(), expected);
  assert.deepEqual((await Promise.all(calls))[3], await db.findOne("c", "g"));
  assert.deepEqual(await all(), expected);
  assert.deepEqual(bare(await db.findOne("c", "b")), { _id: "b", group: 1, no: 2, at: { all: 2 } });
  await db.update("c", "a", { no: 99, group: 2 });
  await db.replace("c", "b", { group: 1 });
  await db.updateMany("c", { group: 2 }, { no: 50 });
  await db.modify("c", "e", ({ no, ...doc }) => doc);
  assert.deepEqual(await all(), expected, "later writes leave numbers alone");
  for (const no of [0, -1, 1.5, "1", null, 2 ** 53]) await refused(db.insert("c", { group: 1, no }));
  await assert.rejects(patch.transaction(async (tx) => {
    await tx.db("d").insert("c", { group: 9 });
    throw new Error("no");
  }), /no/);
  await db.insertMany("c", [{ _id: "h", group: 9 }, { _id: "i", group: 9 }]);
  assert.deepEqual((await db.find("c", { group: 9 })).map(({ no }) => no), [1, 2], "what fails leaves no gap");
  await db.delete("c", "i");
  await db.insert("c", { _id: "j", group: 9 });
  assert.equal((await db.findOne("c", "j")).no, 3, "a number is not used again");
});

test("references: what goes takes others along, lets them go, or stays", async () => {
  const patch = await open({ opLog: true });
  const db = patch.db("d");
  const references = (onDelete) => ({ references: { up: { collection: "nodes", onDelete } } });
  await db.define("nodes", references("cascade"));
  await db.define("notes", references("set-null"));
  await db.define("locks", references("restrict"));
  await db.insertMany("nodes", [{ _id: "root" }, { _id: "a", up: "root" }, { _id: "b", up: "a" }, { _id: "self", up: "self" }, { _id: "x", up: "y" }, { _id: "y", up: "x" }]);
  await db.insertMany("notes", [{ _id: "n1", up: "b" }, { _id: "n2", up: null }, { _id: "n3" }]);
  await db.insert("locks", { _id: "l", up: "b" });
  await refused(db.insert("notes", { up: "nobody" }), ["nobody"]);
  await refused(db.insert("notes", { up: 7 }));
  await refused(db.delete("nodes", "root"), ["b", "l"]);
  assert.equal(await db.count("nodes"), 6, "nothing has changed");
  await db.delete("locks", "l");
  const before = await patch.opLog.count();
  assert.equal(await db.delete("nodes", "root"), true);
  assert.deepEqual((await db.find("nodes")).map(({ _id }) => _id), ["self", "x", "y"]);
  assert.deepEqual((await db.find("notes")).map(bare), [{ _id: "n1", up: null }, { _id: "n2", up: null }, { _id: "n3" }]);
  assert.equal((await patch.opLog.count()) - before, 4, "three removals and one change are logged");
  assert.equal(await db.deleteMany("nodes", { up: "self" }), 1);
  await db.delete("nodes", "x");
  assert.equal(await db.count("nodes"), 0);
  await db.insert("nodes", { _id: "last" });
  await db.insert("locks", { up: "last" });
  await refused(db.drop("nodes"));
  await db.drop("locks");
  await db.drop("nodes");
});

test("what other devices bring is refused by nothing, and told", async () => {
  const define = async (patch) => {
    const db = patch.db("d");
    await db.define("authors", {});
    await db.define("books", { indexes: [{ fields: "isbn", unique: true }], references: { author: { collection: "authors", onDelete: "restrict" } }, sequences: { no: {} } });
    return db;
  };
  const [one, two] = [await open({ opLog: true }), await open({ opLog: true })];
  const [here, there] = [await define(one), await define(two)];
  await here.insert("authors", { _id: "ann" });
  await here.insert("books", { _id: "mine", isbn: "1", author: "ann" });
  await there.insert("authors", { _id: "bob" });
  await there.insertMany("books", [{ _id: "theirs", isbn: "1", author: "bob" }, { _id: "more", isbn: "2", author: "bob" }]);
  await there.update("books", "more", { author: null });
  const entries = (await two.opLog.pending()).filter(({ key }) => key !== "bob");
  const { applied, refused: none, violations } = await one.opLog.apply(entries);
  assert.deepEqual([applied, none], [entries.length, []]);
  const told = violations.map(({ target, key, kind, ids }) => [target.collection, key, kind, [...ids].sort()]);
  assert.deepEqual(told.sort(), [["books", "theirs", "reference", ["bob"]], ["books", "theirs", "unique", ["mine", "theirs"]]]);
  assert.equal(await here.count("books"), 3);
  // Local writes go on: what is not touched may stay as it is.
  await here.update("books", "theirs", { read: true });
  await refused(here.update("books", "more", { isbn: "1" }));
  await here.update("books", "theirs", { isbn: "3", author: "ann" });
  await here.insert("books", { _id: "next" });
  assert.equal((await here.findOne("books", "next")).no, 3, "numbers go on behind those of others");
});

test("a build over many documents tells how far it has come, and others go on", async () => {
  const patch = await open();
  const db = patch.db("d");
  const DOCS = 20_000;
  await db.insertMany("c", Array.from({ length: DOCS }, (_, n) => ({ n, text: `text of ${n}`.repeat(3) })));
  const told = [];
  const building = db.createIndex("c", ["text", "n"], { onProgress: (documents) => told.push(documents) });
  // Others go on meanwhile, and what they write is in the index.
  await db.insert("c", { n: -1, text: "while it is built" });
  await building;
  assert.ok(told.length >= 5 && told.every((documents, at) => documents > (told[at - 1] ?? 0) && documents <= DOCS), `${told}`);
  assert.deepEqual((await db.explain("c", { text: "while it is built" })).kind, "index");
  assert.deepEqual((await db.find("c", { text: "while it is built" })).map(({ n }) => n), [-1]);
  assert.equal((await db.find("c", { text: { $startsWith: "text of 1999" } })).length, 11);
  await assert.rejects(db.createIndex("c", "n", { onProgress: 1 }), { code: "InvalidArgument" });
  const heard = [];
  await db.define("c", { indexes: [{ fields: "n", unique: true }], sequences: { no: {} } }, { onProgress: (documents) => heard.push(documents) });
  assert.ok(heard.length >= 5 && heard.every((documents, at) => documents > (heard[at - 1] ?? 0) && documents <= DOCS), `${heard}`);
  // What is few is done at once, and tells nothing; few that are large are not few.
  await db.insertMany("few", Array.from({ length: 5 }, (_, n) => ({ n })));
  await db.define("few", { indexes: [{ fields: "n" }] }, { onProgress: (documents) => heard.push(`few ${documents}`) });
  await db.insertMany("large", Array.from({ length: 5 }, (_, n) => ({ n, text: "x".repeat(1 << 20) })));
  const large = [];
  await db.collection("large").define({ indexes: [{ fields: "n" }] }, { onProgress: (documents) => large.push(documents) });
  assert.deepEqual([large, heard.filter((each) => typeof each === "string")], [[1, 2, 3, 4, 5], []]);
  for (const wrong of [{ onProgress: 1 }, { progress: () => {} }, 1]) await assert.rejects(db.define("c", {}, wrong), { code: "InvalidArgument" });
});
