/** Collections with a schema of zod, valibot or arktype: what is refused, what is stored, and when the schema is asked. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { installPacked } from "../browser/support/packed.mjs";

let remove, lib;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  lib = await import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

/** A text with its spaces cut, a whole count from 0 on (default 0), a date that may be missing; nothing else. */
const SCHEMAS = {
  zod: z.object({ text: z.string().trim(), count: z.number().int().min(0).default(0), at: z.date().optional() }),
  valibot: v.object({ text: v.pipe(v.string(), v.trim()), count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0), at: v.optional(v.date()) }),
  arktype: type({ text: "string.trim", count: "number.integer >= 0 = 0", "at?": "Date", "+": "delete" }),
};

const bare = ({ _id, _created, _updated, ...doc }) => doc;
const bad = async (promise, path) => {
  const error = await promise.then((value) => assert.fail(`resolved to ${JSON.stringify(value)}`), (error) => error);
  assert.ok(lib.isPatchStoreError(error), String(error?.stack));
  assert.equal(error.code, "ConstraintViolation", error.message);
  assert.equal(error.remedy, "fix-call");
  const steps = Array.from(error.issues[0].path, (step) => (typeof step === "object" ? step.key : step));
  assert.deepEqual(steps, path, JSON.stringify(error.issues));
  assert.match(error.message, /refuses the document/);
  return error;
};
const refused = (promise, code, message) =>
  assert.rejects(promise, (error) => {
    assert.ok(lib.isPatchStoreError(error), String(error?.stack));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });

for (const [name, schema] of Object.entries(SCHEMAS)) {
  test(`${name}: every write is validated, and its output stored`, async () => {
    const patch = await lib.openPatch(name, { backend: "memory" });
    const plain = patch.db("d").collection("c");
    const notes = patch.db("d").collection("c", { schema });
    const at = new Date(5);
    const id = await notes.insert({ _id: "a", text: " hi ", extra: 1, at });
    assert.equal(id, "a");
    assert.deepEqual(bare(await notes.findOne("a")), { text: "hi", count: 0, at });
    await bad(notes.insert({ text: 5 }), ["text"]);
    await bad(notes.insert({ _id: "b", text: "x", count: -1 }), ["count"]);

    assert.deepEqual(await notes.insertMany([{ _id: "b", text: "b " }, { _id: "c", text: "c", _created: 7 }], { keepTimes: true }), ["b", "c"]);
    assert.equal((await notes.findOne("c"))._created, 7);
    assert.equal((await notes.findOne("b")).text, "b");
    await bad(notes.insertMany([{ _id: "d", text: "d" }, { text: null }]), ["text"]);
    assert.equal(await notes.findOne("d"), null);

    assert.equal(await notes.replace("a", { text: " again", _id: "z" }), true);
    assert.deepEqual(bare(await notes.findOne("a")), { text: "again", count: 0 });
    await bad(notes.replace("a", { count: 1 }), ["text"]);
    assert.equal(await notes.replace("none", { text: "x" }), false);

    // The whole document is seen, not the changes alone.
    assert.equal(await notes.update("a", { count: 3, extra: true }), true);
    assert.deepEqual(bare(await notes.findOne("a")), { text: "again", count: 3 });
    await bad(notes.update("a", { count: 1.5 }), ["count"]);
    await bad(notes.update("a", {}, { unset: ["text"] }), ["text"]);
    assert.equal(await notes.update("a", {}, { unset: ["count"] }), true);
    assert.equal((await notes.findOne("a")).count, 0);
    assert.equal(await notes.update("none", { count: "x" }), false);

    const modified = await notes.modify("a", (doc) => ({ ...doc, text: ` ${doc.text} and on ` }));
    assert.deepEqual(bare(modified), { text: "again and on", count: 0 });
    assert.equal(modified._id, "a");
    await bad(notes.modify("a", (doc) => ({ ...doc, text: 1 })), ["text"]);
    assert.deepEqual(bare(await notes.modify("new", () => ({ text: "new" }))), { text: "new", count: 0 });
    assert.equal(await notes.modify("new", () => undefined), null);

    assert.deepEqual(await notes.upsert({ _id: "a", count: 9 }), { id: "a", inserted: false });
    assert.deepEqual(bare(await notes.findOne("a")), { text: "again and on", count: 9 });
    await bad(notes.upsert({ _id: "e", count: 9 }), ["text"]);
    assert.deepEqual(await notes.upsert({ _id: "e", text: " e" }), { id: "e", inserted: true });
    assert.deepEqual(bare(await notes.findOne("e")), { text: "e", count: 0 });
    const { id: made, inserted } = await notes.upsert({ text: "made" });
    assert.ok(inserted && made.length === 21);

    assert.equal(await notes.updateMany({}, { count: 4 }), 5);
    assert.equal(await notes.count({ count: 4 }), 5);
    const before = await plain.find();
    await plain.insert({ _id: "odd", count: "no number" });
    await bad(notes.updateMany({}, { at }), ["text"]);
    await bad(notes.updateMany({ text: "e" }, { count: "x" }), ["count"]);
    assert.deepEqual((await plain.find()).slice(0, -1), before);
    assert.equal(await notes.deleteMany({ _id: "odd" }), 1);

    await patch.transaction(async (tx) => {
      const inside = tx.db("d").collection("c", { schema });
      await bad(inside.insert({}), ["text"]);
      await bad(inside.updateMany({}, { count: null }), ["count"]);
      assert.equal(await inside.updateMany({ text: "e" }, { text: " tx " }), 1);
    });
    assert.equal((await notes.findOne("e")).text, "tx");
    await patch.close();
  });
}

