/** What is too much ends the call that asks for it, with the size and the limit, and nothing else. */
import { inPage } from "./api/harness.mjs";

inPage({
  "a value too large in every way in, and the patch and its neighbour go on": async ({ open, rejects, same }) => {
    const [patch, neighbour] = [await open(), await open({ backend: "indexeddb" })];
    const { kv, db } = patch.node("n");
    await kv.set("k", 1);
    await db.insert("c", { _id: "x", n: 1 });
    // Memory that is not touched is not taken.
    const huge = { bytes: new Uint8Array(2 ** 31), within: { a: 1n, bytes: [new Uint8Array(2 ** 31)] }, string: "x".repeat(2 ** 28 + 1) };
    const size = /(2147483648|2147483\d{3}|26843545[67]|26843\d{4}).* limit is 268435456/;
    for (const [name, value] of Object.entries(huge)) {
      const calls = {
        set: () => kv.set("k", value),
        setMany: () => kv.setMany([["a", 1], ["k", value]]),
        update: () => kv.update("k", () => value),
        "in a transaction": () => patch.transaction((tx) => tx.node("n").kv.set("k", value)),
      };
      for (const [way, call] of Object.entries(calls)) {
        await rejects(call(), "LimitExceeded", { message: size, remedy: "fix-call" }, `${name}, ${way}`);
      }
      if (name === "bytes") continue;
      const documents = {
        insert: () => db.insert("c", { value }),
        insertMany: () => db.insertMany("c", [{}, { value }]),
        "update of a document": () => db.update("c", "x", { value }),
        replace: () => db.replace("c", "x", { value }),
        find: () => db.find("c", { value }),
        findOne: () => db.findOne("c", { value }),
        count: () => db.count("c", { value }),
      };
      for (const [way, call] of Object.entries(documents)) {
        await rejects(call(), "LimitExceeded", { message: size }, `${name}, ${way}`);
      }
      const message = await patch.kvObject({ node: "n" }).send({ set: ["k", value] });
      same([message.op, message.code], ["error", "LimitExceeded"]);
    }
    same(await kv.entries(), [["k", 1]]);
    same(await db.count("c"), 1);
    await kv.set("k", 2);
    same(await kv.get("k"), 2);
    await neighbour.kv("s").set("k", 3);
    same(await neighbour.kv("s").get("k"), 3);
  },

  "JSON that is small in memory and without end when written out": async ({ open, rejects, same }) => {
    const kv = (await open()).kv("s");
    let shared = [1];
    for (let level = 0; level < 60; level++) shared = [shared, shared];
    await rejects(kv.set("k", { in: shared }), "LimitExceeded", { message: /a value \(at least\).* limit is 268435456/ });
    same(await kv.keys(), []);
  },

  "iterables that never end": async ({ open, rejects, same, ok }) => {
    const patch = await open();
    const { kv, db } = patch.node("n");
    let closed = 0;
    const endless = function* (make) {
      try {
        for (let n = 0; ; n++) yield make(n);
      } finally {
        closed += 1;
      }
    };
    const large = "x".repeat(4 << 20);
    const most = /items so far.* the limit is 536870912/;
    await rejects(kv.setMany(endless((n) => [`${n}`, large])), "LimitExceeded", { message: most });
    await rejects(db.insertMany("c", endless(() => ({ large }))), "LimitExceeded", { message: most });
    same(closed, 2, "the iterables are told");
    const keys = new Proxy([], { get: (_, name) => (name === "length" ? Infinity : "k".repeat(1000)) });
    const mostKeys = /a list of keys \(at least\): Infinity bytes; the limit is 536870912/;
    await rejects(kv.getMany(keys), "LimitExceeded", { message: mostKeys });
    await rejects(kv.deleteMany(keys), "LimitExceeded", { message: mostKeys });
    const spun = Object.assign(["a"], { *[Symbol.iterator]() { for (;;) yield "k"; } });
    same(await kv.getMany(spun), [undefined], "a list is as long as it says");
    await rejects(patch.transaction(async (tx) => {
      for (let n = 0; ; n++) await tx.node("n").kv.set(`${n}`, new Uint8Array(32 << 20));
    }), "LimitExceeded", { message: /takes \d+ bytes; the limit is 536870912/ });
    same([await kv.count(), await db.count("c")], [0, 0]);
    await kv.setMany([["a", 1]]);
    same(await kv.get("a"), 1);
  },

  "a transaction goes on without the call that was too much": async ({ open, rejects, same }) => {
    const patch = await open();
    const kv = patch.kv("s");
    await patch.transaction(async (tx) => {
      await tx.kv("s").set("a", 1);
      const large = new Uint8Array(200 << 20);
      await tx.kv("s").set("b", large);
      await tx.kv("s").set("c", large);
      await rejects(tx.kv("s").set("d", large), "LimitExceeded");
      await tx.kv("s").deleteMany(["b", "c"]);
      await tx.kv("s").set("e", 2);
    });
    same(await kv.keys(), ["a", "e"]);
  },

  "what does not fit one result is read in parts": async ({ open, rejects, same }) => {
    const patch = await open({ cacheBytes: 1 << 20 });
    const { kv, db } = patch.node("n");
    const names = Array.from({ length: 11 }, (_, n) => `k${n}`);
    for (const name of names) {
      const text = "x".repeat(50 << 20);
      await kv.set(name, text);
      await db.insert("c", { _id: name, text, n: name });
    }
    const hint = { message: /takes at least \d+ bytes; the limit is 536870912: read it in parts/ };
    await rejects(kv.entries(), "LimitExceeded", hint);
    await rejects(kv.getMany(Array(11).fill("k1")), "LimitExceeded", hint);
    await rejects(db.find("c"), "LimitExceeded", hint);
    await rejects(db.find("c", {}, { sort: { n: 1 } }), "LimitExceeded", { message: /sort.*limit is 536870912/ });
    await rejects(patch.copyNode("n", "m"), "LimitExceeded", { message: /the node's data takes \d+ bytes; the limit is 536870912/ });
    let found = 0;
    for await (const [, value] of kv.iterate({ limit: 3 })) found += value.length;
    same(found, 3 * (50 << 20));
    same((await db.find("c", {}, { skip: 9, fields: ["n"] })).map(({ n }) => n), ["k9", "k10"]);
    same((await db.find("c", {}, { sort: { n: -1 }, limit: 2, fields: ["n"] })).map(({ n }) => n), ["k9", "k8"]);
    same((await kv.getMany(["k1", "absent", "k2"])).map((value) => value?.length), [50 << 20, undefined, 50 << 20]);
    await rejects(db.update("c", "k1", { more: "x".repeat(220 << 20) }), "LimitExceeded", { message: /the document takes 28\d+ bytes/ });
    same(await kv.count(), 11);
  },

  "fields, sorts, paths and queries by count": async ({ open, rejects, same }) => {
    const patch = await open();
    const db = patch.db("s");
    await db.insert("c", { a: 1 });
    const list = Array.from({ length: 1_000_000 }, (_, n) => `f${n}`);
    const began = performance.now();
    const refused = (options, query = {}) => rejects(db.find("c", query, options), "LimitExceeded", { message: /: \d+ \w+; the limit is \d+/ });
    await refused({ fields: list });
    await refused({ fields: list.slice(0, 1001) });
    await refused({ sort: list.map((field) => [field, 1]) });
    await refused({ sort: Object.fromEntries(list.slice(0, 33).map((field) => [field, 1])) });
    await refused({ fields: ["a.".repeat(33)] });
    await refused({ sort: [["a.".repeat(33), 1]] });
    await refused({ fields: ["x".repeat(2 << 20)] });
    await refused({}, Object.fromEntries(list.slice(0, 1001).map((field) => [field, 1])));
    await refused({}, { ["a.".repeat(33)]: 1 });
    await refused({}, { a: "x".repeat(2 << 20) });
    same((await db.find("c", { a: 1 }, { fields: list.slice(0, 999).concat("a"), sort: list.slice(0, 32).map((f) => [f, 1]) })).length, 1);
    if (performance.now() - began > 20_000) throw new Error("refusing takes long");
  },

  "a sandbox that asks for too much is refused, and nobody else notices": async ({ open, same, ok }) => {
    const patch = await open();
    const { port1, port2 } = new MessageChannel();
    patch.serve(port1, { node: "n" });
    const waiting = new Map();
    let lastId = 0;
    port2.onmessage = ({ data: [kind, id, value] }) => {
      if (kind > 1) return;
      port2.postMessage([4, id]);
      waiting.get(id)?.(kind === 0 ? { value } : value);
    };
    const call = (method, ...args) =>
      new Promise((resolve) => {
        waiting.set(++lastId, resolve);
        port2.postMessage([0, lastId, method, null, args]);
      });
    const list = Array.from({ length: 1_000_000 }, (_, n) => `f${n}`);
    const refused = {
      "control characters": call("kv.set", "k", "\x01".repeat(12 << 20)),
      "control characters within": call("db.insert", "c", { text: ["\x01".repeat(12 << 20)] }),
      "halves of pairs": call("kv.set", "k", "\ud800".repeat(12 << 20)),
      fields: call("db.find", "c", {}, { fields: list.slice(0, 500_000) }),
      "short fields": call("db.find", "c", {}, { fields: list.slice(0, 1001) }),
      sort: call("db.find", "c", {}, { sort: list.slice(0, 100_000).map((field) => [field, 1]) }),
      "a query": call("db.find", "c", Object.fromEntries(list.slice(0, 1001).map((field) => [field, 1]))),
      "a path": call("db.count", "c", { ["a.".repeat(40)]: 1 }),
      "keys to get": call("kv.getMany", list.slice(0, 100_001)),
      "keys to delete": call("kv.deleteMany", list.slice(0, 100_001)),
      rows: call("kv.setMany", list.slice(0, 10_001).map((key) => [key, 1])),
    };
    for (const [name, outcome] of Object.entries(refused)) {
      const { code, message } = await outcome;
      same(code, "LimitExceeded", name);
      ok(/\d.*; the limit is \d+/.test(message), `${name}: ${message}`);
    }
    const kv = patch.node("n").kv;
    for (const key of ["a", "b", "c"]) await kv.set(key, "x".repeat(30 << 20));
    const all = await call("kv.entries");
    same(all.code, "LimitExceeded");
    ok(/an answer of at least \d+ bytes; the limit is 67108864: ask for it in parts/.test(all.message), all.message);
    same((await call("kv.page", {})).value.length, 1);
    same((await call("kv.get", "a")).value.length, 30 << 20);
    same((await call("kv.set", "k", "\x01".repeat(10 << 20))).code, undefined);
    same((await call("kv.get", "k")).value, "\x01".repeat(10 << 20));
    await kv.set("k", 1);
    same(await kv.count(), 4);
  },

  "a query of many conditions on a large document leaves the page its turns": async ({ open, same, ok }) => {
    const patch = await open();
    const db = patch.db("s");
    const fields = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, n]));
    // What comes last is found last.
    await db.insert("c", { text: "x".repeat(8 << 20), ...fields });
    let turns = 0;
    const real = scheduler.yield;
    scheduler.yield = () => ((turns += 1), real.call(scheduler));
    const find = async (query, options) => {
      turns = 0;
      const found = await db.find("c", query, options);
      return [found.length, turns];
    };
    const sort = Object.keys(fields).slice(0, 32).map((field) => [field, 1]);
    for (const [query, options] of [[fields, {}], [fields, { sort, fields: ["f1"] }], [{ f1: 1 }, { sort, fields: ["f1"] }]]) {
      const [found, had] = await find(query, options);
      same(found, 1);
      ok(had >= 5, `${had} turns`);
    }
    scheduler.yield = real;
  },
});
