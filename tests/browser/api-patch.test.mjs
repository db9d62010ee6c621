import { inPage } from "./api/harness.mjs";

inPage({
  "open: options and ids are checked": async ({ lib, open, rejects, rejectsWith, same }) => {
    await rejects(lib.openPatch(""), "InvalidArgument", { message: /empty/ });
    await rejects(lib.openPatch(5), "InvalidArgument");
    await rejects(lib.openPatch(), "InvalidArgument");
    await rejects(lib.openPatch("x\ud800"), "InvalidArgument");
    for (const [options, named] of [
      [{ backend: "disk" }, /backend/], [{ durability: "very" }, /durability/], [{ prefix: 5 }, /prefix/],
      [{ cacheBytes: -1 }, /cacheBytes/], [{ openTimeoutMs: "1" }, /openTimeoutMs/], [{ cache: 1 }, /cache/],
      [{ signal: "x" }, /signal/], [{ encryption: { passphrase: "" } }, /encryption.passphrase/], [{ opLog: 1 }, /opLog/],
      [{ quota: { threshold: 2 } }, /quota/], ["memory", /options/], [null, /options/],
    ]) {
      await rejects(lib.openPatch("p", options), "InvalidArgument", { message: named });
    }
    const reason = new Error("enough");
    await rejectsWith(open({ signal: AbortSignal.abort(reason) }), reason);
    const aborter = new AbortController();
    const opening = open({ signal: aborter.signal }, "aborted");
    aborter.abort(reason);
    await rejectsWith(opening, reason);
    // Nothing is left open: another backend may be chosen.
    const patch = await lib.openPatch("aborted", { backend: "indexeddb" });
    await patch.close();
    const plain = await open({}, "named");
    same([plain.id, plain.status], ["named",
      { backend: "memory", durability: "relaxed", encrypted: false, persisted: null, evicted: false }]);
    same(await lib.init(), undefined);
    same(await lib.init("/nowhere"), undefined);
  },

  "open: two handles on one engine": async ({ open, same, rejects, throws }) => {
    const [one, two] = await Promise.all([open({}, "shared"), open({}, "shared")]);
    await one.kv("s").set("k", 1);
    same(await two.kv("s").get("k"), 1);
    void one.kv("s").set("k", new Blob(["x"]));
    void one.kv("s").set("k", 2);
    same(await two.kv("s").get("k"), 2, "program order over both");
    await rejects(open({ durability: "strict" }, "shared"), "InvalidArgument", { message: /durability/ });
    await rejects(open({ backend: "indexeddb" }, "shared"), "InvalidArgument", { message: /backend/ });
    await one.close();
    throws(() => one.kv("s"), "Closed");
    same(await two.kv("s").get("k"), 2, "the other stays open");
    await two.close();
    const strict = await open({ durability: "strict" }, "shared");
    same(strict.status.durability, "strict");
    same(await strict.kv("s").get("k"), 2, "memory lasts as long as the page");
    await strict.close();
  },

  "close: waits for the writes, then everything is Closed": async ({ open, same, rejects, throws, lib }) => {
    const id = `close-${Math.random()}`;
    const patch = await open({ backend: "indexeddb" }, id);
    const kv = patch.kv("s");
    const db = patch.db("d");
    const writes = [kv.set("a", 1), kv.set("blob", new Blob(["x"])), db.insert("c", { _id: "x" })];
    const iterator = kv.iterate();
    const closing = patch.close();
    await rejects(kv.get("a"), "Closed", { remedy: "reopen" });
    await rejects(kv.set("a", 2), "Closed");
    await rejects(kv.setMany([]), "Closed");
    await rejects(kv.update("a", () => 1), "Closed");
    await rejects(db.find("c"), "Closed");
    await rejects(db.insertMany("c", []), "Closed");
    await rejects(iterator.next(), "Closed");
    await rejects(patch.transaction(async () => {}), "Closed");
    await rejects(patch.flush(), "Closed");
    await rejects(patch.compact(), "Closed");
    await rejects(patch.stats(), "Closed");
    throws(() => patch.kv("s"), "Closed");
    throws(() => patch.db("s"), "Closed");
    throws(() => patch.node("s"), "Closed");
    throws(() => kv.store("s"), "Closed");
    throws(() => kv.watch("k", () => {}), "Closed");
    await closing;
    await Promise.all(writes);
    const again = await lib.openPatch(id);
    same(await again.kv("s").keys(), ["a", "blob"]);
    same(await again.kv("s").get("a"), 1);
    same(await again.db("d").count("c"), 1);
    await again[Symbol.asyncDispose]();
    await rejects(again.stats(), "Closed");
  },

  "calls made at once take effect in program order": async ({ open, same }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const results = await Promise.all([
      kv.set("k", 1), kv.get("k"), kv.set("k", 2), kv.get("k"), kv.delete("k"), kv.get("k"), kv.delete("k"),
      kv.setMany([["k", 3], ["l", 4]]), kv.keys(), kv.update("k", (old) => old * 2), kv.get("k"), kv.clear(),
      kv.count(), kv.set("m", 5), kv.count(),
    ]);
    same(results, [undefined, 1, undefined, 2, true, undefined, false, undefined, ["k", "l"], 6, 6, undefined, 0,
      undefined, 1]);
    const db = patch.db("d");
    const more = await Promise.all([
      db.insert("c", { _id: "a" }), db.count("c"), db.insert("c", { _id: "a" }).catch((error) => error.code),
      db.update("c", "a", { n: 1 }), db.findOne("c", "a").then((doc) => doc.n), db.drop("c"), db.find("c"),
      db.insert("c", { _id: "b" }), db.collections(),
    ]);
    same(more, ["a", 1, "Exists", true, 1, undefined, [], "b", ["c"]]);
  },

  "stats, flush and compact": async ({ open, same, ok, lib }) => {
    const patch = await open({ backend: "indexeddb" }, `stats-${Math.random()}`);
    const empty = await patch.stats();
    same(empty.records, 0);
    await patch.kv("s").setMany(Array.from({ length: 100 }, (_, at) => [`k${at}`, at]));
    await patch.db("d").insertMany("c", [{}, {}, {}]);
    const full = await patch.stats();
    same(full.records, 103);
    ok(full.liveBytes > 300 && full.logBytes > 0, JSON.stringify(full));
    ok(full.originQuota > 0);
    same(Object.keys(full).sort(),
      ["blobBytes", "garbageBytes", "liveBytes", "logBytes", "originQuota", "originUsage", "records"]);
    await patch.flush();
    await patch.compact();
    const compacted = await patch.stats();
    same([compacted.records, compacted.logBytes], [103, 0]);
    await patch.close();
    const { usage, quota, ratio } = await lib.storageEstimate();
    same(ratio, usage / quota);
  },

  "stats: what is pending counts, indexes are no garbage": async ({ open, same, ok }) => {
    const patch = await open();
    const setting = patch.kv("s").setMany(Array.from({ length: 3000 }, (_, n) => [`k${n}`, n]));
    same((await patch.stats()).records, 3000);
    await setting;
    await patch.db("d").insertMany("c", Array.from({ length: 3000 }, (_, n) => ({ n })));
    await patch.compact();
    const stats = await patch.stats();
    same(stats.records, 6000);
    ok(stats.garbageBytes < stats.liveBytes / 50, `${stats.garbageBytes} of garbage in ${stats.liveBytes}`);
  },

  "flush and compact resolve while others write on": async ({ open }) => {
    const patch = await open();
    let ended = false;
    const writing = ["a", "b", "c"].map(async (key, at) => {
      await new Promise((resolve) => setTimeout(resolve, at));
      for (let n = 0; !ended; n++) await patch.kv("s").set(key, n);
    });
    await patch.flush();
    await patch.compact();
    ended = true;
    await Promise.all(writing);
  },

  "change: it names the scopes, or none where it may be any": async ({ open, same, until }) => {
    const patch = await open();
    const seen = [];
    patch.on("change", ({ scopes }) => seen.push(scopes));
    const large = (count) => Array.from({ length: count }, (_, n) => [`k${n}`, Math.random().toString(36).repeat(200)]);
    await patch.kv("one").setMany(large(900));
    await patch.transaction(async (tx) => {
      await tx.kv("one").setMany(large(900));
      await tx.kv("two").set("flag", 1);
      await tx.db("three").insert("c", {});
    });
    await patch.kv("two").clear();
    await until(() => seen.length === 3, "three commits");
    same(seen, [[{ name: "one" }], [], [{ name: "two" }]]);
  },

  "errors keep their shape over a port": async ({ lib, open, same, ok, rejects }) => {
    const error = await rejects((await open()).kv("s").set("k", { a: () => 1 }), "NotStorable");
    ok(error instanceof Error && error.name === "PatchStoreError");
    same([lib.isPatchStoreError(error), lib.isPatchStoreError(new Error("x")), lib.isPatchStoreError(null)],
      [true, false, false]);
    const { name, message, code, remedy, path } = error;
    ok(lib.isPatchStoreError(JSON.parse(JSON.stringify({ name, message, code, remedy, path }))));
    same(lib.isPatchStoreError({ name, message, code: "Other", remedy }), false);
    same("usage" in error, false);
  },
});
