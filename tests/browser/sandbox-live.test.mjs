/** Live queries over the port of a sandbox. */
import { inPage } from "./api/harness.mjs";

inPage({
  "live: results and changes, of the node's own and of granted stores, until stopped": async ({ open, same, until }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const db = patch.node("n").db;
      await db.insert("c", { _id: "a", kind: "x", at: new Date(1) });
      await run(({ db }) => {
        globalThis.seen = [];
        globalThis.shared = [];
        globalThis.stop = db.watch("c", { kind: "x" }, (docs, { added, changed, removed }) => {
          if (![...added, ...changed].every((doc) => docs.includes(doc))) throw new Error("other objects");
          seen.push([docs, added, changed, removed].map((list) => list.map((doc) => doc._id).join()));
        }, { sort: [["at", -1]] });
        db.store("shared").collection("c").watch({}, (docs) => shared.push(docs.length));
      });
      await until(() => run(() => seen.length === 1 && shared.length === 1), "the first");
      await db.insert("c", { _id: "b", kind: "x", at: new Date(2) });
      await until(() => run(() => seen.length === 2));
      await run(({ db }) => db.update("c", "a", { n: 1 }));
      await until(() => run(() => seen.length === 3));
      await db.delete("c", "b");
      await until(() => run(() => seen.length === 4));
      same(await run(() => seen), [["a", "a", "", ""], ["b,a", "b", "", ""], ["b,a", "", "a", ""], ["a", "", "", "b"]]);
      await run(() => (stop(), stop()));
      await db.insert("c", { kind: "x" });
      await patch.db("shared").insert("c", {});
      await until(() => run(() => shared.length === 2));
      same(await run(() => [seen.length, shared]), [4, [0, 1]]);
    });
  },

  "live: behind a document of a page, gone or not": async ({ open, same, until }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const db = patch.node("n").db;
      await db.insertMany("c", ["a", "b", "c", "d"].map((_id, n) => ({ _id, n: n % 2 })));
      await run(async ({ db }) => {
        globalThis.behind = { plain: [], sorted: [], copied: [], wrong: [] };
        const hear = (name) => (docs) => behind[name].push(docs.map(({ _id }) => _id).join(""));
        const page = await db.find("c", {}, { limit: 2 });
        db.watch("c", {}, hear("plain"), { after: page[1] });
        db.watch("c", {}, hear("copied"), { after: { ...page[0] } });
        const sort = { n: -1 };
        const sorted = await db.find("c", {}, { sort, limit: 2 });
        db.collection("c").watch({}, hear("sorted"), { after: sorted[1], sort, skip: 1 });
        db.watch("c", {}, () => {}, { after: { _id: "nobody" }, onError: ({ code }) => behind.wrong.push(code) });
        db.watch("c", {}, () => {}, { after: 7, onError: ({ code }) => behind.wrong.push(code) });
      });
      const is = (plain, copied, sorted) => until(() => run((_, [plain, copied, sorted]) => behind.plain.at(-1) === plain && behind.copied.at(-1) === copied && behind.sorted.at(-1) === sorted, [plain, copied, sorted]), `${plain} ${sorted}`);
      await is("cd", "bcd", "c");
      await db.delete("c", "b");
      await db.delete("c", "d");
      await db.insert("c", { _id: "b", n: 0 });
      await is("cb", "cb", "cb");
      await until(() => run(() => behind.wrong.length === 2));
      same(await run(() => behind.wrong), ["InvalidArgument", "InvalidArgument"]);
    });
  },

  "live: long results come whole, and what is held back adds up": async ({ open, same, until }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    const db = patch.node("n").db;
    await db.insertMany("c", Array.from({ length: 5_000 }, (_, n) => ({ _id: `${n}`, n, fill: "x".repeat(1_000) })));
    const { run } = await spawn("dedicated worker", patch);
    await run(({ db }) => {
      globalThis.told = 0;
      const folded = (globalThis.folded = new Map());
      db.watch("c", {}, (docs, { added, changed, removed }) => {
        for (const { _id } of removed) if (!folded.delete(_id)) throw new Error(`${_id} was not there`);
        for (const { _id } of changed) if (!folded.has(_id)) throw new Error(`${_id} is new`);
        for (const doc of [...added, ...changed]) folded.set(doc._id, doc.n);
        if (docs.length !== folded.size || docs.some(({ _id, n }) => folded.get(_id) !== n)) throw new Error("they do not add up");
        told++;
      });
    });
    await until(() => run(() => folded.size === 5_000), "all of them", 20_000);
    const writes = [];
    for (let n = 0; n < 5_000; n += 50) {
      await db.update("c", `${n}`, { n: -n });
      writes.push(db.delete("c", `${n + 1}`), db.insert("c", { _id: `new ${n}`, n }));
    }
    await Promise.all(writes);
    await until(() => run(() => folded.size === 5_000 && folded.get("4950") === -4950 && folded.has("new 4950") && !folded.has("4951")), "the last", 20_000);
    const told = await run(() => told);
    same(told > 1 && told < 250, true, `told ${told} times`);
  },

  "live: one that lags behind gets what is last, in one event": async ({ open, same, ok, until, sleep }) => {
    const patch = await open();
    const db = patch.node("w").db;
    const { port1, port2 } = new MessageChannel();
    patch.serve(port1, { node: "w" });
    const events = [];
    port2.onmessage = ({ data }) => data[0] === 3 && events.push(data[2]);
    port2.postMessage([0, 1, "db.watch", null, ["c", {}]]);
    port2.postMessage([4, 1]);
    await until(() => events.length === 1);
    for (let n = 0; n < 10; n++) {
      await db.insert("c", { n, fill: "x".repeat(1 << 20) });
      await sleep(20);
    }
    const before = events.length;
    ok(before < 9, `${before} events`);
    // (In the order of their events.)
    for (let n = 0; n < before; n++) port2.postMessage([4, 1]);
    await until(() => events.length > before && events.at(-1)[1] === 10, "the last");
    const [items, count, added] = events.at(-1);
    same([items.length, count], [10, 10]);
    ok(added.length >= 2, `${added.length} at once`);
  },

  "live: refusals and ends are told to onError": async ({ open, same, until, throws }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    const { run, remove } = await spawn("dedicated worker", patch, { node: "n", maxValueBytes: 1 << 20 });
    await run(({ db }) => {
      globalThis.ended = [];
      const hear = (name) => ({ onError: ({ code }) => ended.push(`${name} ${code}`) });
      db.store("secret").watch("c", {}, () => ended.push("told"), hear("secret"));
      db.watch("c", { text: /x/ }, () => ended.push("told"), hear("regex"));
      db.watch("c", { a: { $no: 1 } }, () => ended.push("told"), hear("operator"));
      db.watch("c", {}, () => {}, hear("large"));
      const controller = new AbortController();
      db.watch("c", {}, () => {}, { signal: controller.signal, ...hear("signal") });
      controller.abort();
      for (const call of [() => db.watch("c", {}), () => db.watch(1, {}, () => {}), () => db.watch("c", {}, () => {}, { onError: 1 })]) {
        try {
          call();
        } catch ({ code }) {
          ended.push(code);
        }
      }
    });
    await until(() => run(() => ended.length === 6), "refusals");
    same((await run(() => ended.sort())), [
      "InvalidArgument", "InvalidArgument", "InvalidArgument", "operator InvalidArgument", "regex AccessDenied", "secret AccessDenied",
    ]);
    const db = patch.node("n").db;
    for (let n = 0; n < 9; n++) await db.insert("c", { text: "x".repeat(8 << 20) });
    await until(() => run(() => ended.length === 7), "the one that is too large");
    same(await run(() => ended.at(-1)), "large LimitExceeded");
    await run(({ db }) => void db.watch("other", {}, () => {}, { onError: ({ code }) => ended.push(code) }));
    await run(({ db }) => db.count("other"));
    await patch.close();
    await until(() => run(() => ended.length === 8), "the end");
    same(await run(() => ended.at(-1)), "Closed");
    remove();
    throws(() => db.watch("c", {}, () => {}), "Closed");
  },
});
