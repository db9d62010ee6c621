/** A patch's meta: pairs that belong to no node, are not counted, and go along in a copy. */
import { inPage } from "./api/harness.mjs";

inPage({
  "meta: what KV takes goes in and comes back, apart from all stores": async ({ open, same, ok }) => {
    const patch = await open();
    const { meta } = patch;
    ok(patch.meta === meta);
    same([await meta.get("k"), await meta.delete("k"), await meta.keys()], [undefined, false, []]);
    const value = { at: new Date(5), bytes: new Uint8Array([1, 2]), nothing: undefined, n: -0 };
    same(await meta.set("k", value), undefined);
    value.n = 1;
    same(await meta.get("k"), { ...value, n: -0 });
    ok((await meta.get("k")) !== (await meta.get("k")));
    await meta.set("null", null);
    same(await meta.get("null"), null);
    // The same key elsewhere.
    await patch.kv("k").set("k", "pair");
    await patch.node("k").kv.set("k", "of a node");
    same(await meta.get("k"), { ...value, n: -0 });
    same([await meta.delete("k"), await meta.delete("k"), await meta.get("k")], [true, false, undefined]);
    same([await patch.kv("k").get("k"), await patch.node("k").kv.get("k")], ["pair", "of a node"]);
  },

  "meta: keys are any strings of a length, in the order of code units; values may be large": async ({ open, same, rejects }) => {
    const { meta } = await open();
    const keys = ["", "\0", "a", "a\0", "ab", "\ud800", "\u{10000}", "\ufffd", "k".repeat(1000)];
    for (const key of keys) await meta.set(key, key);
    same(await meta.keys(), [...keys].sort());
    for (const key of keys) same(await meta.get(key), key);
    const large = new Uint8Array(300_000).map((_, at) => at * 7);
    const blob = new Blob([large]);
    await meta.set("large", { large, blob });
    const found = await meta.get("large");
    same([found.large, new Uint8Array(await found.blob.arrayBuffer())], [large, large]);
    await rejects(meta.set("k".repeat(1001), 1), "InvalidArgument");
    await rejects(meta.set(5, 1), "InvalidArgument");
    await rejects(meta.get(), "InvalidArgument");
    await rejects(meta.delete(null), "InvalidArgument");
    await rejects(meta.set("f", { a: [() => {}] }), "NotStorable", { path: "$.a[0]" });
    await rejects(meta.set("u", undefined), "NotStorable");
    same(await meta.get("u"), undefined);
  },

  "meta: a transaction reads and writes it, and depends on what it read": async ({ open, same, rejects, rejectsWith }) => {
    const patch = await open();
    let runs = 0;
    const result = await patch.transaction(async (tx) => {
      runs += 1;
      const n = (await tx.meta.get("n")) ?? 0;
      if (runs === 1) await patch.meta.set("n", 10);
      await tx.meta.set("n", n + 1);
      await tx.kv("s").set("n", n + 1);
      same(await tx.meta.keys(), ["n"]);
      return n;
    });
    same([result, runs, await patch.meta.get("n"), await patch.kv("s").get("n")], [10, 2, 11, 11]);
    let late;
    const thrown = new Error("expected by a test");
    await rejectsWith(
      patch.transaction(async (tx) => {
        late = tx.meta;
        await tx.meta.delete("n");
        throw thrown;
      }),
      thrown,
    );
    same(await patch.meta.get("n"), 11);
    await rejects(late.get("n"), "Closed");
  },

  "meta: it is no record, and no node's": async ({ lib, same }) => {
    const id = `meta-${Math.random()}`;
    const patch = await lib.openPatch(id);
    await patch.meta.set("k", 1);
    same([(await patch.stats()).records, await lib.hasPatchData(id), await patch.nodes()], [0, false, []]);
    await patch.node("n").kv.set("k", 1);
    await patch.deleteNode("n");
    same(await patch.meta.get("k"), 1);
    await patch.close();
    const again = await lib.openPatch(id);
    same(await again.meta.get("k"), 1);
    await again.close();
    await lib.deletePatchData(id);
  },

  "meta: a copy has it, and does not take the place of another's": async ({ lib, same, rejects }) => {
    const [from, to] = [`from-${Math.random()}`, `to-${Math.random()}`];
    const source = await lib.openPatch(from);
    await source.meta.set("k", { a: undefined });
    await source.kv("s").set("k", 1);
    await lib.copyPatch(from, to);
    const copy = await lib.openPatch(to);
    same([await copy.meta.get("k"), await copy.kv("s").get("k")], [{ a: undefined }, 1]);
    await copy.kv("s").clear();
    same(await lib.hasPatchData(to), false);
    await rejects(lib.copyPatch(from, to), "Exists");
    await copy.meta.delete("k");
    await copy.meta.set("other", 1);
    await rejects(lib.copyPatch(from, to), "Exists");
    same(await copy.meta.keys(), ["other"]);
    await copy.meta.delete("other");
    await lib.copyPatch(from, to);
    same(await copy.meta.get("k"), { a: undefined });
    for (const patch of [source, copy]) await patch.close();
    for (const id of [from, to]) await lib.deletePatchData(id);
  },

  "meta: its commits name no scope, and hide none": async ({ open, same, until }) => {
    const patch = await open();
    const seen = [];
    patch.on("change", ({ scopes }) => seen.push(scopes));
    await patch.meta.set("k", 1);
    await until(() => seen.length === 1);
    same(seen[0], []);
    // A large commit tells the ends of what it wrote: here a store's, and meta.
    await patch.transaction(async (tx) => {
      await tx.kv("a").set("k", 1);
      await tx.kv("b").setMany(Array.from({ length: 3000 }, (_, at) => [`k${at}`, "x".repeat(500)]));
      await tx.meta.set("k", 2);
    });
    await until(() => seen.length === 2);
    same([[], [{ name: "a" }, { name: "b" }]].some((each) => JSON.stringify(each) === JSON.stringify(seen[1])), true, JSON.stringify(seen[1]));
  },

  "meta: after close it is Closed": async ({ open, rejects, ok }) => {
    const patch = await open();
    const { meta } = patch;
    await patch.close();
    ok(patch.meta === meta);
    for (const call of [meta.get("k"), meta.set("k", 1), meta.delete("k"), meta.keys()]) await rejects(call, "Closed");
  },
});
