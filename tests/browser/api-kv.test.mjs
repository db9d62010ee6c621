import { inPage } from "./api/harness.mjs";

inPage({
  "long lists of keys are as they were at the call": async ({ open, same }) => {
    const kv = (await open()).kv("s");
    const count = 5_000;
    const keys = Array.from({ length: count }, (_, n) => `key ${n}`);
    await kv.setMany(keys.filter((_, n) => n % 5 > 0).map((key, n) => [key, n]));
    const reading = kv.getMany(keys);
    const asked = keys.slice();
    keys.length = 10;
    const found = await reading;
    same([found.length, found.filter((value) => value === undefined).length, found[1], found[4_999]], [count, count / 5, 0, 3_999]);
    const wrong = asked.slice();
    wrong[4_000] = 7;
    same(await kv.deleteMany(wrong).catch(({ code, message }) => [code, message.includes("keys[4000]")]), ["InvalidArgument", true]);
    same(await kv.count(), 4_000);
    const [removed, left] = await Promise.all([kv.deleteMany([...asked, asked[1]]), kv.count()]);
    same([removed, left], [4_000, 0]);
  },

  "kv: a value is there after set, gone after delete": async ({ open, same }) => {
    const kv = (await open()).kv("s");
    same(await kv.get("k"), undefined);
    same(await kv.has("k"), false);
    same(await kv.delete("k"), false);
    same(await kv.set("k", { a: [1, "two", null] }), undefined);
    same(await kv.get("k"), { a: [1, "two", null] });
    same(await kv.has("k"), true);
    same(await kv.delete("k"), true);
    same(await kv.get("k"), undefined);
  },

  "kv: what comes back is a fresh copy": async ({ open, same, ok }) => {
    const kv = (await open()).kv("s");
    const value = { list: [1] };
    const set = kv.set("k", value);
    value.list.push(2);
    await set;
    const first = await kv.get("k");
    first.list.push(3);
    same(await kv.get("k"), { list: [1] });
    ok((await kv.get("k")) !== (await kv.get("k")));
  },

  "kv: keys come in the order of UTF-16 code units": async ({ open, same }) => {
    const kv = (await open()).kv("s");
    // U+10000 is above U+FFFD as a code point, below it as code units.
    const keys = ["", "\0", "\0a", "a", "a\0", "ab", "b", "é", "\ud800", "\ud800\udc00", "\udbff\udfff",
      "\udc00", "\uffff", "\u{10ffff}x", "\u{10000}", "\ufffd", "10", "9", "A"];
    await kv.setMany(keys.map((key) => [key, key]));
    const sorted = [...new Set(keys)].sort();
    same(await kv.keys(), sorted);
    same(await kv.entries(), sorted.map((key) => [key, key]));
    same(await kv.keys({ reverse: true }), [...sorted].reverse());
    for (const key of sorted) same(await kv.get(key), key, `key ${JSON.stringify(key)}`);
    const iterated = [];
    for await (const [key] of kv.iterate()) iterated.push(key);
    same(iterated, sorted);
    for (const bound of sorted) {
      same(await kv.keys({ gt: bound }), sorted.filter((k) => k > bound), "gt");
      same(await kv.keys({ gte: bound }), sorted.filter((k) => k >= bound), "gte");
      same(await kv.keys({ lt: bound }), sorted.filter((k) => k < bound), "lt");
      same(await kv.keys({ lte: bound }), sorted.filter((k) => k <= bound), "lte");
      same(await kv.keys({ prefix: bound }), sorted.filter((k) => k.startsWith(bound)), "prefix");
      same(await kv.count({ gte: bound, lte: bound }), 1);
    }
  },

  "kv: bounds and prefix intersect": async ({ open, same }) => {
    const kv = (await open()).kv("s");
    await kv.setMany(["a", "aa", "ab", "ac", "b"].map((key) => [key, 1]));
    same(await kv.keys({ prefix: "a", gt: "aa" }), ["ab", "ac"]);
    same(await kv.keys({ prefix: "a", gt: "aa", gte: "ac", lte: "zz" }), ["ac"]);
    same(await kv.keys({ prefix: "a", lt: "a" }), []);
    same(await kv.keys({ gt: "b", lt: "a" }), []);
    same(await kv.keys({ limit: 0 }), []);
    same(await kv.keys({ limit: 2 }), ["a", "aa"]);
    same(await kv.keys({ limit: 2, reverse: true }), ["b", "ac"]);
    same(await kv.keys({ limit: Infinity, prefix: "ab" }), ["ab"]);
    same(await kv.count({ prefix: "a", limit: 3 }), 3);
    same(await kv.entries({ gte: "b" }), [["b", 1]]);
  },

  "kv: many at once": async ({ open, same, rejects }) => {
    const kv = (await open()).kv("s");
    await kv.setMany(new Map([["a", 1], ["b", { when: new Date(5) }], ["c", "\ud800"]]));
    same(await kv.getMany(["c", "x", "a", "b"]), ["\ud800", undefined, 1, { when: new Date(5) }]);
    same(await kv.deleteMany(["a", "x", "b"]), 2);
    same(await kv.keys(), ["c"]);
    await kv.setMany([]);
    same(await kv.deleteMany([]), 0);
    same(await kv.getMany([]), []);
    await kv.setMany([["d", 1], ["d", 2]]);
    same(await kv.get("d"), 2);
    await rejects(kv.setMany([["e", 1], ["f", () => 1]]), "NotStorable", { path: "$" });
    same(await kv.has("e"), false);
    await kv.clear();
    same(await kv.count(), 0);
  },

  "kv: a large batch is read in slices, and is all or nothing": async ({ open, same, rejectsWith }) => {
    const kv = (await open()).kv("s");
    let read = 0;
    function* entries(count) {
      for (let at = 0; at < count; at++) {
        read++;
        yield [`k${String(at).padStart(6, "0")}`, at % 10 === 0 ? { at: new Date(at) } : { at }];
      }
    }
    const whole = kv.setMany(entries(5000));
    same(read < 5000, true, "read at once");
    const behind = kv.count();
    same(await behind, 5000, "a later read");
    await whole;
    same(await kv.get("k000010"), { at: new Date(10) });
    same(await kv.get("k004999"), { at: 4999 });
    same((await kv.entries()).length, 5000);
    const reason = new Error("expected by a test");
    function* breaking() {
      yield* entries(3000);
      throw reason;
    }
    await kv.clear();
    await rejectsWith(kv.setMany(breaking()), reason);
    same(await kv.count(), 0);
  },

  "kv: iterate pages, ends early, and honours limit and signal": async ({ open, same, rejectsWith }) => {
    const kv = (await open()).kv("s");
    const keys = Array.from({ length: 1000 }, (_, at) => String(at).padStart(4, "0"));
    await kv.setMany(keys.map((key, at) => [key, at]));
    const collect = async (range) => {
      const found = [];
      for await (const [key] of kv.iterate(range)) found.push(key);
      return found;
    };
    same(await collect(), keys);
    same(await collect({ reverse: true }), [...keys].reverse());
    same(await collect({ limit: 300, gte: "0500" }), keys.slice(500, 800));
    same(await collect({ limit: 300, lt: "0500", reverse: true }), keys.slice(200, 500).reverse());
    same(await collect({ limit: 0 }), []);
    let seen = 0;
    for await (const _ of kv.iterate()) if (++seen === 3) break;
    same(seen, 3);
    const iterator = kv.iterate();
    await iterator.next();
    same(await iterator.return(), { value: undefined, done: true });
    same(await iterator.next(), { value: undefined, done: true });
    const aborter = new AbortController();
    const reason = new Error("enough");
    await rejectsWith((async () => {
      for await (const _ of kv.iterate({ signal: aborter.signal })) aborter.abort(reason);
    })(), reason);
    // Keys that come and go meanwhile do not repeat or hide the others.
    const found = [];
    for await (const [key] of kv.iterate()) {
      found.push(key);
      if (key === "0100") await kv.setMany([["0099x", 1], ["0100x", 1]]);
      if (key === "0200") await kv.delete("0200");
    }
    same(found.filter((key) => !key.endsWith("x")), keys);
  },

  "kv: update reads, changes and writes at once": async ({ open, same, rejects, rejectsWith }) => {
    const kv = (await open()).kv("s");
    same(await kv.update("n", (old = 0) => old + 1), 1);
    await Promise.all(Array.from({ length: 50 }, () => kv.update("n", (old) => old + 1)));
    same(await kv.get("n"), 51);
    same(await kv.update("n", () => undefined), undefined);
    same(await kv.has("n"), false);
    await kv.set("o", { list: [1] });
    const made = await kv.update("o", (old) => {
      old.list.push(2);
      return old;
    });
    same(made, { list: [1, 2] });
    made.list.push(3);
    same(await kv.get("o"), { list: [1, 2] });
    const reason = new Error("expected by a test");
    await rejectsWith(kv.update("o", () => {
      throw reason;
    }), reason);
    await rejects(kv.update("o", async () => 1), "InvalidArgument");
    await rejects(kv.update("o", () => ({ f() {} })), "NotStorable", { path: "$.f" });
    await rejects(kv.update("o", "no function"), "InvalidArgument");
    same(await kv.get("o"), { list: [1, 2] });
    same(await kv.update("e", () => ({ when: new Date(3), nan: NaN })), { when: new Date(3), nan: NaN });
    const blob = await kv.update("b", () => ({ blob: new Blob(["hi"], { type: "text/x" }) }));
    same(await blob.blob.text(), "hi");
    same((await kv.get("b")).blob.type, "text/x");
    // A change that calls back does not get in its own way.
    let inner;
    await kv.update("n", () => {
      inner = kv.get("o");
      return 1;
    });
    same(await inner, { list: [1, 2] });
  },

  "kv: an update to something with Blobs keeps its place": async ({ open, same }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const made = (text) => ({ blob: new Blob([text]) });
    const updated = kv.update("k", () => made("first"));
    const seen = kv.get("k");
    await Promise.all([updated, kv.set("k", "later")]);
    same(await (await seen).blob.text(), "first");
    same(await kv.get("k"), "later");
    // A transaction and close() wait for it too, awaited or not.
    await patch.transaction(async (tx) => {
      tx.kv("s").update("in", () => made("in"));
    });
    same(await (await kv.get("in")).blob.text(), "in");
    const last = kv.update("last", () => made("last"));
    await patch.close();
    await last;
    const again = await open({}, patch.id);
    same(await (await again.kv("s").get("last")).blob.text(), "last");
  },

  "kv: stores, nodes and names do not see each other": async ({ open, same }) => {
    const patch = await open();
    const stores = [patch.kv("a"), patch.kv("b"), patch.node("a").kv, patch.node("b").kv, patch.kv("a:b"),
      patch.kv("a\0"), patch.kv("\ud800"), patch.kv("\udfff"), patch.kv("\ufffd")];
    await Promise.all(stores.map((kv, at) => kv.set("k", at)));
    for (const [at, kv] of stores.entries()) {
      same(await kv.get("k"), at);
      same(await kv.keys(), ["k"]);
    }
    same(await patch.node("a").kv.store("b").get("k"), 1);
    await stores[2].clear();
    same(await stores[0].get("k"), 0);
    same(await patch.kv("x").store("a").get("k"), 0);
    same(await patch.db("a").collections(), []);
  },

  "kv: what is wrong is refused by name": async ({ open, rejects, throws, same }) => {
    const patch = await open();
    const kv = patch.kv("s");
    for (const key of [1, null, undefined, {}, Symbol("s"), ["a"]]) {
      await rejects(kv.get(key), "InvalidArgument", { message: /key must be a string/, remedy: "fix-call" });
      await rejects(kv.set(key, 1), "InvalidArgument");
      await rejects(kv.delete(key), "InvalidArgument");
      await rejects(kv.has(key), "InvalidArgument");
      await rejects(kv.update(key, () => 1), "InvalidArgument");
      await rejects(kv.getMany([key]), "InvalidArgument", { message: /keys\[0\]/ });
      throws(() => kv.watch(key, () => {}), "InvalidArgument");
      throws(() => kv.store(key), "InvalidArgument");
      throws(() => patch.kv(key), "InvalidArgument");
      throws(() => patch.db(key), "InvalidArgument");
      throws(() => patch.node(key), "InvalidArgument");
    }
    const long = "x".repeat(1001);
    await rejects(kv.get(long), "InvalidArgument", { message: /1001/ });
    await kv.set("x".repeat(1000), 1);
    same(await kv.get("x".repeat(1000)), 1);
    await kv.set("\ud800".repeat(1000), 2);
    same(await kv.get("\ud800".repeat(1000)), 2);
    await patch.kv("\u{10ffff}".repeat(500)).set("k", 1);
    throws(() => patch.kv(""), "InvalidArgument", { message: /empty/ });
    throws(() => patch.node(""), "InvalidArgument");
    throws(() => patch.kv(long), "InvalidArgument");
    await kv.set("", "empty");
    same(await kv.get(""), "empty");
    for (const limit of [-1, 1.5, NaN, "3"]) {
      await rejects(kv.keys({ limit }), "InvalidArgument", { message: /limit/ });
      await rejects(kv.entries({ limit }), "InvalidArgument");
      await rejects(kv.count({ limit }), "InvalidArgument");
      throws(() => kv.iterate({ limit }), "InvalidArgument");
    }
    await rejects(kv.keys({ until: "x" }), "InvalidArgument", { message: /until/ });
    await rejects(kv.keys({ gt: 3 }), "InvalidArgument", { message: /gt/ });
    await rejects(kv.keys({ reverse: 1 }), "InvalidArgument");
    await rejects(kv.keys({ signal: {} }), "InvalidArgument");
    await rejects(kv.keys("a"), "InvalidArgument");
    await rejects(kv.set("k", 1, { foo: 5 }), "InvalidArgument", { message: /foo/ });
    await rejects(kv.setMany(5), "InvalidArgument");
    await rejects(kv.setMany([5]), "InvalidArgument", { message: /entries\[0\]/ });
    await rejects(kv.setMany([[5, 5]]), "InvalidArgument");
    await rejects(kv.deleteMany("abc"), "InvalidArgument");
    throws(() => kv.watch("k"), "InvalidArgument");
  },

  "kv: an aborted signal rejects with its reason": async ({ open, rejectsWith }) => {
    const kv = (await open()).kv("s");
    const reason = { why: "because" };
    const signal = AbortSignal.abort(reason);
    await rejectsWith(kv.keys({ signal }), reason);
    await rejectsWith(kv.entries({ signal }), reason);
    await rejectsWith(kv.count({ signal }), reason);
    await rejectsWith(kv.iterate({ signal }).next(), reason);
  },
});
