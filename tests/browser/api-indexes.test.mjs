/** Indexes: made, used, kept by every write, and taken away. */
import { inEveryBrowser } from "./api/harness.mjs";

inEveryBrowser({
  "an index is made, told, used and taken away": async ({ open, same }) => {
    const db = (await open()).db("d");
    await db.insertMany("c", Array.from({ length: 500 }, (_, n) => ({ n, group: n % 10, place: { x: n % 7 }, tags: [`t${n % 5}`, "all"] })));
    same(await db.explain("c", { group: 3 }), { kind: "scan" });
    same(await db.indexes("c"), []);
    same(await db.createIndex("c", "group"), undefined);
    await db.createIndex("c", ["place.x", "n"]);
    await db.createIndex("c", "tags", { multi: true });
    await db.createIndex("c", "group");
    same(await db.indexes("c"), [
      { fields: ["group"], unique: false, multi: false },
      { fields: ["place.x", "n"], unique: false, multi: false },
      { fields: ["tags"], unique: false, multi: true },
    ]);
    const numbers = async (query, options) => (await db.find("c", query, options)).map(({ n }) => n);
    const all = (is) => Array.from({ length: 500 }, (_, n) => n).filter(is);
    for (const [query, options, kind, index, ordered, expected] of [
      [{ group: 3 }, {}, "index", ["group"], false, all((n) => n % 10 === 3)],
      [{ group: { $in: [1, 2] }, n: { $lt: 30 } }, {}, "index", ["group"], false, all((n) => n < 30 && [1, 2].includes(n % 10))],
      [{ "place.x": 4 }, { sort: { n: -1 }, limit: 3 }, "index", ["place.x", "n"], true, [494, 487, 480]],
      [{}, { sort: { "place.x": 1, n: 1 }, limit: 3 }, "index", ["place.x", "n"], true, [0, 7, 14]],
      [{ tags: { $contains: "t2" } }, { limit: 3 }, "index", ["tags"], false, [2, 7, 12]],
      [{ n: { $gt: 497 } }, {}, "scan", undefined, false, [498, 499]],
      [{ $or: [{ group: 3, n: { $lt: 20 } }, { "place.x": 6, n: { $lt: 10 } }] }, {}, "index", undefined, false, [3, 6, 13]],
    ]) {
      const plan = await db.explain("c", query, options);
      const what = JSON.stringify([query, options, plan]);
      same(plan.kind, kind, what);
      if (index !== undefined) same(plan.index, index, what);
      same(plan.ordered ?? false, ordered, what);
      same(await numbers(query, options), expected, what);
      same(await db.count("c", query), (await db.find("c", query)).length, what);
    }
    same(await db.distinct("c", "group"), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    same([await db.dropIndex("c", "group"), await db.dropIndex("c", "group"), await db.dropIndex("c", ["n", "place.x"])], [true, false, false]);
    same(await db.explain("c", { group: 3 }), { kind: "scan" });
    same(await numbers({ group: 3 }), all((n) => n % 10 === 3));
    // Other options over the same fields: another index in its place.
    await db.createIndex("c", "tags");
    same((await db.indexes("c")).map(({ fields, multi }) => [fields, multi]), [[["place.x", "n"], false], [["tags"], false]]);
    const typed = db.collection("typed");
    await typed.createIndex("n", { unique: true });
    same(await typed.indexes(), [{ fields: ["n"], unique: true, multi: false }]);
    same((await typed.explain({ n: 1 })).kind, "index");
    same(await typed.dropIndex("n"), true);
    // An index alone makes no collection, and goes with one.
    same(await db.collections(), ["c"]);
    await db.drop("c");
    same(await db.indexes("c"), []);
  },

  "a unique index refuses what collides, by every write, with both ids": async ({ open, same, rejects }) => {
    const patch = await open();
    const db = patch.db("d");
    await db.insertMany("c", [{ _id: "a", slug: "one", n: 1 }, { _id: "b", slug: "two", n: 1 }, { _id: "z" }]);
    await db.createIndex("c", "slug", { unique: true });
    const refused = async (promise, ids) => {
      const error = await rejects(promise, "ConstraintViolation", { remedy: "fix-call" });
      same([...error.ids].sort(), ids);
    };
    await refused(db.insert("c", { _id: "x", slug: "one" }), ["a", "x"]);
    await refused(db.insertMany("c", [{ _id: "x", slug: "x" }, { _id: "y", slug: "two" }]), ["b", "y"]);
    await refused(db.insertMany("c", [{ _id: "x", slug: "x" }, { _id: "y", slug: "x" }]), ["x", "y"]);
    await refused(db.update("c", "a", { slug: "two" }), ["a", "b"]);
    await refused(db.replace("c", "a", { slug: "two" }), ["a", "b"]);
    await refused(db.modify("c", "a", (doc) => ({ ...doc, slug: "two" })), ["a", "b"]);
    await refused(db.modify("c", "m", () => ({ slug: "two" })), ["b", "m"]);
    await refused(db.upsert("c", { _id: "a", slug: "two" }), ["a", "b"]);
    await refused(db.upsert("c", { _id: "u", slug: "two" }), ["b", "u"]);
    await refused(db.updateMany("c", { n: 1 }, { slug: "both" }), ["a", "b"]);
    await refused(patch.transaction(async (tx) => {
      await tx.db("d").insert("c", { _id: "t", slug: "three" });
      await tx.db("d").insert("c", { _id: "x", slug: "three" });
    }), ["t", "x"]);
    same((await db.find("c")).map(({ _id, slug }) => [_id, slug]), [["a", "one"], ["b", "two"], ["z", undefined]]);
    // The same again, absent and null collide with nothing.
    await db.update("c", "a", { slug: "one", n: 2 });
    await db.insertMany("c", [{ slug: null }, { slug: null }, {}, { slug: undefined }]);
    // What is given up is free, in the same transaction, too.
    await patch.transaction(async (tx) => {
      await tx.db("d").update("c", "a", { slug: "other" });
      await tx.db("d").update("c", "b", { slug: "one" });
    });
    await db.delete("c", "b");
    await db.insert("c", { _id: "c", slug: "one" });
    // An index that does not hold is not made.
    const error = await rejects(db.createIndex("c", "n", { unique: true }).then(() => db.insertMany("c", [{ n: 5 }, { n: 5 }])), "ConstraintViolation");
    same(error.ids.length, 2);
    await db.dropIndex("c", "n");
    await db.insertMany("c", [{ _id: "p", n: 7 }, { _id: "q", n: 7 }]);
    await refused(db.createIndex("c", "n", { unique: true }), ["p", "q"]);
    same((await db.indexes("c")).map(({ fields }) => fields), [["slug"]]);
    await db.insert("c", { n: 7 });
  },

  "an upsert finds its document by a unique index": async ({ open, same, rejects }) => {
    const db = (await open()).db("d");
    await db.createIndex("c", ["site", "slug"], { unique: true });
    const first = await db.upsert("c", { site: 1, slug: "a", n: 1 }, { on: ["slug", "site"] });
    same(first.inserted, true);
    same(await db.upsert("c", { site: 1, slug: "a", n: 2 }, { on: ["site", "slug"] }), { id: first.id, inserted: false });
    same((await db.upsert("c", { site: 2, slug: "a" }, { on: ["site", "slug"] })).inserted, true);
    same((await db.upsert("c", { site: 1, slug: null }, { on: ["site", "slug"] })).inserted, true);
    same((await db.upsert("c", { site: 1 }, { on: ["site", "slug"] })).inserted, true);
    same((await db.find("c", { site: 1 })).map(({ slug, n }) => [slug, n]), [["a", 2], [null, undefined], [undefined, undefined]]);
    await rejects(db.upsert("c", { site: 1 }, { on: "site" }), "InvalidArgument");
    await db.createIndex("c", "n");
    await rejects(db.upsert("c", { n: 1 }, { on: "n" }), "InvalidArgument", {}, "of an index that is not unique");
  },

  "what is no index is refused": async ({ open, same, rejects }) => {
    const patch = await open();
    const db = patch.db("d");
    for (const [fields, options] of [
      [[], {}], [1, {}], [["a", 1], {}], [undefined, {}], [["a", "a"], {}], ["a", { unique: 1 }], ["a", { multi: "yes" }], ["a", { sparse: true }], ["a", 1],
    ]) await rejects(db.createIndex("c", fields, options), "InvalidArgument", {}, JSON.stringify([fields, options]));
    await rejects(db.createIndex("c", Array.from({ length: 9 }, (_, n) => `f${n}`)), "LimitExceeded");
    await rejects(db.createIndex("", "a"), "InvalidArgument");
    await rejects(db.dropIndex("c", []), "InvalidArgument");
    await rejects(db.indexes(""), "InvalidArgument");
    await rejects(patch.transaction((tx) => tx.db("d").createIndex("c", "a")), "InvalidArgument");
    await rejects(patch.transaction((tx) => tx.db("d").dropIndex("c", "a")), "InvalidArgument");
    for (let n = 0; n < 64; n++) await db.createIndex("c", `f${n}`);
    await rejects(db.createIndex("c", "one more"), "LimitExceeded");
    same((await db.indexes("c")).length, 64);
  },

  "calls keep their order around an index that comes and goes": async ({ open, same }) => {
    const db = (await open()).db("d");
    const calls = [
      db.insert("c", { _id: "a", n: 1 }),
      db.createIndex("c", "n"),
      db.insert("c", { _id: "b", n: 1 }),
      db.explain("c", { n: 1 }),
      db.find("c", { n: 1 }),
      db.drop("c"),
      db.insert("c", { _id: "c", n: 1 }),
      db.find("c", { n: 1 }),
      db.explain("c", { n: 1 }),
    ];
    const [, , , plan, found, , , left, scan] = await Promise.all(calls);
    same([plan.kind, found.map(({ _id }) => _id)], ["index", ["a", "b"]]);
    same([scan.kind, left.map(({ _id }) => _id)], ["scan", ["c"]]);
  },

  "indexes outlive closing, and go along with copies": async ({ lib, same, rejects }) => {
    const id = `indexes-${Math.random()}`;
    let patch = await lib.openPatch(id);
    const docs = Array.from({ length: 3000 }, (_, n) => ({ _id: `d${n}`, n, half: n >> 1, big: n % 100 === 0 ? 10n ** 30n + BigInt(n) : null }));
    await patch.db("d").insertMany("c", docs);
    await patch.db("d").createIndex("c", "n", { unique: true });
    await patch.db("d").createIndex("c", ["half", "n"]);
    await patch.db("d").createIndex("c", "big");
    await patch.close();
    await lib.copyPatch(id, `${id} copy`);
    for (const name of [id, `${id} copy`]) {
      patch = await lib.openPatch(name);
      const db = patch.db("d");
      same((await db.indexes("c")).length, 3);
      same((await db.find("c", { half: 700 }, { sort: { n: -1 } })).map(({ n }) => n), [1401, 1400]);
      same((await db.find("c", { big: { $gt: 10n ** 30n + 2700n } })).map(({ n }) => n), [2800, 2900]);
      same((await db.explain("c", { big: { $gt: 1 } })).index, ["big"]);
      await rejects(db.insert("c", { n: 2999 }), "ConstraintViolation");
      same(await db.deleteMany("c", { half: { $lt: 10 } }), 20);
      same(await db.count("c", { n: { $lt: 30 } }), 10);
      await patch.close();
      await lib.deletePatchData(name);
    }
  },

  "an index that is dropped gives its space back": async ({ lib, asked, same, ok }) => {
    const id = `indexes-space-${Math.random()}`;
    const patch = await lib.openPatch(id);
    const db = patch.db("d");
    await db.insertMany("c", Array.from({ length: 20_000 }, (_, n) => ({ n, text: `${(n * 2654435761) % 2 ** 32}`.repeat(4) })));
    const bytesOf = (value) =>
      ArrayBuffer.isView(value) || value instanceof ArrayBuffer ? value.byteLength
      : value instanceof Blob ? value.size
      : typeof value === "object" && value !== null ? Object.values(value).reduce((sum, each) => sum + bytesOf(each), 0)
      : 8;
    const stored = async () => {
      await patch.compact();
      const request = indexedDB.open(`patchstore_${id}`);
      const database = await asked(request);
      let bytes = 0;
      for (const name of database.objectStoreNames) {
        for (const value of await asked(database.transaction(name).objectStore(name).getAll())) bytes += bytesOf(value);
      }
      database.close();
      return bytes;
    };
    // (Once that much is written, half a MiB is kept for deleting at a full quota.)
    const before = await stored();
    await db.createIndex("c", ["text", "n"]);
    const during = await stored();
    ok(during > 1.2 * before, `${before} bytes, ${during} with the index`);
    same(await db.dropIndex("c", ["text", "n"]), true);
    const behind = await stored();
    ok(behind < 1.02 * before, `${before} bytes, ${behind} when it is gone`);
    await patch.close();
    await lib.deletePatchData(id);
  },

  "encrypted, with the op-log, and by node: the same": async ({ lib, same, rejects }) => {
    const id = `indexes-all-${Math.random()}`;
    const key = crypto.getRandomValues(new Uint8Array(32));
    const options = { opLog: true, encryption: { key } };
    let patch = await lib.openPatch(id, options);
    const { db } = patch.node("n1");
    await db.insertMany("c", [{ _id: "a", n: 1 }, { _id: "b", n: 2 }]);
    await db.createIndex("c", "n", { unique: true });
    await rejects(db.insert("c", { n: 1 }), "ConstraintViolation");
    same(await patch.opLog.count(), 2);
    await patch.close();
    patch = await lib.openPatch(id, options);
    same((await patch.node("n1").db.find("c", { n: { $gte: 2 } })).map(({ _id }) => _id), ["b"]);
    same((await patch.node("n1").db.explain("c", { n: 2 })).kind, "index");
    await patch.copyNode("n1", "n2");
    same((await patch.node("n2").db.explain("c", { n: 2 })).kind, "index");
    same((await patch.node("n2").db.find("c", { n: 2 })).map(({ _id }) => _id), ["b"]);
    await rejects(patch.node("n2").db.insert("c", { n: 2 }), "ConstraintViolation");
    same(await patch.deleteNode("n1"), true);
    same(await patch.node("n1").db.indexes("c"), []);
    await patch.close();
    await lib.deletePatchData(id);
  },
});