/** A schema that is a function. */
const schemaOf = (validate) => ({ "~standard": { version: 1, vendor: "test", validate } });

test("what can be awaited is awaited, in the order of the calls, and what cannot is refused", async () => {
  const patch = await lib.openPatch("later", { backend: "memory" });
  const slow = schemaOf(async (value) => {
    await new Promise((resolve) => setTimeout(resolve, value.ms ?? 1));
    return value.bad ? { issues: [{ message: "bad" }] } : { value: { ...value, seen: true } };
  });
  const [notes, plain] = [patch.db("d").collection("c", { schema: slow }), patch.db("d").collection("c")];
  const doc = { _id: "a", ms: 20, deep: { n: 1 }, blob: new Blob(["in"]) };
  const inserted = notes.insert(doc);
  doc.deep.n = 2;
  const then = plain.update("a", { after: true });
  assert.equal(await inserted, "a");
  assert.equal(await then, true);
  const { _created, _updated, blob, ...stored } = await plain.findOne("a");
  assert.deepEqual(stored, { _id: "a", ms: 20, deep: { n: 1 }, seen: true, after: true });
  assert.equal(await blob.text(), "in");
  const many = notes.insertMany(Array.from({ length: 1500 }, (_, n) => ({ n, ms: 0 })));
  const count = plain.count({ seen: true });
  assert.equal((await many).length, 1500);
  assert.equal(await count, 1501);
  await refused(notes.insertMany([{ bad: true }, { bad: true, ms: 5 }]), "ConstraintViolation");
  await refused(notes.insert({ bad: true }), "ConstraintViolation", /bad/);
  assert.equal(await notes.replace("a", { ms: 1 }), true);
  assert.equal((await plain.findOne("a")).seen, true);
  for (const call of [
    () => notes.modify("a", (doc) => doc),
    () => notes.update("a", { n: 1 }),
    () => notes.upsert({ _id: "a" }),
    () => notes.upsert({ bad: true }),
    () => notes.updateMany({}, { n: 1 }),
  ]) await refused(call(), "InvalidArgument", /promise/);
  assert.equal(await plain.count({ n: 1, ms: 1 }), 0);
  await patch.close();
});

