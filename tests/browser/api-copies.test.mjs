/** Copies of what was read: handed out fresh, current at every moment, and within their room. */
import { inPage } from "./api/harness.mjs";

inPage({
  "copies: what was read is not parsed again, and belongs to nobody": async ({ open, same, ok }) => {
    const patch = await open();
    const [docs, kv] = [patch.db("d").collection("c"), patch.kv("k")];
    const ids = await docs.insertMany([1, 2, 3].map((n) => ({ n, deep: { list: [n, { n }] } })));
    await kv.set("k", { deep: [1] });
    const reads = () => Promise.all([docs.find(), docs.find({}), docs.findOne(ids[1]), kv.get("k")]);
    const first = await reads();
    const expected = JSON.stringify(first);
    const { parse } = JSON;
    let parsed = 0;
    JSON.parse = (...all) => (parsed++, parse(...all));
    const second = await reads();
    JSON.parse = parse;
    same(parsed, 0, "texts parsed");
    for (const each of [first, second]) {
      const [all, too, one, value] = each;
      for (const doc of [...all, ...too, one]) {
        ok(Object.getPrototypeOf(doc) === Object.prototype);
        doc.deep.list[1].n = "spoilt";
        doc.deep.list.push("spoilt");
        doc.more = "spoilt";
      }
      value.deep.push("spoilt");
      all.push("spoilt");
    }
    same(JSON.stringify(await reads()), expected);
  },

  "copies: all of a collection is kept when it is read twice between two changes": async ({ open, same, ok }) => {
    const patch = await open();
    const docs = patch.db("d").collection("c");
    await docs.insertMany([1, 2, 3].map((n) => ({ n })));
    const { parse } = JSON;
    let parsed = 0;
    const textsParsed = async () => {
      parsed = 0;
      JSON.parse = (...all) => (parsed++, parse(...all));
      const found = await docs.find();
      JSON.parse = parse;
      same(found.map(({ n }) => n).toString().slice(0, 5), "1,2,3");
      return parsed;
    };
    for (let change = 0; change < 2; change++) {
      const counts = [await textsParsed(), await textsParsed(), await textsParsed()];
      ok(counts[0] > 0 && counts[1] > 0, `${counts}: what is read once is not kept`);
      same(counts[2], 0, "texts parsed for what is kept");
      await docs.insert({ n: 4 });
    }
  },

  "copies: an answer is kept when it is asked for twice between two changes, and belongs to nobody": async ({ open, same, ok }) => {
    const patch = await open();
    const docs = patch.db("d").collection("c");
    await docs.createIndex(["n"]);
    await docs.insertMany(Array.from({ length: 100 }, (_, n) => ({ n: n % 10, deep: { at: n } })));
    const { parse } = JSON;
    const asked = [
      [{ n: 3 }],
      [{ n: { $gte: 8 } }, { sort: [["n", -1], ["deep.at", 1]], limit: 5 }],
      [{ "deep.at": { $lt: 3 } }, { fields: ["deep"] }],
    ];
    for (const [query, options] of asked) {
      const expected = await patch.transaction((tx) => tx.db("d").find("c", query, options));
      ok(expected.length > 2);
      let parsed = 0;
      const counts = [];
      for (const time of [1, 2, 3]) {
        JSON.parse = (...all) => (parsed++, parse(...all));
        const found = await docs.find(query, options);
        JSON.parse = parse;
        same(found, expected, `time ${time}:`);
        counts.push(parsed);
        found[0].deep.at = "spoilt";
        found.push("spoilt");
        parsed = 0;
      }
      ok(counts[0] > 0 && counts[1] > 0, `${counts}: what is asked once is not kept`);
      same(counts[2], 0, "texts parsed for what is kept");
      // An end of it can be gone on from.
      const [first] = await docs.find(query, { ...options, limit: 1 });
      for (const time of [1, 2, 3]) {
        const page = await docs.find(query, { ...options, limit: 2 });
        same(page, expected.slice(0, 2));
        const next = await docs.find(query, { ...options, after: page[1], limit: 1 });
        same([first, next], [expected[0], expected.slice(2, 3)], `page ${time}:`);
      }
    }
    await docs.insert({ n: 3, deep: { at: 100 } });
    same((await docs.find({ n: 3 })).length, 11, "after a change");
  },

  "copies: a document reads as it was stored, from its insertion on": async ({ open, same }) => {
    const patch = await open();
    const db = patch.db("d");
    const given = [
      {},
      { _id: "mine", a: 1 },
      { a: 1, _created: 5, _updated: "x", _id: "later" },
      { a_b: 1, _c: 2, "_id ": 3, nest: { _id: "inner", _created: 1 } },
      JSON.parse('{"__proto__":{"x":1},"constructor":1}'),
      { 10: "ten", b: 1, 2: "two" },
      { "lone\ud800": "\udfff", "ü": "\u{1f600}\0\n\"\\" },
      { list: [[], {}, [null, false, 0.1, 1e300]], empty: "" },
      { date: new Date(7), big: 10n, nothing: undefined, zero: -0, map: new Map([[1, { a: [1] }]]), bytes: new Uint8Array([1, 2]) },
      { long: "x".repeat(10_000) },
    ];
    await db.find("c");
    for (const doc of given) {
      const id = await db.insert("c", doc);
      const stored = await patch.transaction((tx) => tx.db("d").findOne("c", id));
      for (const times of [1, 2, 3]) same(await db.findOne("c", id), stored, `read ${times}:`);
    }
    const all = await patch.transaction((tx) => tx.db("d").find("c"));
    for (const times of [1, 2, 3]) same(await db.find("c"), all, `all, read ${times}:`);
    // The same of a batch, which is kept as it was given.
    const ids = await db.insertMany("many", given);
    const stored = await patch.transaction(async (tx) => {
      const docs = [];
      for (const id of ids) docs.push(await tx.db("d").findOne("many", id));
      return docs;
    });
    for (const times of [1, 2, 3]) same(await Promise.all(ids.map((id) => db.findOne("many", id))), stored, `a batch, read ${times}:`);
  },

  "copies: a batch is kept as it was given, where nothing has changed since": async ({ open, same, ok }) => {
    const patch = await open({ cacheBytes: 1 << 20 });
    const db = patch.db("d");
    const { decode } = TextDecoder.prototype;
    /** How many texts come out of the wasm while documents are read by their ids, and that they are what is stored. */
    const decoded = async (collection, ids) => {
      let texts = 0;
      TextDecoder.prototype.decode = function (...all) {
        texts++;
        return decode.apply(this, all);
      };
      const found = [];
      for (const id of ids) found.push(await db.findOne(collection, id));
      TextDecoder.prototype.decode = decode;
      const stored = await patch.transaction((tx) => Promise.all(ids.map((id) => tx.db("d").findOne(collection, id))));
      same(found, stored, collection);
      return texts;
    };
    const batch = (count, more = {}) => Array.from({ length: count }, (_, n) => ({ n, text: `text ${n}`, ...more }));
    // (Of 2 000, what is written goes in slices.)
    for (const count of [1, 300, 2000]) same(await decoded(`of ${count}`, await db.insertMany(`of ${count}`, batch(count))), 0, "texts of the wasm");
    same(await decoded("of 300", await db.insertMany("of 300", batch(300))), 0, "texts of the wasm, the second batch");

    const taking = db.insertMany("changed", batch(300));
    const [first] = await db.find("changed", {}, { limit: 1 });
    const changed = db.update("changed", first._id, { n: "other" });
    const ids = await taking;
    same((await db.findOne("changed", first._id)).n, "other");
    await changed;
    ok((await decoded("changed", ids)) > 0, "something changed meanwhile");

    await db.define("numbered", { sequences: { no: {} } });
    same(await decoded("numbered", await db.insertMany("numbered", batch(3))), 3, "texts of documents that are numbered");
    const defined = db.define("defined", { sequences: { no: {} } });
    const numbered = db.insertMany("defined", batch(3));
    const undone = db.define("defined", {});
    const numbers = await numbered;
    await Promise.all([defined, undone]);
    await decoded("defined", numbers);

    const old = batch(3, { _created: 7, _updated: 8 });
    await decoded("old", await db.insertMany("old", old, { keepTimes: true }));
    const validate = async (given) => ({ value: { ...given, seen: true } });
    const late = db.collection("late", { schema: { "~standard": { version: 1, vendor: "test", validate } } });
    await decoded("late", await late.insertMany(batch(3)));
    const blobs = await db.insertMany("blobs", batch(2, { blob: new Blob(["x"]) }));
    same(await (await db.findOne("blobs", blobs[1])).blob.text(), "x");
    // Half of the room for copies is a quarter of the cache.
    const large = await db.insertMany("large", batch(30, { text: "x".repeat(10_000) }));
    ok((await decoded("large", large)) > 0, "no room");
  },

  "copies: what a read gives after each change is what is there": async ({ open, same, rejects, random }) => {
    for (const [seed, cacheBytes] of [[1, 1 << 20], [2, 8000], [3, 0]]) {
      const patch = await open({ cacheBytes });
      const pick = random(seed);
      const below = (bound) => Math.floor(pick() * bound);
      const id = () => `id ${below(12)}`;
      const value = () => [below(9), "text".repeat(below(60)), { at: [below(9)] }, new Date(below(9)), null][below(5)];
      const [db, kv] = [patch.db("d"), patch.kv("k")];
      const validate = (given) => ({ value: { ...given, seen: below(9) } });
      const schema = db.collection("c", { schema: { "~standard": { version: 1, vendor: "test", validate } } });
      const work = [
        () => db.insert("c", { value: value() }),
        () => db.insert("c", { _id: id(), value: value() }).catch(() => {}),
        () => db.insertMany("c", [{ value: value() }, { value: value() }]),
        () => db.update("c", id(), { value: value() }),
        () => db.replace("c", id(), { other: value() }),
        () => db.delete("c", id()),
        () => db.update("c", id(), { other: value() }, { unset: ["value"] }),
        () => db.modify("c", id(), (doc) => (below(4) === 0 ? undefined : { ...doc, value: value() })),
        () => db.upsert("c", { _id: id(), value: value() }),
        () => db.updateMany("c", { value: value() }, { other: value() }, { unset: below(2) ? ["value"] : [] }),
        () => db.deleteMany("c", { value: value(), other: { $exists: true } }),
        () => schema.modify(id(), (doc) => ({ ...doc, value: value() })),
        () => schema.upsert({ _id: id(), other: value() }),
        () => schema.updateMany({ other: { $exists: true } }, { value: value() }),
        () => schema.insert({ value: value() }),
        () => kv.set(id(), value()),
        () => kv.delete(id()),
        () => kv.update(id(), () => value()),
        () => kv.setMany([[id(), value()], [id(), value()]]),
        () => patch.transaction(async (tx) => {
          await tx.db("d").delete("c", id());
          await tx.db("d").insert("c", { _id: `id ${below(3)}`, value: value() });
          await tx.kv("k").set(id(), value());
        }).catch(() => {}),
        () => below(8) === 0 && db.drop("c"),
        () => below(8) === 0 && kv.clear(),
        () => below(8) === 0 && patch.compact(),
      ];
      const read = async (db, kv) => {
        const ids = Array.from({ length: 12 }, (_, n) => `id ${n}`);
        const docs = await Promise.all(ids.map((each) => db.findOne("c", each)));
        const values = await Promise.all(ids.map((each) => kv.get(each)));
        const queries = [{ value: 3 }, { value: 0 }, { value: "texttext" }, { value: null }, { other: 2 }, { value: 1, other: 1 }, { "value.at": [3] }, { constructor: 1 }, { value: { at: [2] } }];
        return [docs, values, await db.find("c"), await db.count("c"), await Promise.all(queries.map((query) => db.find("c", query)))];
      };
      for (let step = 0; step < 150; step++) {
        const done = [work[below(work.length)](), work[below(work.length)]()];
        // Some reads find calls pending, and what they keep must not outlive them.
        if (below(2)) await read(db, kv);
        await Promise.all(done);
        const there = await patch.transaction((tx) => read(tx.db("d"), tx.kv("k")));
        same(await read(db, kv), there, `seed ${seed}, step ${step}:`);
        if (below(2)) same(await read(patch.db("d"), patch.kv("k")), there, `seed ${seed}, step ${step}, again:`);
      }
      await patch.close();
      await rejects(db.findOne("c", "id 1"), "Closed");
      await rejects(kv.get("id 1"), "Closed");
    }
  },

  "copies: reads keep their place among calls that are under way": async ({ open, same }) => {
    const db = (await open({ cacheBytes: Infinity })).db("d");
    const docs = Array.from({ length: 12_000 }, (_, n) => ({ n, text: "x".repeat(300) }));
    const ids = await db.insertMany("c", docs);
    const numbers = (found) => found.map((doc) => doc.n).join();
    const before = numbers(docs);
    // Reading all takes several slices of time; what is found is of the moment of the call.
    const reading = db.find("c");
    await db.update("c", ids[0], { n: -1 });
    // (A read in between knows of the update; what comes in late must not be kept as if it did.)
    same((await db.findOne("c", ids[0])).n, -1);
    same(numbers(await reading), before);
    same((await db.find("c"))[0].n, -1);
    same((await db.find("c"))[0].n, -1);
    const adding = db.insertMany("c", docs);
    const [one, all] = [db.findOne("c", ids[0]), db.find("c")];
    same([(await one).n, (await all).length], [-1, 2 * docs.length]);
    await adding;
  },

  "copies: they take no more room than they are given": async ({ open, same, ok }) => {
    const docs = (await open({ cacheBytes: 60_000 })).db("d").collection("c");
    const ids = await docs.insertMany(Array.from({ length: 100 }, (_, n) => ({ n, text: "x".repeat(500) })));
    const { parse } = JSON;
    let parsed = 0;
    JSON.parse = (...all) => (parsed++, parse(...all));
    const readAll = () => Promise.all(ids.map((id) => docs.findOne(id)));
    await readAll();
    await docs.findOne(ids[99]);
    same(parsed, 100, "the last one is kept");
    await readAll();
    ok(parsed > 180, `${parsed} texts parsed`);
    for (const at of [0, 1]) await docs.findOne(ids[at]);
    parsed = 0;
    for (const at of [0, 1, 0, 1]) await docs.findOne(ids[at]);
    same(parsed, 0, "what was read last is kept");
    await docs.find();
    parsed = 0;
    await docs.find();
    ok(parsed > 0, "a list that is too large");
    JSON.parse = parse;
  },

  "copies: Dates, bytes and bigints are equal to what a read says, and belong to nobody": async ({ open, same, ok }) => {
    const patch = await open();
    const db = patch.db("d");
    const values = [new Date(7), new Date(8), new Date(NaN), 7n, 7, -(2n ** 70n), new Uint8Array([1, 2]), new Uint8Array([1, 3]),
      new Uint8Array(2), new Int8Array([1, 2]), new Uint8Array([1, 2]).buffer, new DataView(new Uint8Array([1, 2]).buffer),
      new Float64Array([0.5]), "7", null, undefined, NaN, -0, 0, true, [new Date(7)], { at: new Date(7) }, new Map(), new ArrayBuffer(0)];
    await db.insertMany("c", values.map((value, n) => ({ n, value })));
    await db.insert("c", { n: -1 });
    await db.find("c");
    await db.insert("c", { n: -2, value: new Date(7) });
    const queries = [...values.map((value) => ({ value })), { value: new Date(7), n: 0 }, { other: new Date(7) }];
    const read = (db) => Promise.all(queries.map((query) => db.find("c", query)));
    const expected = await patch.transaction((tx) => read(tx.db("d")));
    // (Lists with a Map are read each time.)
    await db.delete("c", (await db.find("c", { n: values.length - 2 }))[0]._id);
    const without = await patch.transaction((tx) => read(tx.db("d")));
    ok(without[22].length === 0 && expected[22].length === 1);
    for (const times of [1, 2, 3]) {
      const all = await db.find("c");
      same(await read(db), without, `read ${times}:`);
      for (const { value } of all) {
        value?.setTime?.(99);
        if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) new Uint8Array(value.buffer ?? value)[0] = 99;
      }
    }
    same(without[0].map((doc) => doc.n), [0, -2]);
    same(without[6].map((doc) => doc.n), [6, 9, 10, 11], "bytes of any kind");
    same(without[3].map((doc) => doc.n), [3, 4], "numbers and bigints");
  },

  "copies: what they cannot be made of is read each time": async ({ open, same, ok }) => {
    const patch = await open({ cacheBytes: Infinity });
    const [kv, docs] = [patch.kv("k"), patch.db("d").collection("c")];
    const value = { at: new Date(5), map: new Map([["a", new Set([1n])]]), bytes: new Uint8Array([1]) };
    await kv.set("k", value);
    await docs.insert({ _id: "x", value });
    for (const times of [1, 2, 3]) {
      const [found, doc, [other]] = [await kv.get("k"), (await docs.findOne("x")).value, (await docs.find()).map((doc) => doc.value)];
      for (const each of [found, doc, other]) {
        same(each, value, `read ${times}:`);
        each.at.setTime(times);
        each.map.clear();
        each.bytes[0] = 9;
      }
      ok(found !== doc && doc !== other);
    }
  },

  "copies: nodes that are copied and deleted, stores of one name": async ({ open, same }) => {
    const patch = await open();
    const [a, b] = [patch.node("a"), patch.node("b")];
    await a.kv.set("k", "of a");
    await a.db.insert("c", { _id: "x", of: "a" });
    await patch.kv("a").set("k", "of the store a");
    const read = async (node) => [await node.kv.get("k"), (await node.db.findOne("c", "x"))?.of, (await node.db.find("c")).length];
    same(await read(a), ["of a", "a", 1]);
    same(await read(b), [undefined, undefined, 0]);
    same(await patch.kv("a").get("k"), "of the store a");
    same(await patch.kv("x").store("a").get("k"), "of the store a");
    await patch.copyNode("a", "b");
    same(await read(b), ["of a", "a", 1]);
    await patch.deleteNode("a");
    same(await read(a), [undefined, undefined, 0]);
    same(await read(b), ["of a", "a", 1]);
    same(await patch.kv("a").get("k"), "of the store a");
  },

  "copies: of more stores than are kept track of": async ({ open, same }) => {
    const patch = await open();
    const db = patch.db("d");
    const names = Array.from({ length: 100 }, (_, n) => `c${n}`);
    for (const name of names) await db.insert(name, { _id: "x", n: 0 });
    for (const round of [1, 2, 3]) {
      for (const name of names) {
        same((await db.findOne(name, "x")).n, round - 1);
        await db.update(name, "x", { n: round });
        same((await db.find(name)).map((doc) => doc.n), [round]);
      }
    }
  },

  "copies: what a page puts on Object.prototype does not get into them": async ({ open, same }) => {
    const docs = (await open()).db("d").collection("c");
    await docs.insert({ _id: "x", a: { b: 1 } });
    Object.prototype.tag = "t";
    try {
      await docs.find();
      same(await docs.find({ tag: "t" }), []);
      Object.prototype.intruder = { c: [1] };
      for (const times of [1, 2, 3]) {
        const doc = await docs.findOne("x");
        same([Object.keys(doc).sort(), Object.keys(doc.a)], [["_created", "_id", "_updated", "a"], ["b"]], `read ${times}:`);
      }
    } finally {
      delete Object.prototype.intruder;
      delete Object.prototype.tag;
    }
  },

  "copies: another tab's commits": async ({ lib, same, until }) => {
    const id = `copies-${Math.random()}`;
    const frame = document.createElement("iframe");
    frame.src = "/tests/browser/api/page.html";
    document.body.append(frame);
    await until(() => frame.contentWindow.kit !== undefined, "the frame");
    const here = await lib.openPatch(id);
    const there = await frame.contentWindow.kit.lib.openPatch(id);
    const read = async (patch) => {
      const db = patch.db("d");
      return JSON.stringify([await db.find("c"), await db.findOne("c", "x"), (await patch.kv("k").get("k")) ?? null]);
    };
    await read(there);
    await here.db("d").insert("c", { _id: "x", n: 0 });
    await until(async () => (await read(there)) === (await read(here)), "the insertion, in the other tab");
    const changes = [
      (patch) => patch.db("d").update("c", "x", { n: 1 }),
      (patch) => patch.kv("k").set("k", [1]),
      (patch) => patch.db("d").insertMany("c", Array.from({ length: 3000 }, (_, n) => ({ n, text: "x".repeat(400) }))),
      (patch) => patch.compact(),
      (patch) => patch.db("d").delete("c", "x"),
      (patch) => patch.db("d").drop("c"),
    ];
    for (const [at, change] of changes.entries()) {
      const [one, other] = at % 2 ? [here, there] : [there, here];
      await Promise.all([read(one), read(other)]);
      await change(one);
      const expected = await one.transaction((tx) => read(tx));
      same(await read(one), expected, `change ${at}, in its tab:`);
      await until(async () => (await read(other)) === expected, `change ${at}, in the other tab`);
      same(await other.transaction((tx) => read(tx)), expected);
    }
    await Promise.all([here.close(), there.close()]);
  },
});
