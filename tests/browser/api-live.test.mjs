/** Live queries in one page, and with a worker. */
import { inPage } from "./api/harness.mjs";

inPage({
  "live: the whole result first, then what changes it and nothing else": async ({ open, same, until, sleep }) => {
    const db = (await open()).db("d");
    await db.insert("c", { _id: "a", kind: "x", n: 1 });
    const seen = [];
    let first = true;
    const stop = db.watch("c", { kind: "x" }, (docs, { added, changed, removed }) => {
      same([...added, ...changed].every((doc) => docs.includes(doc)), true, "the objects of the result");
      seen.push([docs, added, changed, removed].map((list) => list.map((doc) => `${doc._id}${doc.n}`).join()));
    }, { sort: { n: -1 } });
    same(seen, [], "not at once");
    first = false;
    await until(() => seen.length === 1, "the first");
    await db.insert("c", { _id: "b", kind: "x", n: 2 });
    await until(() => seen.length === 2);
    await db.insert("c", { _id: "other", kind: "y", n: 2 });
    await db.update("c", "other", { n: 3 });
    await db.delete("c", "other");
    await db.insert("other", { kind: "x" });
    await sleep(30);
    same(seen.length, 2);
    await db.update("c", "b", { n: 0 });
    await until(() => seen.length === 3);
    await db.update("c", "b", { unasked: 1 });
    await until(() => seen.length === 4);
    await db.update("c", "a", { kind: "z" });
    await until(() => seen.length === 5);
    await db.update("c", "a", { kind: "x" });
    await until(() => seen.length === 6);
    await db.drop("c");
    await until(() => seen.length === 7);
    same(seen, [
      ["a1", "a1", "", ""],
      ["b2,a1", "b2", "", ""],
      ["a1,b0", "", "b0", ""],
      ["a1,b0", "", "b0", ""],
      ["b0", "", "", "a1"],
      ["a1,b0", "a1", "", ""],
      ["", "", "", "a1,b0"],
    ]);
    stop();
    stop();
    await db.insert("c", { kind: "x" });
    await sleep(30);
    same([seen.length, first], [7, false]);
  },

  "live: an empty result is told, too, and fields decide what is a change": async ({ open, same, until, sleep }) => {
    const db = (await open()).db("d");
    const seen = [];
    db.watch("c", {}, (docs) => seen.push(docs), { fields: ["a"], skip: 1, limit: 2 });
    await until(() => seen.length === 1);
    await db.insertMany("c", [{ _id: "1", a: 1 }, { _id: "2", a: 2, b: new Date(1) }, { _id: "3", a: 3n }, { _id: "4", a: 4 }]);
    await until(() => seen.length === 2);
    await db.update("c", "2", { b: new Date(2) });
    await db.update("c", "1", { a: 0 });
    await db.update("c", "4", { a: 0 });
    await sleep(30);
    same(seen.length, 2);
    await db.delete("c", "1");
    await until(() => seen.length === 3);
    same(seen, [[], [{ _id: "2", a: 2 }, { _id: "3", a: 3n }], [{ _id: "3", a: 3n }, { _id: "4", a: 0 }]]);
  },

  "live: regular expressions, dates, bigints, dotted paths": async ({ open, same, until }) => {
    const db = (await open()).db("d");
    const seen = { re: [], date: [], big: [], dot: [] };
    const ids = (name) => (docs) => seen[name].push(docs.map((doc) => doc._id).join());
    const query = { text: /^a.c$/i };
    db.watch("c", query, ids("re"));
    query.text = /z/;
    db.watch("c", { at: new Date(5) }, ids("date"));
    db.watch("c", { $and: [{ n: 2n }] }, ids("big"));
    db.watch("c", { "a.0.b": "v" }, ids("dot"));
    await until(() => Object.values(seen).every((list) => list.length === 1));
    await db.insert("c", { _id: "1", text: "aBc", at: new Date(5), n: 2, a: [{ b: "v" }] });
    await until(() => Object.values(seen).every((list) => list.length === 2));
    await db.update("c", "1", { text: "abcd", at: 5, n: 2.5, a: { 0: { b: "v" } } });
    await until(() => ["re", "date", "big"].every((name) => seen[name].length === 3) && seen.dot.length === 3);
    same(seen, { re: ["", "1", ""], date: ["", "1", ""], big: ["", "1", ""], dot: ["", "1", "1"] });
  },

  "live: what is not committed is not told, and no commit before it is acknowledged": async ({ open, same, until }) => {
    for (const backend of ["memory", "indexeddb"]) {
      const patch = await open({ backend });
      const db = patch.db("d");
      const acknowledged = new Set();
      const wrong = [];
      let last;
      db.watch("c", {}, (docs) => {
        last = docs.length;
        for (const { _id } of docs) if (!acknowledged.has(_id)) wrong.push(_id);
      });
      const insert = async (id) => {
        await db.insert("c", { _id: id });
        acknowledged.add(id);
      };
      await Promise.all(Array.from({ length: 50 }, (_, n) => insert(`at once ${n}`)));
      for (let n = 0; n < 50; n++) await insert(`in turn ${n}`);
      await db.insert("c", { _id: "at once 1" }).catch(() => undefined);
      await until(() => last === 100, "all of them");
      same(wrong, []);
      await patch.close();
    }
  },

  "live: results are the listener's own": async ({ open, same, until }) => {
    const db = (await open()).db("d");
    await db.insert("c", { _id: "a", list: [1] });
    const seen = [];
    const spoil = (docs, { added }) => {
      docs[0].list.push("mine");
      docs.length = 0;
      added.length = 0;
    };
    db.watch("c", {}, spoil);
    db.watch("c", {}, (docs) => seen.push(docs.map(({ list }) => list)));
    await until(() => seen.length === 1);
    await db.update("c", "a", { list: [2] });
    await until(() => seen.length === 2);
    same(seen, [[[1]], [[2]]]);
    same((await db.findOne("c", "a")).list, [2]);
  },

  "live: a listener that throws stops nobody, one may end itself and others": async ({ open, same, until, sleep }) => {
    const db = (await open()).db("d");
    const errors = [];
    const onError = (event) => {
      errors.push(event.error?.message);
      event.preventDefault();
    };
    addEventListener("error", onError);
    const seen = [];
    db.watch("c", {}, () => {
      throw new Error("expected by a test");
    }, { onError: () => seen.push("ended") });
    const stops = [];
    stops.push(db.watch("c", {}, () => {
      stops.forEach((stop) => stop());
      seen.push("once");
      void db.insert("c", { _id: "inner" });
      db.watch("c", { _id: "inner" }, (docs) => seen.push(docs.length));
    }));
    stops.push(db.watch("c", {}, () => seen.push("never")));
    await until(() => seen.includes(1));
    await db.insert("c", { _id: "b" });
    await until(() => errors.length === 3);
    await sleep(20);
    removeEventListener("error", onError);
    same(seen.filter((each) => each !== 0), ["once", 1]);
    same(errors, ["expected by a test", "expected by a test", "expected by a test"]);
  },

  "live: what ends it is told once: an error of the query, a closed patch; not a signal": async ({ lib, open, same, until, sleep, throws }) => {
    const patch = await open();
    const db = patch.db("d");
    const ended = [];
    const seen = [];
    const hear = (name) => ({ onError: (error) => ended.push(`${name} ${error.code}`) });
    const controller = new AbortController();
    const other = await lib.openPatch(patch.id, { backend: "memory" });
    db.watch("c", {}, () => seen.push("signal"), { signal: controller.signal, ...hear("signal") });
    db.watch("c", {}, () => seen.push("sort"), { sort: { a: 1 }, ...hear("sort") });
    db.watch("c", {}, () => seen.push("closed"), hear("closed"));
    const stop = db.watch("c", {}, () => seen.push("stopped"), hear("stopped"));
    other.db("d").watch("c", {}, (docs) => seen.push(docs.length), hear("other"));
    await until(() => seen.length === 5);
    controller.abort();
    stop();
    await db.insert("c", { a: "x".repeat(300 * 1024) });
    await until(() => ended.length === 1 && seen.length === 7);
    same(ended, ["sort LimitExceeded"]);
    same(seen.slice(5).sort(), [1, "closed"]);
    await patch.close();
    same(ended, ["sort LimitExceeded", "closed Closed"]);
    await other.db("d").insert("c", {});
    await until(() => seen.length === 8);
    await sleep(20);
    same(seen.at(-1), 2);
    throws(() => db.watch("c", {}, () => {}), "Closed");
    await other.close();
    same(ended, ["sort LimitExceeded", "closed Closed", "other Closed"]);
    let reason;
    try {
      (await open()).db("d").watch("c", {}, () => {}, { signal: AbortSignal.abort("why") });
    } catch (error) {
      reason = error;
    }
    same(reason, "why");
  },

  "live: what belongs to the documents is told, too, and what does not is not": async ({ open, same, until }) => {
    const patch = await open();
    const db = patch.db("d");
    await db.insertMany("authors", [{ _id: "a", name: "Ann", city: "x" }, { _id: "b", name: "Bob", city: "y" }]);
    await db.insertMany("cities", [{ _id: "x", title: "Xanten" }, { _id: "y", title: "York" }]);
    await db.insertMany("posts", [{ _id: "1", by: "a", n: 1 }, { _id: "2", by: "b", n: 2 }, { _id: "3", by: "nobody", n: 3 }]);
    await db.insertMany("remarks", [{ _id: "r1", on: "1", at: 1 }, { _id: "r2", on: "1", at: 2 }, { _id: "r3", on: "2", at: 3 }]);
    const include = {
      author: { collection: "authors", local: "by", one: true, fields: ["name", "city"], include: { city: { collection: "cities", local: "city", one: true, fields: ["title"] } } },
      remarks: { collection: "remarks", local: "_id", foreign: "on", sort: { at: -1 }, limit: 1, fields: ["at"] },
    };
    const told = [];
    const stop = db.watch("posts", { n: { $lte: 2 } }, (docs, { added, changed, removed }) => {
      told.push([docs.map(({ _id, author, remarks }) => [_id, author?.name, author?.city?.title, remarks.map(({ at }) => at)]), ...[added, changed, removed].map((all) => all.map(({ _id }) => _id))]);
    }, { sort: { n: -1 }, include });
    let at = 0;
    const next = async (what, docs, added, changed, removed) => {
      await until(() => told.length > at, what);
      same(told[at++], [docs, added, changed, removed], what);
    };
    const one = ["1", "Ann", "Xanten", [2]], two = ["2", "Bob", "York", [3]];
    await next("all", [two, one], ["2", "1"], [], []);
    await db.update("authors", "a", { name: "Anna" });
    one[1] = "Anna";
    await next("an author is changed", [two, one], [], ["1"], []);
    await db.update("cities", "y", { title: "Yverdon" });
    two[2] = "Yverdon";
    await next("what belongs to what belongs", [two, one], [], ["2"], []);
    await db.insert("remarks", { on: "1", at: 9 });
    one[3] = [9];
    await next("a remark comes", [two, one], [], ["1"], []);
    await db.delete("authors", "b");
    await next("an author goes", [["2", undefined, undefined, [3]], one], [], ["2"], []);
    await db.insert("authors", { _id: "b", name: "Bea", city: "x" });
    two[1] = "Bea";
    two[2] = "Xanten";
    await next("and comes", [two, one], [], ["2"], []);
    // Nothing of this is handed out.
    await db.insert("remarks", { on: "1", at: 4 });
    await db.insert("remarks", { on: "3", at: 4 });
    await db.update("authors", "a", { phone: 1 });
    await db.insert("cities", { title: "Zug" });
    await db.update("posts", "3", { n: 4 });
    await db.delete("posts", "1");
    await next("a post goes", [two], [], [], ["1"]);
    // Together with what belongs to it, as one.
    await patch.transaction(async (tx) => {
      await tx.db("d").insert("posts", { _id: "4", by: "c", n: 0 });
      await tx.db("d").insert("authors", { _id: "c", name: "Cem", city: "y" });
    });
    await next("a post with its author", [two, ["4", "Cem", "Yverdon", []]], ["4"], [], []);
    stop();
    await db.update("authors", "c", { name: "Cemal" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    same(told.length, at);
  },

  "live: behind a document, wherever that goes, as find has it": async ({ open, same, until }) => {
    for (const backend of ["memory", "indexeddb"]) {
      const patch = await open({ backend });
      const db = patch.db("d");
      await db.insertMany("authors", [{ _id: "x", name: "Xi" }]);
      await db.insertMany("c", ["a", "b", "c", "d", "e", "f"].map((_id, n) => ({ _id, n: n % 3, m: 9 - n, by: "x" })));
      const include = { author: { collection: "authors", local: "by", one: true, fields: ["name"] } };
      const asked = [[{}, {}], [{ n: { $gte: 1 } }, { skip: 1 }], [{}, { sort: { n: 1 } }], [{ n: { $lt: 2 } }, { sort: { m: 1, n: -1 }, limit: 2 }], [{}, { sort: { n: -1 }, fields: ["n"], include }]];
      await db.createIndex("c", "m");
      const watched = [];
      for (const [query, options] of asked) {
        const page = await db.find("c", query, { ...options, skip: 0, limit: 2 });
        const after = page.at(-1);
        const told = [];
        watched.push([query, { ...options, after }, told]);
        db.watch("c", query, (docs) => told.push(docs), { ...options, after });
        // As it was at the call.
        const copy = { ...after };
        db.watch("c", query, (docs) => told.push(docs), { ...options, after: copy });
        copy._id = "none";
      }
      const check = async (what) => {
        for (const [query, options, told] of watched) {
          const found = await db.find("c", query, options);
          await until(() => told.length >= 2 && told.slice(-2).every((docs) => JSON.stringify(docs) === JSON.stringify(found)), `${what}: ${JSON.stringify([query, options, found, told.slice(-2)])}`);
        }
      };
      await check("at first");
      await db.insert("c", { _id: "g", n: 1, m: 4, by: "x" });
      await check("one more");
      await db.update("authors", "x", { name: "Xu" });
      await check("what belongs to it");
      await db.deleteMany("c", { _id: { $in: ["b", "d"] } });
      await patch.transaction(async (tx) => {
        await tx.db("d").update("c", "e", { n: 2, m: 0 });
        await tx.db("d").insert("c", { n: 0, m: 1 });
      });
      for (const [query, options, told] of watched) {
        const found = await db.find("c", query, options).catch(() => undefined);
        await until(() => told.slice(-2).every((docs) => JSON.stringify(docs) === JSON.stringify(found)), `gone: ${JSON.stringify([query, options, found, told.slice(-2)])}`);
      }
      await patch.close();
    }
  },

  "live: behind a document that is not committed yet, and one that is nowhere": async ({ open, same, until }) => {
    for (const backend of ["memory", "indexeddb"]) {
      const db = (await open({ backend })).db("d");
      await db.insert("c", { _id: "a" });
      const inserted = ["b", "c", "d"].map((_id) => db.insert("c", { _id }));
      const page = db.find("c", {}, { limit: 3 });
      const seen = { found: [], given: [] };
      const hear = (name) => (docs) => seen[name].push(docs.map(({ _id }) => _id).join(""));
      db.watch("c", {}, hear("given"), { after: { _id: "c" } });
      db.watch("c", {}, hear("found"), { after: (await page).at(-1) });
      await Promise.all(inserted);
      await until(() => seen.found.at(-1) === "d" && seen.given.at(-1) === "d", JSON.stringify(seen));
      await db.delete("c", "c");
      await db.insert("c", { _id: "c" });
      await db.insert("c", { _id: "e" });
      await until(() => seen.found.at(-1) === "dce" && seen.given.at(-1) === "dce", JSON.stringify(seen));
      const ended = [];
      db.watch("c", {}, () => ended.push("told"), { after: { _id: "nobody" }, onError: ({ code }) => ended.push(code) });
      await until(() => ended.length > 0);
      same(ended, ["InvalidArgument"]);
    }
  },

  "live: wrong calls are refused at once": async ({ open, throws, rejects }) => {
    const patch = await open();
    const db = patch.db("d");
    const nothing = () => {};
    throws(() => db.watch("", {}, nothing), "InvalidArgument");
    throws(() => db.watch("c", {}), "InvalidArgument");
    throws(() => db.watch("c", undefined, nothing), "InvalidArgument");
    throws(() => db.watch("c", [], nothing), "InvalidArgument");
    throws(() => db.watch("c", { a: { $no: 1 } }, nothing), "InvalidArgument");
    throws(() => db.watch("c", {}, nothing, { onError: 1 }), "InvalidArgument");
    throws(() => db.watch("c", {}, nothing, { limit: -1 }), "InvalidArgument");
    throws(() => db.watch("c", {}, nothing, { unknown: 1 }), "InvalidArgument");
    throws(() => db.watch("c", {}, nothing, { after: {} }), "InvalidArgument");
    throws(() => db.watch("c", {}, nothing, { after: "a" }), "InvalidArgument");
    throws(() => db.watch("c", {}, nothing, { include: { a: 1 } }), "InvalidArgument");
    throws(() => db.watch("c", {}, nothing, { include: { a: { collection: "d", query: { $no: 1 } } } }), "InvalidArgument");
    throws(() => db.watch("c", {}, nothing, { signal: 1 }), "InvalidArgument");
    await rejects(patch.transaction(async (tx) => tx.db("d").watch("c", {}, nothing)), "InvalidArgument");
  },

  "live: many commits are told as few, the last of them always": async ({ open, same, until }) => {
    const db = (await open()).db("d");
    const seen = [];
    const folded = new Map();
    db.collection("c").watch({}, (docs, { added, changed, removed }) => {
      for (const doc of removed) same(folded.delete(doc._id), true);
      for (const doc of changed) same(folded.has(doc._id), true);
      for (const doc of [...added, ...changed]) folded.set(doc._id, doc);
      same([...folded.values()].sort((a, b) => a.n - b.n), [...docs].sort((a, b) => a.n - b.n));
      seen.push(docs.length);
    });
    const writes = [];
    for (let n = 0; n < 3_000; n++) writes.push(db.insert("c", { _id: `${n}`, n }));
    for (let n = 0; n < 3_000; n += 3) writes.push(db.delete("c", `${n}`));
    await Promise.all(writes);
    await until(() => seen.at(-1) === 2_000, "the last");
    same(seen.length < 1_000, true, `told ${seen.length} times`);
  },

  "live: Blobs come back, also of what is gone": async ({ open, same, until }) => {
    for (const backend of ["memory", "indexeddb"]) {
      const patch = await open({ backend });
      const db = patch.db("d");
      const large = new Blob(["x".repeat(100_000)], { type: "text/x" });
      const [found, gone] = [[], []];
      db.watch("c", {}, (docs, { removed }) => {
        found.push(...docs.map(({ blob }) => blob));
        gone.push(...removed.map(({ blob }) => blob));
      });
      await db.insert("c", { _id: "a", blob: large });
      await until(() => found.length === 1);
      await db.delete("c", "a");
      await until(() => gone.length === 1);
      for (const blob of [...found, ...gone]) same([blob.size, blob.type, (await blob.text()) === (await large.text())], [100_000, "text/x", true]);
      await patch.close();
    }
  },

  "live: results of many documents keep no task long, nor the engine": async ({ open, same, until }) => {
    const patch = await open();
    const db = patch.db("d");
    await db.insertMany("c", Array.from({ length: 40_000 }, (_, n) => ({ n, text: "some text that takes a little room" })));
    const long = [];
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => long.push(duration))).observe({ type: "longtask" });
    const seen = [];
    db.watch("c", {}, (docs) => seen.push(docs.length), { sort: { n: -1 } });
    await until(() => seen.length === 1, "the first", 20_000);
    await db.insert("c", { n: 0.5 });
    await until(() => seen.length === 2, "the second", 20_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    // (A collection of the page's garbage may fall into a task.)
    same(long.filter((ms) => ms > 100), []);
    same(seen, [40_000, 40_001]);
  },

  "live: page and worker hear each other": async ({ lib, same, until }) => {
    const id = `live-worker-${Math.random()}`;
    const source = `
      import { openPatch } from "${location.origin}/pkg/index.js";
      const patch = await openPatch(${JSON.stringify(id)});
      const db = patch.db("d");
      db.watch("page", { kind: "x" }, (docs, { added }) => postMessage(["watch", docs.map(({ n }) => n), added.length]));
      onmessage = ({ data }) => db.insert("worker", data);
      postMessage(["ready"]);`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    const said = [];
    worker.onmessage = ({ data }) => said.push(data);
    const patch = await lib.openPatch(id);
    const heard = [];
    patch.db("d").watch("worker", {}, (docs) => heard.push(docs.map(({ at }) => at)));
    await until(() => said.length === 2 && heard.length === 1, "the worker", 10_000);
    await patch.db("d").insertMany("page", [{ kind: "x", n: 1 }, { kind: "y", n: 2 }, { kind: "x", n: 3 }]);
    await until(() => said.length === 3);
    same(said.at(-1), ["watch", [1, 3], 2]);
    worker.postMessage({ at: new Date(3) });
    await until(() => heard.length === 2);
    same(heard, [[], [new Date(3)]]);
    worker.terminate();
    await patch.close();
  },
});