test("a schema runs inside of the atomic work, again with each run, and sees no more than it should", async () => {
  const patch = await lib.openPatch("inside", { backend: "memory" });
  const seen = [];
  const schema = schemaOf((value) => {
    seen.push(value);
    return { value: { n: value.n, twice: value.n * 2, _id: "no", _created: 1, _updated: 2 } };
  });
  const notes = patch.db("d").collection("c", { schema });
  await notes.insert({ _id: "a", n: 1, _created: 5 });
  assert.deepEqual(Object.keys(seen[0]), ["n"]);
  await Promise.all(Array.from({ length: 50 }, () => notes.modify("a", (doc) => ({ ...doc, n: doc.n + 1 }))));
  assert.equal((await notes.findOne("a")).n, 51);
  await notes.update("a", { n: 60, _id: "x" });
  await notes.updateMany({ n: 60 }, { n: 61 });
  await notes.upsert({ _id: "a", n: 62 });
  assert.ok(seen.every((value) => Object.keys(value).every((name) => ["n", "twice"].includes(name))), JSON.stringify(seen));
  const { _created, ...doc } = await notes.findOne("a");
  assert.ok(_created > 5 && doc._updated >= _created);
  assert.deepEqual([doc._id, doc.n, doc.twice], ["a", 62, 124]);

  // A transaction is begun anew where another commit comes in between; the schema with it.
  const began = seen.length;
  let runs = 0;
  await patch.transaction(async (tx) => {
    await tx.db("d").collection("c", { schema }).update("a", { n: 100 + runs });
    if (runs++ === 0) await patch.db("d").update("c", "a", { other: 1 });
  });
  assert.deepEqual([runs, seen.length - began, (await notes.findOne("a")).n], [2, 2, 101]);
  await patch.close();
});

test("documents with Blobs are validated as well, in one commit", async () => {
  const patch = await lib.openPatch("blobs", { backend: "memory" });
  const schema = schemaOf((value) => (value.blob instanceof Blob ? { value: { ...value, size: value.blob.size } } : { issues: [{ message: "no Blob", path: ["blob"] }] }));
  const notes = patch.db("d").collection("c", { schema });
  const sizes = [3, 70_000, 0, 300];
  await notes.insertMany(sizes.map((size, n) => ({ _id: `${n}`, blob: new Blob(["x".repeat(size)]) })));
  assert.deepEqual((await notes.find()).map(({ size }) => size), sizes);
  let commits = 0;
  patch.on("change", () => commits++);
  assert.equal(await notes.updateMany({}, { more: 1 }), 4);
  assert.equal(commits, 1);
  const update = notes.update("0", { blob: new Blob(["longer"]) });
  const read = notes.findOne("0");
  assert.equal(await update, true);
  assert.equal((await read).size, 6);
  assert.deepEqual(await notes.upsert({ _id: "9", blob: new Blob(["abc"]) }), { id: "9", inserted: true });
  const modified = await notes.modify("9", () => ({ blob: new Blob(["ab"]) }));
  assert.deepEqual([modified.size, await modified.blob.text()], [2, "ab"]);
  await refused(notes.updateMany({}, { blob: null }), "ConstraintViolation", /no Blob/);
  for (const { blob, size, more } of (await notes.find()).slice(1, 4)) assert.deepEqual([(await blob.text()).length, more], [size, 1]);
  await patch.close();
});

test("what is no schema, and what schemas do wrong, is told", async () => {
  const patch = await lib.openPatch("wrong", { backend: "memory" });
  const db = patch.db("d");
  for (const schema of [{}, 5, null, { "~standard": {} }, { "~standard": { validate: 5 } }]) {
    assert.throws(() => db.collection("c", { schema }), (error) => lib.isPatchStoreError(error) && error.code === "InvalidArgument");
  }
  assert.throws(() => db.collection("c", { scheme: {} }), (error) => error.code === "InvalidArgument");
  const oops = new Error("oops");
  const throwing = db.collection("c", { schema: schemaOf(() => { throw oops; }) });
  await db.insert("c", { _id: "a", n: 1 });
  const calls = (notes) => [
    notes.insert({}), notes.insertMany([{}]), notes.replace("a", {}), notes.update("a", {}), notes.modify("a", (doc) => doc),
    notes.upsert({ _id: "a" }), notes.upsert({}), notes.updateMany({}, {}),
  ];
  for (const call of calls(throwing)) await assert.rejects(call, (error) => error === oops);
  for (const value of [undefined, null, 5, "text", [1]]) {
    for (const call of calls(db.collection("c", { schema: schemaOf(() => ({ value })) }))) await refused(call, "InvalidArgument", /plain object/);
  }
  for (const call of calls(db.collection("c", { schema: schemaOf(() => ({ value: { f() {} } })) }))) await refused(call, "NotStorable");
  assert.deepEqual((await db.find("c")).map(({ n }) => n), [1]);
  await patch.close();
});
