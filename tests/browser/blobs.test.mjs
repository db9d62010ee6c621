/** Large Blobs lie beside their values, in IndexedDB as in memory: nothing is copied through wasm, and they go everywhere. */
import { inPage } from "./api/harness.mjs";

inPage({
  "every way in and out keeps content, type, name and time": async ({ lib, open, same, ok }) => {
    const { bytesOf, large } = await import("/tests/browser/api/blobs.mjs");
    for (const backend of ["memory", "indexeddb"]) {
      const patch = await open({ backend });
      const [kv, db] = [patch.kv("s"), patch.db("s")];
      const blob = (seed) => new Blob([large(seed)], { type: "text/x" });
      const file = (seed) => new File([large(seed)], `n\ud83d\ude00${seed}`, { type: "a/b", lastModified: 1234 });
      const check = async (value, seed) => {
        ok(value.blob instanceof Blob && !(value.blob instanceof File) && value.blob.type === "text/x", "Blob");
        ok(value.file instanceof File && value.file.type === "a/b" && value.file.name === `n\ud83d\ude00${seed}`, "File");
        same(value.file.lastModified, 1234);
        same(await value.small.text(), "small");
        for (const each of [value.blob, value.file]) ok(await bytesOf(each, seed), "content");
      };
      const value = (seed) => ({ blob: blob(seed), small: new Blob(["small"]), file: file(seed), n: seed });
      await kv.set("set", value(1));
      await check(await kv.get("set"), 1);
      await kv.setMany([["many", value(2)], ["plain", 1]]);
      await check(await kv.update("update", () => value(3)), 3);
      await check(await kv.update("set", (old) => ({ ...old, more: true })), 1);
      await patch.transaction(async (tx) => {
        await tx.kv("s").set("tx", value(4));
        await check(await tx.kv("s").get("tx"), 4);
        await tx.kv("s").set("again", await tx.kv("s").get("many"));
      });
      const id = await db.insert("c", value(5));
      const [other] = await db.insertMany("c", [value(6), { n: 0 }]);
      await db.update("c", id, { added: new Blob([large(9)]) });
      await db.replace("c", other, value(7));
      const heard = new Promise((resolve) => kv.watch("watched", resolve));
      await kv.set("watched", value(8));
      await check(await heard, 8);
      await patch.kvObject({ node: "a" }).send({ set: ["k", value(10)] });
      await patch.copyNode("a", "b");
      const look = async (patch) => {
        const [kv, db] = [patch.kv("s"), patch.db("s")];
        for (const [key, seed] of [["set", 1], ["many", 2], ["update", 3], ["tx", 4], ["again", 2], ["watched", 8]]) {
          await check(await kv.get(key), seed);
        }
        same((await kv.get("set")).more, true);
        for (const [, found] of (await kv.entries()).filter(([key]) => key !== "plain")) await check(found, found.n);
        for (const found of await kv.getMany(["set", "many"])) await check(found, found.n);
        for await (const [key, found] of kv.iterate()) if (key !== "plain") await check(found, found.n);
        await check(await patch.node("b").kv.get("k"), 10);
        const found = await db.find("c", {}, { sort: { n: -1 } });
        same(found.map(({ n }) => n), [7, 5, 0]);
        await check(found[0], 7);
        await check(found[1], 5);
        ok(await bytesOf((await db.findOne("c", id)).added, 9));
        const [chosen] = await db.find("c", { n: 5 }, { fields: ["blob", "file", "small"] });
        await check(chosen, 5);
        same((await db.find("c", { blob: chosen.blob })).length, 0, "what is given anew goes by a new name");
      };
      await look(patch);
      if (backend === "memory") {
        await patch.close();
        continue;
      }
      await patch.compact();
      await lib.copyPatch(patch.id, `${patch.id} copy`);
      await patch.close();
      const again = await open({ backend }, patch.id);
      await look(again);
      await again.close();
      await lib.deletePatchData(patch.id);
      const copy = await open({ backend }, `${patch.id} copy`);
      await look(copy);
      await copy.close();
      await lib.deletePatchData(`${patch.id} copy`);
    }
  },

  "one that was read stays readable when its key is overwritten": async ({ lib, open, ok }) => {
    const { bytesOf, large } = await import("/tests/browser/api/blobs.mjs");
    const patch = await open({ backend: "indexeddb" });
    const kv = patch.kv("s");
    await kv.set("k", new Blob([large(1)]));
    const held = await kv.get("k");
    for (let n = 0; n < 12; n++) {
      await kv.set("k", new Blob([large(2)]));
      await patch.compact();
    }
    ok(await bytesOf(held, 1));
    await patch.close();
    await lib.deletePatchData(patch.id);
    ok(await bytesOf(held, 1));
  },

  "where the storage refuses Blobs, or loses them, they go as bytes": async ({ lib, open, ok }) => {
    const { bytesOf, large } = await import("/tests/browser/api/blobs.mjs");
    const { put } = IDBObjectStore.prototype;
    const refuse = () => {
      throw new DOMException("expected by a test", "DataCloneError");
    };
    // As WebKit does where it keeps databases in memory.
    const lose = ([bytes]) => [bytes];
    for (const instead of [refuse, lose]) {
      IDBObjectStore.prototype.put = function (value, key) {
        return put.call(this, Array.isArray(value) ? instead(value) : value, key);
      };
      const patch = await open({ backend: "indexeddb" });
      const kv = patch.kv("s");
      await kv.set("k", { blob: new Blob([large(1)], { type: "a/b" }), file: new File([large(2)], "name", { lastModified: 7 }), when: new Date(5) });
      await patch.close();
      IDBObjectStore.prototype.put = put;
      const again = await open({ backend: "indexeddb" }, patch.id);
      const { blob, file, when } = await again.kv("s").get("k");
      ok(blob.type === "a/b" && file.name === "name" && file.lastModified === 7 && when.getTime() === 5);
      ok((await bytesOf(blob, 1)) && (await bytesOf(file, 2)));
      await again.close();
      await lib.deletePatchData(patch.id);
    }
  },

  "one that cannot be read is refused, and nothing else": async ({ lib, open, ok, rejects, same }) => {
    const { large } = await import("/tests/browser/api/blobs.mjs");
    const patch = await open({ backend: "indexeddb" });
    const kv = patch.kv("s");
    const bad = new Blob([large(1)]);
    bad.slice = () => ({ size: 1, arrayBuffer: () => Promise.reject(new DOMException("gone", "NotReadableError")) });
    const calls = [kv.set("a", 1), rejects(kv.set("bad", { at: [bad] }), "NotStorable", { path: "$.at[0]" }), kv.set("b", 2)];
    await Promise.all(calls);
    same(await kv.keys(), ["a", "b"]);
    await patch.close();
    await lib.deletePatchData(patch.id);
  },
});
