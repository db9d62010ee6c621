/** Writes of documents that read what is there, over the port: what the host and the sandbox have to say to each other for it. */
import { inPage } from "./api/harness.mjs";

inPage({
  "modify, upsert, updateMany, deleteMany, unset and keepTimes": async ({ open, same, ok }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ db }) => {
        const out = {};
        const bare = (doc) => doc && Object.fromEntries(Object.entries(doc).filter(([name]) => !["_created", "_updated"].includes(name)));
        await db.insertMany("c", [{ _id: "a", n: 1, _created: 5, _updated: 6 }, { _id: "b", n: 2 }], { keepTimes: true });
        out.times = [(await db.findOne("c", "a"))._created, (await db.findOne("c", "a"))._updated];
        out.modify = [
          bare(await db.modify("c", "a", (doc) => ({ ...doc, n: doc.n + 1, at: new Date(1), _id: "no" }))),
          await db.modify("c", "x", (doc) => (doc === null ? undefined : doc)),
          bare(await db.modify("c", "x", (doc) => (doc === null ? { made: new Uint8Array([1]) } : doc))),
          await db.modify("c", "x", () => undefined),
          await db.modify("c", "x", () => undefined),
        ];
        const many = await Promise.all(Array.from({ length: 20 }, () => db.modify("c", "b", (doc) => ({ n: doc.n + 1 }))));
        out.many = [many.map(({ n }) => n).join(), bare(await db.findOne("c", "b"))];
        out.blob = await (await db.modify("c", "blob", () => ({ blob: new Blob(["hi"]) }))).blob.text();
        out.upsert = [await db.upsert("c", { _id: "a", m: 1 }), await db.upsert("c", { _id: "u", m: 2 }), (await db.upsert("c", { m: 3 })).inserted];
        out.updateMany = await db.updateMany("c", { m: { $exists: true } }, { k: [1n] }, { unset: ["m", "n"] });
        out.update = [await db.update("c", "a", { z: 1 }, { unset: ["at"] }), bare(await db.findOne("c", "a"))];
        out.deleteMany = [await db.deleteMany("c", { k: [1] }), await db.deleteMany("c", { k: [1] }), await db.count("c")];
        const typed = db.collection("c");
        out.typed = [
          bare(await typed.modify("t", () => ({ n: 1 }))), await typed.upsert({ _id: "t", n: 2 }), await typed.updateMany({ n: 2 }, { n: 3 }),
          await typed.update("t", {}, { unset: ["n"] }), await typed.deleteMany({ _id: "t" }), await typed.insertMany([{ _id: "k", _created: 1 }], { keepTimes: true }),
        ];
        return out;
      });
      same(found, {
        times: [5, 6],
        modify: [{ _id: "a", n: 2, at: new Date(1) }, null, { _id: "x", made: new Uint8Array([1]) }, null, null],
        many: [Array.from({ length: 20 }, (_, at) => at + 3).join(), { _id: "b", n: 22 }],
        blob: "hi",
        upsert: [{ id: "a", inserted: false }, { id: "u", inserted: true }, true],
        updateMany: 3,
        update: [true, { _id: "a", k: [1n], z: 1 }],
        deleteMany: [3, 0, 2],
        typed: [{ _id: "t", n: 1 }, { id: "t", inserted: false }, 1, true, 1, ["k"]],
      });
      same((await patch.node("n").db.findOne("c", "k"))._created, 1);
      ok((await patch.node("n").db.findOne("c", "b")).n === 22);
    });
  },

  "modify: the host writes in between, and nothing is lost": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const { db } = patch.node("n");
      await db.insert("c", { _id: "n", n: 0, runs: 0 });
      const sandboxed = run(async ({ db }) => {
        let runs = 0;
        for (let at = 0; at < 30; at++) await db.modify("c", "n", (doc) => (runs++, { ...doc, n: doc.n + 1 }));
        return runs;
      });
      const add = (doc) => ({ ...doc, n: doc.n + 1 });
      let mine = 0;
      const ended = sandboxed.then(() => (mine = -mine));
      while (mine >= 0) {
        mine += 1;
        await db.modify("c", "n", add);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await ended;
      same((await db.findOne("c", "n")).n, 30 - mine);
    });
  },

  "a schema is asked in the sandbox, within the host's write": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ db, failure }) => {
        const seen = [];
        const validate = (value) => {
          seen.push(Object.keys(value).sort().join());
          if (typeof value.n !== "number") return { issues: [{ message: "n is no number", path: ["n"] }] };
          return { value: { ...value, twice: value.n * 2, _id: "no" } };
        };
        const schemaOf = (validate) => ({ "~standard": { version: 1, vendor: "test", validate } });
        const [notes, plain] = [db.collection("c", { schema: schemaOf(validate) }), db.collection("c")];
        const bare = ({ _created, _updated, ...doc }) => doc;
        const out = {};
        out.insert = [await notes.insert({ _id: "a", n: 1, _created: 3 }), await notes.insertMany([{ _id: "b", n: 2 }, { _id: "c", n: 3, _created: 5 }], { keepTimes: true })];
        out.created = (await plain.findOne("c"))._created;
        out.replace = [await notes.replace("a", { n: 4, _id: "z" }), await notes.replace("none", { n: 4 })];
        out.update = [await notes.update("a", { m: 1 }), await notes.update("none", {}), await notes.update("a", {}, { unset: ["m"] })];
        out.modify = bare(await notes.modify("a", (doc) => ({ ...doc, n: doc.n + 1 })));
        out.upsert = [await notes.upsert({ _id: "a", n: 6 }), await notes.upsert({ _id: "d", n: 7 })];
        out.updateMany = await notes.updateMany({ n: { $gt: 5 } }, { big: true });
        out.docs = (await plain.find()).map(bare);
        out.seen = [...new Set(seen)];
        await plain.insert({ _id: "odd", n: "x" });
        const refused = [
          notes.insert({}), notes.insertMany([{ n: 1 }, {}]), notes.replace("a", { n: null }), notes.update("a", { n: "x" }), notes.modify("a", () => ({})),
          notes.upsert({ _id: "e" }), notes.updateMany({}, { k: 1 }),
        ];
        out.refused = [];
        for (const call of refused) {
          const { code, message, own, issues } = await call.then(() => ({ code: "none" }), (error) => Object.assign(error, { own: true }));
          out.refused.push([code, /n is no number \(at n\)/.test(message), issues?.[0].path.join()].join());
        }
        const slow = db.collection("c", { schema: schemaOf(async (value) => ({ value: { ...value, slow: true } })) });
        const [slowly, then] = [slow.insert({ _id: "s" }), plain.update("s", { then: 1 })];
        out.slow = [await slowly, await then, bare(await plain.findOne("s"))];
        out.manySlow = (await slow.insertMany(Array.from({ length: 2500 }, (_, n) => ({ n })))).length;
        out.promises = [];
        for (const call of [slow.update("s", {}), slow.modify("s", (doc) => doc), slow.upsert({ n: 1 }), slow.updateMany({}, {})]) {
          out.promises.push((await failure(call)).code);
        }
        // More than fit into one question.
        const count = schemaOf((value) => ({ value: { ...value, checked: true } }));
        out.manyChecked = [await db.collection("c", { schema: count }).updateMany({ slow: true }, { more: 1 }), await plain.count({ checked: true, more: 1 })];
        try {
          db.collection("c", { schema: {} });
        } catch ({ code }) {
          out.none = code;
        }
        return out;
      });
      same(found, {
        insert: ["a", ["b", "c"]],
        created: 5,
        replace: [true, false],
        update: [true, false, true],
        modify: { _id: "a", n: 5, twice: 10 },
        upsert: [{ id: "a", inserted: false }, { id: "d", inserted: true }],
        updateMany: 2,
        docs: [
          { _id: "a", n: 6, twice: 12, big: true }, { _id: "b", n: 2, twice: 4 }, { _id: "c", n: 3, twice: 6 }, { _id: "d", n: 7, twice: 14, big: true },
        ],
        seen: ["n", "m,n,twice", "n,twice", "big,n,twice"],
        refused: Array(7).fill("ConstraintViolation,true,n"),
        slow: ["s", true, { _id: "s", slow: true, then: 1 }],
        manySlow: 2500,
        promises: Array(4).fill("InvalidArgument"),
        manyChecked: [2501, 2501],
        none: "InvalidArgument",
      });
      same((await patch.node("n").db.findOne("c", "e")), null);
    });
  },

  "what is not granted, too large or wrong is refused, and nothing is stuck": async ({ open, same }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    const calls = async ({ db, failure }, more) => {
      const doc = (value) => () => value;
      const asked = [
        db.modify("c", "a", doc({ n: 1 })), db.upsert("c", { _id: "a" }), db.updateMany("c", {}, {}), db.deleteMany("c", {}), db.update("c", "a", {}, { unset: [] }),
        db.updateMany("c", { t: /x/ }, {}), db.deleteMany("c", { t: { $regex: "x" } }),
        db.modify("c", "a", 5), db.modify("c", "a", doc(null)), db.modify("c", "a", doc(5)), db.modify("c", "a", async () => ({})),
        db.modify("c", "a", doc({ f() {} })), db.modify("c", 5, doc({})), db.upsert("c", { n: 1 }, { on: "n" }), db.updateMany("c", undefined, {}),
        db.deleteMany("c"), db.update("c", "a", {}, { unset: 5 }), db.insertMany("c", [{ _created: -1 }], { keepTimes: true }), db.modify("c", "a", () => { throw new Error("mine"); }),
      ];
      const codes = [];
      for (const call of asked) {
        const { code, message } = await failure(call);
        codes.push(code ?? message ?? "");
      }
      return codes;
    };
    await patch.node("n").db.insert("c", { _id: "a", n: 1 });
    const reader = await spawn("dedicated worker", patch, { node: "n", access: "read" });
    const denied = await reader.run(calls);
    // (What is no function, or cannot be sent, does not get that far.)
    same(denied, denied.map((code, at) => (at === 7 ? "InvalidArgument" : "AccessDenied")));
    same((await patch.node("n").db.find("c")).map(({ n }) => n), [1]);

    const writer = await spawn("dedicated worker", patch, { node: "n", maxValueBytes: 1000 });
    same(await writer.run(calls), [
      "", "", "", "", "", "AccessDenied", "AccessDenied", ...Array(4).fill("InvalidArgument"), "NotStorable",
      ...Array(6).fill("InvalidArgument"), "mine",
    ]);
    const large = await writer.run(async ({ db, failure }) => {
      const text = "x".repeat(2000);
      const schema = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: { ...value, text } }) } };
      await db.insert("c", { _id: "small" });
      const asked = [
        db.modify("c", "small", () => ({ text })), db.upsert("c", { text }), db.updateMany("c", {}, { text }), db.collection("c", { schema }).updateMany({}, { n: 1 }),
        db.collection("c", { schema }).update("small", {}),
      ];
      const codes = [];
      for (const call of asked) codes.push((await failure(call)).code);
      return [codes, await db.count("c", { text: { $exists: true } }), await db.modify("c", "small", () => ({ fine: 1 })).then(({ fine }) => fine)];
    });
    same(large, [Array(5).fill("LimitExceeded"), 0, 1]);
    // The limit is that of each document, not of all that are asked of at once.
    same(await writer.run(async ({ db }) => {
      await db.insertMany("several", Array.from({ length: 300 }, (_, n) => ({ n, text: "x".repeat(500) })));
      const schema = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: { ...value, seen: true } }) } };
      return [await db.collection("several", { schema }).updateMany({}, { more: 1 }), await db.count("several", { seen: true, more: 1 })];
    }), [300, 300]);
    await patch.close();
  },
});
