/** Every method over the port, in every kind of realm that a sandbox can be. */
import { inPage } from "./api/harness.mjs";

inPage({
  "an opaque frame has no IndexedDB and no origin": async ({ open, ok }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const { run } = await spawn("opaque frame", await open());
    const found = await run(() => {
      try {
        indexedDB.open("x");
        return "opened";
      } catch (error) {
        return `${origin} ${error.name}`;
      }
    });
    ok(found === "null SecurityError", found);
  },

  "long lists come in parts, whole and in their order": async ({ open, same }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const { run } = await spawn("dedicated worker", await open());
    const found = await run(async ({ kv, db }) => {
      const count = 4_500;
      const keys = Array.from({ length: count }, (_, n) => `key ${String(n).padStart(6, "0")}`);
      await kv.setMany(keys.map((key, n) => [key, n]));
      await db.insertMany("c", keys.map((key, n) => ({ n })));
      const lists = await Promise.all([kv.keys(), kv.getMany(keys), db.find("c"), kv.entries({ limit: 2 }), kv.getMany(keys.slice(0, 4_000))]);
      const [found, values, docs, few, even] = lists;
      return [
        found.every((key, n) => key === keys[n]) && found.length,
        values.every((value, n) => value === n) && values.length,
        docs.every((doc, at) => doc.n === at) && docs.length,
        few.length,
        even.every((value, n) => value === n) && even.length,
      ];
    });
    same(found, [4_500, 4_500, 4_500, 2, 4_000]);
  },

  "kv: every method": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ kv }) => {
        const out = {};
        out.absent = [await kv.get("a"), await kv.has("a"), await kv.delete("a")];
        out.set = await kv.set("a", { n: 1 });
        out.present = [await kv.get("a"), await kv.has("a"), await kv.delete("a"), await kv.get("a")];
        await kv.setMany(new Map([["b", 1], ["c", 2], ["d", 3], ["e", 4]]));
        await kv.setMany([]);
        out.keys = await kv.keys({ gte: "b", lt: "d" });
        out.entries = await kv.entries({ reverse: true, limit: 2 });
        out.count = await kv.count({ gt: "b" });
        out.getMany = await kv.getMany(["c", "x", "c", ""]);
        out.deleteMany = await kv.deleteMany(["c", "x"]);
        out.update = await kv.update("n", (old) => (old ?? 10) + 1);
        out.again = await kv.update("n", (old) => old + 1);
        out.gone = await kv.update("n", () => undefined);
        out.rest = await Array.fromAsync(kv.iterate());
        await kv.clear();
        out.cleared = await kv.count();
        await kv.set("", "kept");
        await kv.set("\ud800", 1);
        out.odd = await kv.keys();
        return out;
      });
      same(found, {
        absent: [undefined, false, false],
        set: undefined,
        present: [{ n: 1 }, true, true, undefined],
        keys: ["b", "c"],
        entries: [["e", 4], ["d", 3]],
        count: 3,
        getMany: [2, undefined, 2, undefined],
        deleteMany: 1,
        update: 11,
        again: 12,
        gone: undefined,
        rest: [["b", 1], ["d", 3], ["e", 4]],
        cleared: 0,
        odd: ["", "\ud800"],
      });
      same(await patch.node("n").kv.get(""), "kept");
    });
  },

  "db: every method": async ({ open, same, ok }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ db }) => {
        const out = {};
        const id = await db.insert("c", { n: 1, at: new Date(5) });
        out.ids = await db.insertMany("c", new Set([{ _id: "x", n: 2 }, { _id: "y", n: 3 }]));
        out.all = (await db.find("c")).map(({ n }) => n);
        out.some = await db.find("c", { n: 2 }, { fields: ["n"] });
        out.sorted = (await db.find("c", {}, { sort: { n: -1 }, skip: 1, limit: 1 })).map(({ n }) => n);
        out.one = [(await db.findOne("c", id)).at, (await db.findOne("c", { n: 3 }))._id, await db.findOne("c", "z")];
        out.update = [await db.update("c", "x", { m: [1n] }), await db.update("c", "z", {})];
        out.replace = [await db.replace("c", "y", { k: 1 }), await db.replace("c", "z", {})];
        out.docs = [(await db.findOne("c", "x")).m, "n" in (await db.findOne("c", "y"))];
        out.delete = [await db.delete("c", id), await db.delete("c", id)];
        out.count = [await db.count("c"), await db.count("c", { n: 2 })];
        out.collections = await db.collections();
        await db.drop("c");
        out.dropped = await db.collections();
        const typed = db.collection("t");
        const typedId = await typed.insert({ a: 1 });
        await typed.insertMany([{ a: 2 }]);
        out.typed = [
          (await typed.find({ a: 2 })).length,
          (await typed.findOne(typedId)).a,
          await typed.update(typedId, { b: 1 }),
          await typed.replace(typedId, { c: 1 }),
          await typed.count(),
          await typed.delete(typedId),
          await typed.drop(),
        ];
        await db.insert("left", { v: 1 });
        return out;
      });
      const { ids, ...rest } = found;
      same(ids, ["x", "y"]);
      same(rest, {
        all: [1, 2, 3],
        some: [{ _id: "x", n: 2 }],
        sorted: [2],
        one: [new Date(5), "y", null],
        update: [true, false],
        replace: [true, false],
        docs: [[1n], false],
        delete: [true, false],
        count: [2, 1],
        collections: ["c"],
        dropped: [],
        typed: [1, 1, true, true, 2, true, undefined],
      });
      const [doc] = await patch.node("n").db.find("left");
      ok(doc.v === 1 && doc._id.length === 21);
    });
  },

  "named stores, and that they are not the node's": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      await patch.kv("shared").set("k", "named");
      await patch.node("n").kv.set("k", "own");
      const found = await run(async ({ kv, db }) => {
        const shared = kv.store("shared");
        await db.store("shared").insert("c", { _id: "a" });
        return [await kv.get("k"), await shared.get("k"), await shared.store("shared").get("k"), await db.count("c")];
      });
      same(found, ["own", "named", "named", 0]);
      same(await patch.db("shared").count("c"), 1);
    });
  },

  "watch: values of this and other realms, until it is stopped": async ({ open, same, until }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      await run(({ kv }) => {
        globalThis.seen = [];
        globalThis.stop = kv.watch("k", (value) => seen.push(value));
        globalThis.sharedSeen = [];
        kv.store("shared").watch("k", (value) => sharedSeen.push(value));
      });
      await run(({ kv }) => kv.set("k", 1));
      const kv = patch.node("n").kv;
      await kv.set("k", { bytes: new Uint8Array([1, 2]) });
      await kv.delete("k");
      await patch.kv("shared").set("k", "s");
      await until(() => run(() => seen.length === 3 && sharedSeen.length === 1), "four events");
      same(await run(() => seen), [1, { bytes: new Uint8Array([1, 2]) }, undefined]);
      for (let n = 0; n < 300; n++) void kv.set("k", n);
      await until(() => run(() => seen.at(-1) === 299), "the last of many");
      await run(() => (stop(), stop()));
      await kv.set("k", "unseen");
      same(await run(async ({ kv }) => [await kv.get("k"), seen.at(-1)]), ["unseen", 299]);
    });
  },

  "iterate: pages of a large store, both ways, with bounds, and given up in the middle": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    const entries = Array.from({ length: 3000 }, (_, n) => [`k${String(n).padStart(5, "0")}`, { n, fill: "x".repeat(50) }]);
    await inEach(open, async ({ run }, patch) => {
      await patch.node("n").kv.setMany(entries);
      const found = await run(async ({ kv }) => {
        const read = async (range) => {
          const keys = [];
          for await (const [key, { n }] of kv.iterate(range)) keys.push(key === `k${String(n).padStart(5, "0")}` ? n : key);
          return keys;
        };
        const few = [];
        for await (const [, { n }] of kv.iterate()) if (few.push(n) === 3) break;
        const range = { gt: "k00100", lte: "k02500" };
        return [await read(), await read({ ...range, reverse: true }), await read({ ...range, limit: 1200 }), few, await read({ limit: 0 })];
      });
      const to = (from, until) => Array.from({ length: until - from + 1 }, (_, n) => from + n);
      same(found, [to(0, 2999), to(101, 2500).reverse(), to(101, 1300), [0, 1, 2], []]);
    });
  },

  "values: what is stored comes back, bytes included": async ({ open, same, ok }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ kv }) => {
        const nested = (depth) => (depth === 0 ? 1 : [nested(depth - 1)]);
        const buffer = new Uint8Array(1000).map((_, n) => n).buffer;
        const twice = { t: 1 };
        globalThis.value = {
          numbers: [NaN, Infinity, -Infinity, -0, 0, 1e300, 1n, -(2n ** 70n)],
          strings: ["", "\ud800", "\u{10FFFF}", "ä"],
          nothing: [null, undefined],
          date: new Date(NaN),
          views: [new Uint8Array(buffer, 3, 5), new Float64Array([1.5]), new DataView(buffer, 1, 2), new BigInt64Array([1n])],
          buffer: buffer.slice(0, 10),
          map: new Map([[{ k: 1 }, new Set([1, "1"])], ["__proto__", 2]]),
          proto: JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}'),
          bare: Object.assign(Object.create(null), { b: 1 }),
          holes: [1, , 3],
          twice: [twice, twice],
          proxy: new Proxy({ list: new Proxy([1, 2], {}), map: new Map([[1, 2]]) }, {}),
          get got() { return [7]; },
          nested: nested(990),
        };
        await kv.set("v", value);
        await kv.set("blob", { blob: new Blob(["abc"], { type: "text/x" }), file: new File([new Uint8Array([9])], "f", { lastModified: 4 }) });
        await kv.set("bytes", new Uint8Array(buffer));
        const { blob, file } = await kv.get("blob");
        return [await kv.get("v"), await blob.text(), blob.type, file.name, file.lastModified, await file.arrayBuffer(), await kv.get("bytes")];
      });
      const [value, text, type, name, modified, bytes, all] = found;
      same(value, await patch.node("n").kv.get("v"), "over the port as without");
      same([text, type, name, modified, new Uint8Array(bytes)], ["abc", "text/x", "f", 4, new Uint8Array([9])]);
      same(value.numbers, [NaN, Infinity, -Infinity, -0, 0, 1e300, 1n, -(2n ** 70n)]);
      same(value.views.map((view) => [view.byteOffset, view.byteLength, view.buffer.byteLength]), [[0, 5, 5], [0, 8, 8], [0, 2, 2], [0, 8, 8]]);
      ok(Object.hasOwn(value.proto, "__proto__") && value.proto.constructor === 2, "odd names stay what they are");
      same(Object.keys(value.holes), ["0", "1", "2"]);
      ok(value.twice[0] !== value.twice[1], "stored twice");
      same(value.proxy, { list: [1, 2], map: new Map([[1, 2]]) });
      same(value.got, [7]);
      same(all, new Uint8Array(1000).map((_, n) => n));
    });
  },

  "values: ArrayBuffers may be transferred": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ kv, failure }) => {
        const bytes = new Uint8Array([1, 2, 3]);
        const { buffer } = bytes;
        const kept = new Uint8Array([4]);
        await Promise.all([kv.set("moved", { bytes }, { transfer: [buffer] }), kv.set("kept", kept)]);
        const twice = await failure(kv.set("again", 1, { transfer: [buffer] }));
        return [buffer.byteLength, kept.byteLength, twice.code, await kv.get("moved")];
      });
      same(found, [0, 1, "InvalidArgument", { bytes: new Uint8Array([1, 2, 3]) }]);
      same(await patch.node("n").kv.get("moved"), { bytes: new Uint8Array([1, 2, 3]) });
    });
  },

  "order: calls take effect as they were made, updates among them": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }) => {
      const found = await run(async ({ kv }) => {
        const value = { n: 1 };
        void kv.set("k", value);
        value.n = 100;
        const first = kv.get("k");
        void kv.update("k", ({ n }) => ({ n: n + 1 }));
        const second = kv.get("k");
        void kv.set("k", { n: 10 });
        const third = kv.update("k", ({ n }) => ({ n: n * 2 }));
        const adds = Array.from({ length: 50 }, () => kv.update("sum", (n = 0) => n + 1));
        return [await first, await second, await third, await kv.get("k"), await Promise.all(adds), await kv.get("sum")];
      });
      const upTo50 = Array.from({ length: 50 }, (_, n) => n + 1);
      same(found, [{ n: 1 }, { n: 2 }, { n: 20 }, { n: 20 }, upTo50, 50]);
    });
  },

  "update: of all kinds of sandboxes and of the page at once, none is lost": async ({ open, same }) => {
    const { spawn, KINDS } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open({ backend: "indexeddb" });
    const sandboxes = await Promise.all(KINDS.map((kind) => spawn(kind, patch, { node: "n", stores: ["s"] })));
    const work = async ({ kv }) => {
      for (let n = 0; n < 25; n++) await kv.store("s").update("sum", (old = 0) => old + 1);
    };
    const own = async () => {
      for (let n = 0; n < 25; n++) await patch.kv("s").update("sum", (old = 0) => old + 1);
    };
    await Promise.all([own(), ...sandboxes.map(({ run }) => run(work))]);
    same(await patch.kv("s").get("sum"), 125);
  },

  "batches: many rows, all or nothing": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ kv, db, failure }) => {
        function* rows(count, make) {
          for (let n = 0; n < count; n++) yield make(n);
        }
        void kv.setMany(rows(3500, (n) => [`k${n}`, n]));
        const counted = kv.count();
        const ids = await db.insertMany("c", rows(2500, (n) => ({ n })));
        const bad = await failure(kv.setMany(rows(2500, (n) => [`bad${n}`, n === 2400 ? () => 1 : n])));
        const thrown = await failure(kv.setMany((function* () { yield ["x", 1]; throw new RangeError("mine"); })()));
        const shapes = [await failure(kv.setMany(5)), await failure(kv.setMany([["a", 1], 7])), await failure(db.insertMany("c", [{}, 7]))];
        return [await counted, ids.length, new Set(ids).size, bad.code, bad.path, thrown.message, shapes.map(({ code }) => code)];
      });
      same(found, [3500, 2500, 2500, "NotStorable", "$", "mine", ["InvalidArgument", "InvalidArgument", "InvalidArgument"]]);
      same([await patch.node("n").kv.count(), await patch.node("n").db.count("c")], [3500, 2500]);
      same((await patch.node("n").db.find("c")).every(({ n }, at) => n === at), true);
    });
  },

  "signals: a call that is given up, before and while it runs": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      await patch.node("n").kv.setMany([["a", 1], ["b", 2]]);
      const found = await run(async ({ kv, db, failure }) => {
        const reason = { message: "enough" };
        const aborted = AbortSignal.abort(reason);
        const later = new AbortController();
        const running = failure(kv.entries({ signal: later.signal }));
        later.abort(reason);
        const walk = new AbortController();
        const given = [];
        const walked = await failure(async () => {
          for await (const [key] of kv.iterate({ signal: walk.signal })) {
            given.push(key);
            walk.abort(reason);
          }
        });
        const calls = [kv.keys({ signal: aborted }), kv.count({ signal: aborted }), db.find("c", {}, { signal: aborted }), running];
        const outcomes = (await Promise.all(calls.map((call) => failure(call)))).map((it) => it.value?.message ?? it.message);
        const fine = await kv.keys({ signal: new AbortController().signal });
        return [outcomes, walked.message, given, fine, (await failure(kv.keys({ signal: 5 }))).code];
      });
      same(found, [["enough", "enough", "enough", "enough"], "enough", ["a"], ["a", "b"], "InvalidArgument"]);
    });
  },
});
