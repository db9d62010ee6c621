/** Lines of JSON in a page: every type on IndexedDB, Files and large Blobs too, through the browser's own streams. */
import { inEveryBrowser } from "./api/harness.mjs";

inEveryBrowser({
  "out and in again, on IndexedDB": async ({ lib, open, same, ok }) => {
    const { bytesOf, large } = await import("/tests/browser/api/blobs.mjs");
    const patch = await open({ backend: "indexeddb" });
    const db = patch.db("d");
    const value = {
      n: [NaN, -0, 1e300, 2n ** 63n, -5n], at: new Date(5), none: undefined, map: new Map([[{ $a: 1 }, new Set(["\ud800", undefined])]]), bytes: new Uint8Array([1, 2]),
      floats: new Float64Array([0.1]), big: new BigUint64Array([5n]), buffer: new ArrayBuffer(3), names: { $date: 1, $patchstore: [] },
    };
    await db.insertMany("from", [
      { _id: "a", value }, { _id: "file", file: new File([large(1)], "n\ud83d\ude00", { type: "a/b", lastModified: 1234 }), blob: new Blob(["small"], { type: "text/plain" }) },
    ]);
    await db.insertMany("from", Array.from({ length: 3000 }, (_, n) => ({ n, text: "é".repeat(100) })));
    // Through a stream that cuts where it likes, by way of a Blob.
    const exported = await new Response(db.exportJsonLines("from")).blob();
    const done = await db.importJsonLines("to", exported);
    same([done.lines, done.inserted], [3002, 3002]);
    const [from, to] = [await db.find("from"), await db.find("to")];
    for (const [at, doc] of from.entries()) if (at !== 1) same(to[at], doc, `document ${at}`);
    const { file, blob } = to[1];
    ok(file instanceof File && file.name === "n\ud83d\ude00" && file.type === "a/b" && file.lastModified === 1234, "File");
    ok((await bytesOf(file, 1)) && (await blob.text()) === "small" && blob.type === "text/plain", "content");
    const again = await new Response(db.exportJsonLines("to")).text();
    ok(again === (await exported.text()), "the same text again");
    // And from one store of pairs to another, as they are read.
    const expires = Date.now() + 1e6;
    await patch.kv("from").setMany(Array.from({ length: 2000 }, (_, n) => [`k${n}`, { n, text: "x".repeat(1000) }, ...(n % 2 ? [{ expires }] : [])]));
    same((await patch.kv("to").importJsonLines(patch.kv("from").exportJsonLines())).inserted, 2000);
    const text = async (kv) => new Response(kv.exportJsonLines()).text();
    ok((await text(patch.kv("to"))) === (await text(patch.kv("from"))), "pairs");
    await patch.close();
    await lib.deletePatchData(patch.id);
  },

  "nesting to the limit": async ({ open, same, ok }) => {
    const patch = await open();
    let deep = 1n;
    for (let level = 1; level < 999; level++) deep = level % 2 ? new Map([[level, deep]]) : [deep];
    await patch.kv("s").set("k", { deep });
    const lines = await new Response(patch.kv("s").exportJsonLines()).text();
    await patch.kv("t").importJsonLines(lines);
    let [is, wanted] = [(await patch.kv("t").get("k")).deep, deep];
    for (let level = 998; level >= 1; level--) {
      ok(is.constructor === wanted.constructor, `level ${level}`);
      [is, wanted] = level % 2 ? [is.get(level), wanted.get(level)] : [is[0], wanted[0]];
    }
    same(is, 1n);
    await patch.close();
  },

  "a bad line: what it is, which it is, and nothing of its batch": async ({ open, same, rejects }) => {
    const patch = await open({ backend: "indexeddb" });
    const db = patch.db("d");
    await rejects(db.importJsonLines("c", new Blob(['{"_id":"a"}\r\n{"a":{"$date":"x"}}\n'])), "InvalidArgument", { line: 2, linesDone: 0, message: /^line 2: / });
    await rejects(db.importJsonLines("c", new Uint8Array([0x7b, 0x7d, 10, 0xff])), "InvalidArgument", { line: 2 });
    await rejects(db.importJsonLines("c", '{"_id":"a"}\n{"_id":"a"}'), "Exists", { line: 2 });
    same(await db.collections(), []);
    await patch.close();
  },
});
