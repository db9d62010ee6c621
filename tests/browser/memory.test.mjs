/** What cannot be had in memory ends the call that needs it, with LimitExceeded, and nothing else. */
import { inPage } from "./api/harness.mjs";

inPage({
  "a stored value for which there is no memory": async ({ open, lib, rejects, same }) => {
    const id = `full ${Math.random()}`;
    const first = await open({ backend: "indexeddb" }, id);
    await first.node("n").kv.setMany([["small", 1], ["large", "x".repeat(300_000)]]);
    await first.node("n").db.insert("c", { _id: "x", text: "y".repeat(300_000) });
    await first.compact();
    await first.close();
    const patch = await open({ backend: "indexeddb" }, id);
    const { kv, db } = patch.node("n");
    same(await kv.get("small"), 1);
    // What somebody with more memory has stored: as long as it is not touched, it takes none here.
    const { get } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.get = function (key) {
      const request = get.call(this, key);
      if (this.name !== "blobs") return request;
      const larger = { error: null };
      request.onsuccess = (event) => {
        larger.result = new Uint8Array(2 ** 31);
        larger.onsuccess(event);
      };
      return larger;
    };
    const calls = {
      get: () => kv.get("large"),
      getMany: () => kv.getMany(["small", "large"]),
      iterate: () => kv.iterate().next(),
      update: () => kv.update("large", () => 1),
      find: () => db.find("c"),
      "an update of a document": () => db.update("c", "x", { a: 1 }),
      "in a transaction": () => patch.transaction((tx) => tx.node("n").kv.get("large")),
      copyNode: () => patch.copyNode("n", "m"),
      copyPatch: () => lib.copyPatch(id, `${id} copy`),
    };
    for (const [name, call] of Object.entries(calls)) {
      // Together with others, in the same group.
      const refused = rejects(call(), "LimitExceeded", { message: /not enough memory for 2147483648 more bytes/ }, name);
      await Promise.all([refused, kv.set("beside", name)]);
      same(await kv.get("beside"), name);
      same(await kv.get("small"), 1);
    }
    same(await lib.hasPatchData(`${id} copy`), false);
    IDBObjectStore.prototype.get = get;
    same((await kv.get("large")).length, 300_000);
    same((await db.find("c"))[0].text.length, 300_000);
    await lib.copyPatch(id, `${id} copy`);
    same(await (await open({ backend: "indexeddb" }, `${id} copy`)).node("n").kv.keys(), ["beside", "large", "small"]);
  },

  "a value that cannot be handed to the store, among others of its group": async ({ open, rejects, same }) => {
    const patch = await open({ backend: "indexeddb" });
    const kv = patch.kv("s");
    const { Uint8Array } = globalThis;
    globalThis.Uint8Array = new Proxy(Uint8Array, {
      construct(target, args, newTarget) {
        if (args[0] instanceof target && args[0].length > 200_000) throw new RangeError("Array buffer allocation failed");
        return Reflect.construct(target, args, newTarget);
      },
    });
    const names = Array.from({ length: 9 }, (_, n) => `k${n}`);
    const calls = names.map((name, n) => kv.set(name, n === 5 ? "x".repeat(300_000) : n));
    await rejects(calls[5], "LimitExceeded", { message: /Array buffer allocation failed/ });
    await Promise.all(calls.filter((_, n) => n !== 5));
    same(await kv.keys(), names.filter((_, n) => n !== 5));
    globalThis.Uint8Array = Uint8Array;
    await kv.set("k5", "x".repeat(300_000));
    same((await kv.get("k5")).length, 300_000);
  },

  "what iterate is asked for, and what importPlain finds, is too much": async ({ open, rejects, same, throws }) => {
    const patch = await open();
    const { kv, db } = patch.node("n");
    await kv.set("k", 1);
    await db.insert("c", { _id: "x" });
    for (const bound of ["prefix", "gt", "gte", "lt", "lte"]) {
      const range = { [bound]: "x".repeat(2 ** 28) };
      const message = new RegExp(`range.${bound} is 268435456 UTF-16 code units long; the limit is 1000`);
      throws(() => kv.iterate(range), "InvalidArgument", { message });
      await rejects(kv.entries(range), "InvalidArgument", { message });
    }

    const { make } = await import("/tests/browser/api/plain.mjs");
    // Browsers store less than that at once, but of an object each time it is reached counts.
    const part = new Uint8Array(8 << 20);
    await make("too much", [["1:s:a", 1], ["1:s:b", Array(33).fill(part)], ["1:s:c", 3]]);
    await rejects(patch.importPlain("too much"), "LimitExceeded", { message: /at least\): \d+ bytes|takes \d+ bytes.* limit is 268435456/ });
    same(await patch.kv("s").keys(), [], "nothing is imported");
    same([await kv.keys(), await db.count("c")], [["k"], 1]);
    await make("fine", [["1:s:a", 1]]);
    same(await patch.importPlain("fine"), { imported: 1, kept: 0 });
  },
});
