import { inPage } from "./api/harness.mjs";

inPage({
  "db: documents of both stored forms keep their places, over many pages": async ({ open, same }) => {
    const notes = (await open()).db("d").collection("notes");
    const made = (n) => ({ n, text: "x".repeat(400), ...(n % 7 === 3 ? { big: BigInt(n) } : {}) });
    await notes.insertMany(Array.from({ length: 2000 }, (_, n) => made(n)));
    const bare = (docs) => docs.map(({ n, text, big }) => (big === undefined ? { n, text } : { n, text, big }));
    same(bare(await notes.find()), Array.from({ length: 2000 }, (_, n) => made(n)));
    same(bare(await notes.find({ n: 1998 })), [made(1998)]);
    same(bare(await notes.find({ n: 10 })), [made(10)], "of an exact document");
  },

  "db: documents come back in insertion order, with their times": async ({ open, same, ok }) => {
    const db = (await open()).db("d");
    const before = Date.now();
    const id = await db.insert("notes", { text: "hi" });
    ok(/^[\w-]{21}$/.test(id), id);
    const note = await db.findOne("notes", id);
    same(Object.keys(note).sort(), ["_created", "_id", "_updated", "text"]);
    same([note._id, note.text], [id, "hi"]);
    ok(note._created >= before && note._created <= Date.now() && note._created === note._updated);
    same(await db.insert("notes", { _id: "own", text: "two" }), "own");
    const ids = await db.insertMany("notes", [{ text: "three" }, { _id: "four", text: "four" }]);
    same([ids.length, ids[1]], [2, "four"]);
    same((await db.find("notes")).map((doc) => doc.text), ["hi", "two", "three", "four"]);
    await db.update("notes", id, { text: "changed" });
    await db.replace("notes", "own", { other: true });
    same((await db.find("notes")).map((doc) => doc.text), ["changed", undefined, "three", "four"]);
    same(await db.count("notes"), 4);
  },

  "db: update merges, replace replaces, delete deletes": async ({ open, same, ok }) => {
    const db = (await open()).db("d");
    await db.insert("c", { _id: "x", a: 1, b: { c: 2 } });
    const made = await db.findOne("c", "x");
    await new Promise((resolve) => setTimeout(resolve, 5));
    same(await db.update("c", "x", { b: { d: 3 }, e: new Date(1), _id: "y", _created: 1, _updated: 1 }), true);
    const updated = await db.findOne("c", "x");
    same(Object.keys(updated).sort(), ["_created", "_id", "_updated", "a", "b", "e"]);
    same([updated._id, updated.a, updated.b, updated.e], ["x", 1, { d: 3 }, new Date(1)]);
    same(updated._created, made._created);
    ok(updated._updated > made._updated);
    same(await db.replace("c", "x", { z: 1 }), true);
    const replaced = await db.findOne("c", "x");
    same([replaced.z, replaced.a, replaced._id, replaced._created], [1, undefined, "x", made._created]);
    same(await db.update("c", "absent", { a: 1 }), false);
    same(await db.replace("c", "absent", { a: 1 }), false);
    same(await db.delete("c", "absent"), false);
    same(await db.delete("c", "x"), true);
    same(await db.findOne("c", "x"), null);
    same(await db.count("c"), 0);
  },

  "db: Exists, and nothing of a failed batch": async ({ open, same, rejects }) => {
    const db = (await open()).db("d");
    await db.insert("c", { _id: "x", n: 1 });
    await rejects(db.insert("c", { _id: "x", n: 2 }), "Exists", { remedy: "fix-call" });
    await rejects(db.insertMany("c", [{ _id: "y" }, { _id: "x" }]), "Exists");
    await rejects(db.insertMany("c", [{ _id: "y" }, { _id: "y" }]), "Exists");
    same(await db.count("c"), 1);
    same((await db.findOne("c", "x")).n, 1);
    same(await db.insertMany("c", []), []);
    same(await db.collections(), ["c"]);
  },

  "db: equality queries": async ({ open, same, rejects }) => {
    const db = (await open()).db("d");
    const docs = [
      { _id: "a", n: 1, tags: ["x", "y"], nest: { p: { q: 1 } } },
      { _id: "b", n: NaN, tags: [], nest: { p: { q: 2 } }, none: null },
      { _id: "c", n: "1", when: new Date(5), bytes: new Uint8Array([1]), none: undefined },
      { _id: "d", n: 1n, list: [{ v: 7 }, { v: 8 }], object: { a: 1, b: 2 } },
    ];
    await db.insertMany("c", docs);
    const ids = async (query, options) => (await db.find("c", query, options)).map((doc) => doc._id);
    same(await ids({}), ["a", "b", "c", "d"]);
    same(await ids({ n: 1 }), ["a", "d"], "a bigint equals the number of its value");
    same(await ids({ n: NaN }), ["b"]);
    same(await ids({ n: "1" }), ["c"]);
    same(await ids({ "nest.p.q": 2 }), ["b"]);
    same(await ids({ nest: { p: { q: 1 } } }), ["a"]);
    same(await ids({ "list.1.v": 8 }), ["d"]);
    same(await ids({ list: { v: 7 } }), []);
    same(await ids({ tags: "x" }), []);
    same(await ids({ tags: ["x", "y"] }), ["a"]);
    same(await ids({ object: { b: 2, a: 1 } }), ["d"], "order of properties");
    same(await ids({ when: new Date(5) }), ["c"]);
    same(await ids({ bytes: new Uint8Array([1]) }), ["c"]);
    same(await ids({ none: undefined }), ["a", "c", "d"], "absent equals undefined");
    same(await ids({ none: null }), ["b"]);
    same(await ids({ n: 1, _id: "a" }), ["a"]);
    same(await ids({ n: 1, _id: "b" }), []);
    same(await db.count("c", { n: 1 }), 2);
    same((await db.findOne("c", { "nest.p.q": 2 }))._id, "b");
    same(await db.findOne("c", { n: 99 }), null);
    same(await db.find("absent"), []);
    for (const query of [{ n: { $near: 1 } }, { $or: {} }, { n: { $foo: 1 } }]) {
      await rejects(db.find("c", query), "InvalidArgument", { message: /\$/ });
    }
  },

  "db: sort, skip, limit and fields": async ({ open, same }) => {
    const db = (await open()).db("d");
    const values = [3, "b", null, new Date(1), true, undefined, [1], { a: 1 }, 2n, "a", new Uint8Array([1]), 1, false];
    await db.insertMany("c", values.map((v, at) => ({ _id: String(at), v, at })));
    const order = (docs) => docs.map((doc) => values.indexOf(doc.at === undefined ? doc.v : values[doc.at]));
    const sorted = await db.find("c", {}, { sort: { v: 1 } });
    same(sorted.map((doc) => doc.at), [5, 2, 12, 4, 11, 8, 0, 9, 1, 3, 10, 6, 7]);
    same((await db.find("c", {}, { sort: [["v", -1]] })).map((doc) => doc.at),
      [7, 6, 10, 3, 1, 9, 0, 8, 11, 4, 12, 2, 5]);
    same((await db.find("c", {}, { skip: 2, limit: 3 })).map((doc) => doc.at), [2, 3, 4]);
    same((await db.find("c", {}, { sort: { v: 1 }, skip: 1, limit: 2 })).map((doc) => doc.at), [2, 12]);
    same(await db.find("c", {}, { limit: 0 }), []);
    same(await db.find("c", {}, { skip: 99 }), []);
    same(await db.find("c", { at: 0 }, { fields: ["v"] }), [{ _id: "0", v: 3 }]);
    same(await db.find("c", { at: 3 }, { fields: ["v"] }), [{ _id: "3", v: new Date(1) }]);
    same(order([]), []);
    await db.insertMany("t", [{ k: 1, n: 1 }, { k: 0, n: 2 }, { k: 1, n: 3 }, { k: 0, n: 4 }]);
    same((await db.find("t", {}, { sort: { k: -1 } })).map((doc) => doc.n), [1, 3, 2, 4], "ties");
    same((await db.find("t", {}, { sort: { k: 1, n: -1 } })).map((doc) => doc.n), [4, 2, 3, 1]);
  },

  "db: collections come and go": async ({ open, same }) => {
    const db = (await open()).db("d");
    same(await db.collections(), []);
    for (const name of ["b", "\ud800", "a", "\uffff", "\ud800\udc00"]) await db.insert(name, { name });
    same(await db.collections(), ["a", "b", "\ud800", "\ud800\udc00", "\uffff"]);
    await db.drop("b");
    await db.drop("absent");
    same(await db.find("b"), []);
    same(await db.collections(), ["a", "\ud800", "\ud800\udc00", "\uffff"]);
    const typed = db.collection("a");
    const id = await typed.insert({ x: 1 });
    same((await typed.findOne(id)).x, 1);
    same(await typed.count(), 2);
    same(await typed.update(id, { x: 2 }), true);
    same(await typed.find({ x: 2 }, { fields: ["x"] }), [{ _id: id, x: 2 }]);
    same(await typed.replace(id, { y: 1 }), true);
    same(await typed.delete(id), true);
    same((await typed.insertMany([{}, {}])).length, 2);
    await typed.drop();
    same(await db.count("a"), 0);
    same(await db.store("other").count("\ud800"), 0);
  },

  "db: thousands of documents cross in slices": async ({ open, same }) => {
    const db = (await open()).db("d");
    const docs = Array.from({ length: 12_000 }, (_, n) => (n % 50 ? { n, text: "t".repeat(100) } : { n, at: new Date(n) }));
    const ids = await db.insertMany("c", docs);
    same(new Set(ids).size, docs.length);
    const found = await db.find("c");
    same(found.map((doc) => doc.n), docs.map((doc) => doc.n));
    same(found[50].at, new Date(50));
    same(found.map((doc) => doc._id), ids);
    same(await db.count("c", { text: "t".repeat(100) }), 11_760);
  },

  "db: what is wrong is refused by name": async ({ open, rejects, throws, same, rejectsWith }) => {
    const db = (await open()).db("d");
    for (const name of ["", 1, null, undefined, "x".repeat(1001)]) {
      await rejects(db.insert(name, {}), "InvalidArgument", { message: /collection name/ });
      await rejects(db.insertMany(name, []), "InvalidArgument");
      await rejects(db.find(name), "InvalidArgument");
      await rejects(db.findOne(name, "x"), "InvalidArgument");
      await rejects(db.update(name, "x", {}), "InvalidArgument");
      await rejects(db.replace(name, "x", {}), "InvalidArgument");
      await rejects(db.delete(name, "x"), "InvalidArgument");
      await rejects(db.count(name), "InvalidArgument");
      await rejects(db.drop(name), "InvalidArgument");
      throws(() => db.collection(name), "InvalidArgument");
    }
    for (const doc of [1, null, undefined, "x", [1], new Map(), new Date(), () => 1]) {
      await rejects(db.insert("c", doc), "InvalidArgument", { message: /doc must be a plain object/ });
      await rejects(db.insertMany("c", [doc]), "InvalidArgument", { message: /docs\[0\]/ });
      await rejects(db.update("c", "x", doc), "InvalidArgument");
      await rejects(db.replace("c", "x", doc), "InvalidArgument");
    }
    class Note {}
    await rejects(db.insert("c", new Note()), "NotStorable", { path: "$" });
    for (const _id of [1, null, {}, "x".repeat(1001)]) {
      await rejects(db.insert("c", { _id }), "InvalidArgument", { message: /_id/ });
    }
    for (const id of [1, null, undefined, "x".repeat(1001)]) {
      await rejects(db.delete("c", id), "InvalidArgument", { message: /id/ });
    }
    await rejects(db.findOne("c"), "InvalidArgument");
    await rejects(db.findOne("c", 5), "InvalidArgument");
    await rejects(db.find("c", [1]), "InvalidArgument", { message: /query/ });
    await rejects(db.find("c", null), "InvalidArgument");
    await rejects(db.find("c", { a: [/x/] }), "InvalidArgument", { path: "$.a[0]" });
    for (const options of [{ limit: -1 }, { skip: 0.5 }, { sort: { a: 2 } }, { sort: "a" }, { sort: [["a"]] },
      { fields: "a" }, { fields: [1] }, { order: 1 }, { signal: 1 }]) {
      await rejects(db.find("c", {}, options), "InvalidArgument", { message: new RegExp(Object.keys(options)[0]) });
    }
    await rejects(db.insertMany("c", 5), "InvalidArgument");
    const reason = new Error("enough");
    await rejectsWith(db.find("c", {}, { signal: AbortSignal.abort(reason) }), reason);
    same(await db.collections(), []);
  },
});
