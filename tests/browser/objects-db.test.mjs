import { inPage } from "./api/harness.mjs";

inPage({
  "db object: every message in every form, with its output": async ({ open, same, ok }) => {
    const patch = await open();
    const forms = {
      typed: {
        insert: (doc) => ({ type: "insert", collection: "notes", doc }),
        find: { type: "find", collection: "notes" },
        query: { type: "find", collection: "notes", query: { by: "x" } },
        findOne: (id) => ({ type: "findOne", collection: "notes", id }),
        update: (id, doc) => ({ type: "update", collection: "notes", id, doc }),
        replace: (id, doc) => ({ type: "replace", collection: "notes", id, doc }),
        delete: (id) => ({ type: "delete", collection: "notes", id }),
        count: { type: "count", collection: "notes" },
        countQuery: { type: "count", collection: "notes", query: { by: "x" } },
        drop: { type: "drop", collection: "notes" },
        named: { type: "setStore", value: "shared" },
        own: { type: "setStore", value: "" },
      },
      shorthand: {
        insert: (doc) => ({ insert: ["notes", doc] }),
        find: { find: "notes" },
        query: { find: ["notes", { by: "x" }] },
        findOne: (id) => ({ findOne: ["notes", id] }),
        update: (id, doc) => ({ update: ["notes", id, doc] }),
        replace: (id, doc) => ({ replace: ["notes", id, doc] }),
        delete: (id) => ({ delete: ["notes", id] }),
        count: { count: ["notes"] },
        countQuery: { count: ["notes", { by: "x" }] },
        drop: { drop: "notes" },
        named: { setStore: "shared" },
        own: { setStore: "" },
      },
      text: {
        insert: (doc) => `insert notes ${JSON.stringify(doc)}`,
        find: "find notes",
        query: 'find notes {"by":"x"}',
        findOne: (id) => `findOne notes ${id}`,
        update: (id, doc) => `update notes ${id} ${JSON.stringify(doc)}`,
        replace: (id, doc) => `replace notes "${id}" ${JSON.stringify(doc)}`,
        delete: (id) => `delete notes ${id}`,
        count: "count notes",
        countQuery: 'count notes {"by":"x"}',
        drop: "drop notes",
        named: "setStore shared",
        own: 'setStore ""',
      },
    };
    const collection = "notes";
    for (const [form, say] of Object.entries(forms)) {
      const node = `node of ${form}`;
      const object = patch.dbObject({ node });
      const { db } = patch.node(node);
      const gives = async (message, output) => same(await object.send(message), output, `${form}:`);
      await gives(say.find, { op: "find", collection, docs: [], count: 0 });
      await gives(say.count, { op: "count", collection, count: 0 });
      const inserted = await object.send(say.insert({ text: "hi", by: "x" }));
      const { id } = inserted;
      same(inserted, { op: "insert", collection, id });
      ok(typeof id === "string" && id.length === 21);
      await gives(say.insert({ _id: "two", text: "ho" }), { op: "insert", collection, id: "two" });
      const again = await object.send(say.insert({ _id: "two" }));
      same([again.op, again.code, Object.keys(again)], ["error", "Exists", ["op", "message", "code"]]);
      const [one, two] = await db.find("notes");
      same([one.text, two.text], ["hi", "ho"]);
      await gives(say.find, { op: "find", collection, docs: [one, two], count: 2 });
      await gives(say.query, { op: "find", collection, docs: [one], count: 1 });
      await gives(say.count, { op: "count", collection, count: 2 });
      await gives(say.countQuery, { op: "count", collection, count: 1 });
      await gives(say.findOne(id), { op: "findOne", collection, id, doc: one });
      await gives(say.findOne("none"), { op: "findOne", collection, id: "none", doc: null });
      await gives(say.update(id, { more: 1 }), { op: "update", collection, id, ok: true });
      await gives(say.update("none", { more: 1 }), { op: "update", collection, id: "none", ok: false });
      const updated = await db.findOne("notes", id);
      same([updated.text, updated.more], ["hi", 1]);
      await gives(say.replace(id, { only: 2 }), { op: "replace", collection, id, ok: true });
      await gives(say.replace("none", {}), { op: "replace", collection, id: "none", ok: false });
      const replaced = await db.findOne("notes", id);
      same([replaced.text, replaced.only], [undefined, 2]);
      await gives(say.delete("two"), { op: "delete", collection, id: "two", ok: true });
      await gives(say.delete("two"), { op: "delete", collection, id: "two", ok: false });
      await gives(say.named, { op: "setStore", value: "shared", ok: true });
      same(object.scope, { name: "shared" });
      await gives(say.count, { op: "count", collection, count: 0 });
      await gives(say.own, { op: "setStore", value: "", ok: true });
      await gives(say.drop, { op: "drop", collection, ok: true });
      same(await db.collections(), []);
    }
  },

  "db object: an id is no query, and a query no list": async ({ open, same }) => {
    const patch = await open();
    const object = patch.dbObject({ node: "n" });
    await object.send({ insert: ["c", { _id: "x" }] });
    const refused = [
      { findOne: ["c", { _id: "x" }] }, { type: "findOne", collection: "c", id: {} }, { delete: ["c", 1] },
      { findOne: "c" }, { find: ["c", null] }, { find: ["c", []] }, { find: [] }, { find: ["c", {}, {}, {}] },
      { find: ["c", {}, []] }, { find: ["c", {}, null] }, { find: ["c", {}, { signal: 1 }] }, { find: ["c", {}, { after: {} }] },
      { find: ["c", {}, { sort: { a: 2 } }] }, { find: ["c", {}, { limit: -1 }] }, { find: ["c", {}, { fields: "a" }] },
      { type: "find", collection: "c", limit: "1" }, { type: "find", collection: "c", sort: 1 }, { type: "find", collection: "c", after: {} },
      { count: ["c", {}, {}] }, { type: "count", collection: "c", limit: 1 }, { type: "findOne", collection: "c", id: "x", sort: {} },
      { find: { c: 1 } }, { drop: ["c"] }, { insert: "c" }, { insert: ["c"] }, { insert: ["c", "text"] },
      { insert: ["c", []] }, { insert: ["c", null] }, { insert: ["", {}] }, { find: "" }, { find: "x".repeat(1001) },
      { update: ["c", "x"] }, { insert: ["c", { _id: 5 }] }, { find: ["c", { $nope: 1 }] },
      { type: "find", collection: "c", query: null }, { type: "find", collection: "c", options: {} },
      { type: "insert", collection: "c" }, { type: "insert", doc: {} }, { type: "drop" },
    ];
    for (const message of refused) {
      const { op, code } = await object.send(message);
      same([op, code], ["error", "InvalidArgument"], JSON.stringify(message));
    }
    same((await object.send("count c")).count, 1);
    same((await object.send({ type: "find", collection: "c", query: undefined })).count, 1);
    same((await object.send({ find: ["c", undefined] })).count, 1);
    same((await object.send({ findOne: ["c", ""] })).doc, null);
  },

  "db object: a find takes options, in the typed form beside the others": async ({ open, same }) => {
    const patch = await open();
    const object = patch.dbObject({ node: "n" });
    const docs = [3, 1, 2, 1].map((n, at) => ({ _id: `d${at}`, n, at, deep: { n } }));
    for (const doc of docs) await object.send({ insert: ["c", doc] });
    const finds = async (options, expected) => {
      for (const query of [undefined, {}, { n: { $lt: 3 } }]) {
        const left = query?.n === undefined ? expected : expected.filter(({ _id }) => _id !== "d0");
        const messages = [{ find: ["c", query, options] }, { type: "find", collection: "c", query, ...options }];
        for (const message of messages) {
          const { op, docs: found, count } = await object.send(message);
          const bare = found.map(({ _created, _updated, ...rest }) => rest);
          same([op, bare, count], ["find", left, left.length], JSON.stringify(message));
        }
      }
    };
    const [d0, d1, d2, d3] = docs;
    await finds({}, docs);
    await finds({ sort: { n: 1 } }, [d1, d3, d2, d0]);
    await finds({ sort: [["n", 1], ["at", -1]] }, [d3, d1, d2, d0]);
    await finds({ sort: { "deep.n": 1 }, limit: 2 }, [d1, d3]);
    await finds({ sort: { n: 1 }, skip: 1, limit: 2, fields: ["n"] }, [{ _id: "d3", n: 1 }, { _id: "d2", n: 2 }]);
    await finds({ limit: 0 }, []);
    await finds({ sort: undefined, limit: undefined, fields: [] }, docs.map(({ _id }) => ({ _id })));
    // What is asked is what it was when it was sent.
    const sort = { n: 1 };
    const sent = object.send({ find: ["c", {}, { sort, limit: 1 }] });
    sort.n = -1;
    same((await sent).docs[0]._id, "d1");
  },

  "db object: keys named like what objects inherit are data": async ({ open, same }) => {
    const patch = await open();
    const object = patch.dbObject({ node: "n" });
    const doc = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 2}}}');
    const text = 'insert c {"_id": "t", "__proto__": {"polluted": 1}}';
    same((await object.send({ type: "insert", collection: "c", doc: { ...doc, _id: "d" } })).op, "insert");
    same((await object.send(text)).op, "insert");
    const found = (await object.send("find c")).docs;
    for (const { _id, ...rest } of found) {
      same(Object.getPrototypeOf(rest), Object.prototype, _id);
      same(rest.polluted, undefined);
    }
    same(Object.getOwnPropertyDescriptor(found[1], "__proto__").value, { polluted: 1 });
    same((await object.send('find c {"__proto__": {"polluted": 1}}')).count, 2);
    same(found[0].constructor, { prototype: { polluted: 2 } });
    same({}.polluted, undefined);
    for (const collection of ["__proto__", "constructor", "toString"]) {
      same((await object.send({ find: collection })).count, 0);
      same((await object.send({ insert: [collection, {}] })).op, "insert");
      same((await object.send(`count ${collection}`)).count, 1);
    }
  },
});
