/** What nodes own: listed, deleted, copied. */
import { inPage } from "./api/harness.mjs";

inPage({
  "nodes: ids and bytes, as the statistics count them": async ({ open, same }) => {
    const patch = await open();
    same(await patch.nodes(), []);
    const ids = ["10", "9", "a", "a\0", "\ud800", "é", "\u{10ffff}x"];
    for (const id of ids) {
      await patch.node(id).kv.set("k", "v".repeat(ids.indexOf(id)));
      await patch.kv(id).set("k", "shared");
    }
    // What is under way shows too.
    void patch.node("docs").db.insert("c", { a: 1 });
    void patch.node("held").kv.set("blob", new Blob(["12345"]));
    const found = await patch.nodes();
    same(found.map(({ node }) => node), [...ids, "docs", "held"].sort());
    same(found.every(({ bytes }) => Number.isInteger(bytes) && bytes > 0), true);

    for (const id of ids) await patch.kv(id).clear();
    const sum = async () => (await patch.nodes()).reduce((all, { bytes }) => all + bytes, 0);
    same(await sum(), (await patch.stats()).liveBytes, "in the log");
    await patch.compact();
    same(await sum(), (await patch.stats()).liveBytes, "in pages");

    await patch.node("docs").db.drop("c");
    for (const id of ids) await patch.node(id).kv.clear();
    same((await patch.nodes()).map(({ node }) => node), ["held"]);
  },

  "nodes: a collection without documents is owned": async ({ open, same }) => {
    const patch = await open();
    const { db } = patch.node("n");
    await db.delete("c", await db.insert("c", {}));
    same(await db.collections(), ["c"]);
    same(await patch.nodes(), [{ node: "n", bytes: 0 }]);
    same(await patch.deleteNode("n"), true);
    same(await patch.nodes(), []);
    same(await db.collections(), []);
  },

  "nodes: many small and one large": async ({ open, same, ok }) => {
    const patch = await open({ backend: "indexeddb" });
    const text = "x".repeat(1000);
    await patch.node("large").kv.setMany(Array.from({ length: 20_000 }, (_, at) => [`${at}`, text]));
    await Promise.all(Array.from({ length: 500 }, (_, at) => patch.node(`n${at}`).kv.set("k", at)));
    const found = await patch.nodes();
    same(found.length, 501);
    ok(found[0].node === "large" && found[0].bytes > 20_000_000, `${found[0].bytes} bytes`);
    same(found.reduce((all, { bytes }) => all + bytes, 0), (await patch.stats()).liveBytes);
    await patch.copyNode("large", "copy");
    const copy = (await patch.nodes()).find(({ node }) => node === "copy");
    // The ids differ by a letter.
    same(copy.bytes, found[0].bytes - 20_000);
    same(await patch.node("copy").kv.get("19999"), text);
    await patch.deleteNode("large");
    await patch.deleteNode("copy");
    same((await patch.nodes()).length, 500);
    await patch.close();
  },

  "deleteNode: removes a node's own data and nothing else": async ({ open, same, until, sleep }) => {
    const patch = await open();
    for (const id of ["n", "n\0", "m"]) {
      await patch.node(id).kv.setMany([["", 0], ["k", 1]]);
      await patch.node(id).db.insert("c", { _id: "x" });
      await patch.kv(id).set("k", "shared");
      await patch.db(id).insert("c", { _id: "x" });
    }
    const seen = [];
    const others = [];
    const changes = [];
    patch.node("n").kv.watch("k", (value) => seen.push(value));
    patch.node("m").kv.watch("k", (value) => others.push(value));
    patch.kv("n").watch("k", (value) => others.push(value));
    patch.on("change", (event) => changes.push(event));
    same(await Promise.all([patch.deleteNode("n"), patch.deleteNode("n")]), [true, false]);
    same(await patch.deleteNode("never was"), false);
    await until(() => seen.length > 0, "the watcher");
    await sleep(20);
    same(seen, [undefined]);
    same(others, []);
    same(changes, [{ remote: false, scopes: [{ node: "n" }] }]);
    same(await patch.node("n").kv.keys(), []);
    same(await patch.node("n").db.find("c"), []);
    same(await patch.node("n").db.findOne("c", "x"), null);
    same(await patch.node("n").db.collections(), []);
    for (const at of [patch.node("n\0"), patch.node("m"), { kv: patch.kv("n"), db: patch.db("n") }]) {
      same(await at.kv.has("k"), true);
      same((await at.db.findOne("c", "x"))._id, "x");
    }
    // The node may be used again.
    same(await patch.node("n").db.insert("c", { _id: "x" }), "x");
    same((await patch.nodes()).map(({ node }) => node), ["m", "n", "n\0"]);
  },

  "copyNode: keys, documents, ids, times and order": async ({ open, same, rejects }) => {
    const patch = await open();
    const from = patch.node("from");
    const to = patch.node("to");
    const values = [["blob", new Date(1)], ["map", new Map([[1, new Uint8Array([1, 2])]])], ["", [undefined, -0]]];
    await from.kv.setMany(values);
    await from.kv.set("large", new Uint8Array(300_000).fill(7));
    await from.db.insertMany("c", Array.from({ length: 300 }, (_, at) => ({ _id: `${(at * 7) % 300}`, at })));
    await from.db.update("c", "7", { changed: true });
    await from.db.delete("c", "14");
    await from.db.insert("d", { only: "one" });
    await from.kv.store("shared").set("k", "stays where it is");
    // What is under way is copied, what comes later is not.
    void from.db.insert("c", { _id: "under way" });
    const copied = patch.copyNode("from", "to");
    void from.kv.set("later", 1);
    same(await copied, undefined);

    same(await to.kv.keys(), (await from.kv.keys()).filter((key) => key !== "later"));
    for (const [key, value] of values) same(await to.kv.get(key), value);
    same(await to.kv.get("large"), await from.kv.get("large"));
    same(await to.db.collections(), ["c", "d"]);
    const [old, mine] = [await from.db.find("c"), await to.db.find("c")];
    same(mine, old);
    same(mine.length, 300);
    same(mine.at(-1)._id, "under way");
    same(await to.db.find("d"), await from.db.find("d"));

    // They go their own ways; what is inserted comes last.
    await rejects(to.db.insert("c", { _id: "7" }), "Exists");
    await to.db.insert("c", { _id: "last" });
    await to.db.update("c", "0", { mine: true });
    await to.db.delete("c", "21");
    same(await from.db.find("c"), old);
    same((await to.db.find("c")).at(-1)._id, "last");
    same((await to.db.findOne("c", "0")).mine, true);
  },

  "copyNode: the target must own nothing": async ({ open, same, rejects }) => {
    const patch = await open();
    await patch.node("from").kv.set("k", 1);
    await patch.node("kv").kv.set("other", 2);
    await patch.node("db").db.insert("c", {});
    await patch.node("emptied").db.insert("c", { _id: "x" });
    await patch.node("emptied").db.delete("c", "x");
    for (const to of ["kv", "db", "emptied", "from"]) {
      await rejects(patch.copyNode("from", to), "Exists", { remedy: "fix-call" }, to);
      same(await patch.node(to).kv.has("k"), to === "from");
    }
    await patch.deleteNode("kv");
    await patch.copyNode("from", "kv");
    same(await patch.node("kv").kv.entries(), [["k", 1]]);
    // A node without data has nothing to give.
    await patch.copyNode("nothing", "nothing too");
    same((await patch.nodes()).length, 4);
    const both = await Promise.allSettled([patch.copyNode("from", "new"), patch.copyNode("kv", "new")]);
    same(both.map(({ status }) => status), ["fulfilled", "rejected"]);
  },

  "nodes: arguments are checked, and a closed patch is Closed": async ({ open, rejects }) => {
    const patch = await open();
    for (const bad of ["", undefined, 5, "x".repeat(1001)]) {
      await rejects(patch.deleteNode(bad), "InvalidArgument", { message: /node id/ });
      await rejects(patch.copyNode(bad, "to"), "InvalidArgument", { message: /from/ });
      await rejects(patch.copyNode("from", bad), "InvalidArgument", { message: /to/ });
    }
    await patch.close();
    await rejects(patch.nodes(), "Closed");
    await rejects(patch.deleteNode("n"), "Closed");
    await rejects(patch.copyNode("n", "m"), "Closed");
  },
});
