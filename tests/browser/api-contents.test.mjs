/** Contents: put once, held by references, streamed, collected. */
import { inEveryBrowser } from "./api/harness.mjs";

inEveryBrowser({
  "bytes, Blobs and streams are put once, and come back": async ({ open, same, ok, lib, random, shaOf, bytesOf }) => {
    const patch = await open({ backend: "indexeddb" });
    const next = random(1);
    const make = (count) => Uint8Array.from({ length: count }, () => next() * 256);
    const sizes = [0, 1, 11, 12, 13, 65_536, 262_143, 262_144, 1_044_481, 3_000_000, 4_194_304, 4_194_305, 9_000_000];
    for (const size of sizes) {
      const bytes = make(size);
      if (size > 2) bytes.set(size % 2 ? [0xc5] : [2, 4]);
      const hash = await shaOf(bytes);
      const parts = [];
      for (let at = 0; at < size; at += 70_001) parts.push(bytes.subarray(at, at + 70_001));
      const stream = () => new ReadableStream({ pull: (controller) => (parts.length > 0 ? controller.enqueue(parts.shift()) : controller.close()) });
      for (const [what, data, type] of [
        ["bytes", bytes, ""],
        ["buffer", bytes.slice().buffer, ""],
        ["Blob", new Blob([bytes], { type: "image/png" }), "image/png"],
        ["File", new File([bytes], "f", { type: "text/x" }), "text/x"],
        ["stream", stream(), ""],
      ]) {
        const heard = [];
        const ref = await patch.blobs.put(data, { onProgress: (done) => heard.push(done) });
        ok(ref instanceof lib.BlobRef, what);
        same({ ...ref }, { hash, size, type }, `${what} of ${size}`);
        same(heard.at(-1) ?? 0, size, what);
        same(await shaOf(await bytesOf(patch.blobs.get(ref))), hash, `${what} of ${size}`);
        same((await patch.blobs.get(ref)).type, type);
        same((await patch.blobs.get(hash)).type, "");
      }
      same(await patch.blobs.stat(hash), { size, held: false });
      same({ ...(await patch.blobs.ref(hash)) }, { hash, size, type: "" });
      same([await patch.blobs.has(hash), await patch.blobs.has(hash.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")))], [true, false]);
    }
    const listed = [];
    for await (const each of patch.blobs.list()) listed.push(each);
    same(listed.map(({ size }) => size).toSorted((a, b) => a - b), sizes);
    same(listed.map(({ hash }) => hash), listed.map(({ hash }) => hash).toSorted());
    const { blobBytes } = await patch.stats();
    const stored = sizes.reduce((sum, size) => sum + size, 0);
    ok(blobBytes >= stored && blobBytes < stored + 4_000, `${blobBytes} for ${stored}`);
    await patch.close();
  },

  "a reference is a value like any other": async ({ open, same, ok, lib, rejects }) => {
    const patch = await open();
    const [a, b] = [await patch.blobs.put(new Blob(["a"], { type: "text/plain" })), await patch.blobs.put(new TextEncoder().encode("b"))];
    const value = { a, list: [a, b, null], map: new Map([[a, b]]), set: new Set([b]), late: undefined };
    await patch.kv("s").set("k", value);
    const found = await patch.kv("s").get("k");
    same(found, value);
    ok(found.a instanceof lib.BlobRef && Object.isFrozen(found.a), "a class of its own");
    same((await patch.kv("s").get("k")).a, a, "again, from a copy");
    const db = patch.db("d");
    await db.insertMany("c", [{ _id: "1", file: a, n: 1 }, { _id: "2", file: b, n: 2 }, { _id: "3", n: 3 }]);
    same((await db.find("c", { file: a })).map(({ _id }) => _id), ["1"]);
    same((await db.find("c", { file: lib.BlobRef.from({ ...a, type: "other", size: 1 }) })).map(({ _id }) => _id), ["1"], "by the hash alone");
    await db.createIndex("c", "file");
    same((await db.explain("c", { file: b })).kind, "index");
    same((await db.find("c", { file: b })).map(({ file, _id }) => [file, _id]), [[b, "2"]]);
    same((await db.find("c", {}, { sort: { file: 1 } })).map(({ _id }) => _id), ["3", ...[["1", a], ["2", b]].toSorted(([, x], [, y]) => (x.hash < y.hash ? -1 : 1)).map(([id]) => id)]);
    same((await db.distinct("c", "file", { file: { $exists: true } })).toSorted((x, y) => (x.hash < y.hash ? -1 : 1)), [a, b].toSorted((x, y) => (x.hash < y.hash ? -1 : 1)));
    await db.update("c", "1", { n: 9 });
    same((await db.findOne("c", { _id: "1" })).file, a);
    await patch.transaction(async (tx) => {
      await tx.kv("s").set("t", b);
      same([await tx.blobs.has(b), await tx.blobs.stat(b)], [true, { size: 1, held: true }]);
    });
    same(lib.BlobRef.from(JSON.parse(JSON.stringify(a))), a);
    same(lib.BlobRef.from(structuredClone(a)), a);
    await patch.kv("s").set("restored", lib.BlobRef.from(structuredClone(a)));
    await patch.kv("s").set("plain", { ...a });
    same(await patch.kv("s").get("plain"), { ...a }, "a plain object stays one");
    await patch.meta.set("m", { a });
    same(await patch.meta.get("m"), { a });
    // What is not here cannot be referred to, nor what is of another size.
    const nowhere = lib.BlobRef.from({ hash: "0".repeat(64), size: 3, type: "" });
    await rejects(patch.kv("s").set("x", { deep: [1, { "a b": nowhere }] }), "NotStorable", { path: '$.deep[1]["a b"]', message: /not in this patch/ });
    await rejects(db.insert("c", { file: nowhere }), "NotStorable", { path: "$.file" });
    await rejects(db.update("c", "1", { file: nowhere }), "NotStorable");
    await rejects(patch.kv("s").set("x", lib.BlobRef.from({ ...a, size: 2 })), "NotStorable", { message: /another size/ });
    same([await patch.kv("s").has("x"), (await db.find("c", {})).length], [false, 3]);
    await patch.close();
  },

  "what nothing holds goes, and nothing else": async ({ open, same, ok, lib, clock, rejects }) => {
    const patch = await open({ backend: "indexeddb" });
    const [kv, db] = [patch.kv("s"), patch.db("d")];
    const bytes = (n) => new Uint8Array(200_000).fill(n);
    const refs = [];
    for (let n = 0; n < 8; n++) refs.push(await patch.blobs.put(bytes(n)));
    const here = async () => (await Promise.all(refs.map((ref) => patch.blobs.has(ref)))).map(Number).join("");
    await kv.set("0", refs[0]);
    await kv.set("0 again", [refs[0]]);
    await db.insert("c", { _id: "1", file: refs[1] });
    await db.insert("c", { _id: "2", files: new Set([refs[2]]) });
    await patch.node("n").kv.set("3", refs[3]);
    await patch.copyNode("n", "m");
    await kv.set("4", refs[4], { ttl: 60_000 });
    await kv.set("5", { more: refs[5], large: "x".repeat(200_000) });
    await patch.meta.set("6", refs[6]);
    await patch.compact();
    same(await here(), "11111111", "held, or put within the hour");
    await kv.delete("0");
    await db.delete("c", "1");
    await db.update("c", "2", { files: [refs[2], 1] });
    await patch.deleteNode("n");
    await kv.update("5", (old) => ({ ...old, more: 1 }));
    await patch.compact();
    same(await here(), "10111011");
    same([(await patch.blobs.stat(refs[2])).held, (await patch.blobs.stat(refs[7])).held], [true, false]);
    await rejects(kv.set("gone", refs[1]), "NotStorable");
    const before = (await patch.stats()).blobBytes;
    await kv.clear();
    await db.drop("c");
    await patch.deleteNode("m");
    await patch.meta.delete("6");
    await patch.compact();
    same(await here(), "00000001");
    const after = (await patch.stats()).blobBytes;
    ok(before > 1_000_000 && after < 210_000, `${before} ${after}`);
    clock.move(3_600_001);
    await patch.compact();
    same(await here(), "00000000");
    same((await patch.stats()).blobBytes, 0);
    // It can be put again.
    same(await patch.blobs.put(bytes(1)), refs[1]);
    await kv.set("1", refs[1]);
    clock.move(-3_600_001);
    await patch.compact();
    same(await patch.blobs.has(refs[1]), true);
    await patch.close();
  },

  "what nothing holds makes room for a write": async ({ open, same, clock, rejects }) => {
    const patch = await open({ backend: "indexeddb", quota: { maxBytes: 3_000_000 } });
    const kv = patch.kv("s");
    const bytes = (n) => crypto.getRandomValues(new Uint8Array(65_536)).fill(n, 0, 1);
    const large = (n) => Array.from({ length: 20 }, () => bytes(n));
    const [held, loose] = [await patch.blobs.put(new Blob(large(1))), await patch.blobs.put(new Blob(large(2)))];
    await kv.setMany([["held", held], ["loose", loose]]);
    clock.move(2 * 3_600_000);
    await rejects(kv.set("new", large(3)), "StorageQuotaExceeded");
    await kv.delete("loose");
    // (At once: who has just made room by deleting is not told to wait.)
    await kv.set("new", large(3));
    same([await patch.blobs.has(held), await patch.blobs.has(loose)], [true, false]);
    clock.move(-2 * 3_600_000);
    await patch.close();
  },

  "many Blobs at once are read within one room": async ({ open, ok, same }) => {
    const patch = await open({ backend: "indexeddb" });
    const blobs = Array.from({ length: 24 }, (_, n) => new Blob([new Uint8Array(6 << 20).fill(n)]));
    const { arrayBuffer } = Blob.prototype;
    let [underWay, most] = [0, 0];
    Blob.prototype.arrayBuffer = function () {
      if (blobs.includes(this)) most = Math.max(most, (underWay += this.size));
      return arrayBuffer.call(this);
    };
    try {
      const refs = await Promise.all(blobs.map(async (blob) => {
        const ref = await patch.blobs.put(blob);
        underWay -= blob.size;
        return ref;
      }));
      same(new Set(refs.map(({ hash }) => hash)).size, blobs.length);
    } finally {
      Blob.prototype.arrayBuffer = arrayBuffer;
    }
    ok(most >= 6 << 20 && most <= 38 << 20, `${most} bytes were under way`);
    await patch.close();
  },

  "a part is streamed, and no more is read than it lies in": async ({ open, same, ok, shaOf, bytesOf, rejects }) => {
    const patch = await open({ backend: "indexeddb" });
    const bytes = Uint8Array.from({ length: 5_000_000 }, (_, n) => (n * 7 + (n >> 8)) & 255);
    const ref = await patch.blobs.put(bytes);
    same(ref.hash, await shaOf(bytes));
    for (const [start, end] of [[0, undefined], [undefined, 10], [1_044_470, 1_044_490], [4_194_300, 4_194_310], [4_194_304, 4_194_305], [4_999_999, undefined], [5_000_000, undefined], [3, 3], [10, 9_000_000], [6_000_000, 7_000_000]]) {
      const stream = await patch.blobs.stream(ref, { start, end });
      const found = await bytesOf(new Response(stream).blob());
      same([found.length, await shaOf(found)], [bytes.slice(start, end).length, await shaOf(bytes.slice(start, end))], `${start} ${end}`);
    }
    same(await patch.blobs.stream("0".repeat(64)), undefined);
    const reader = (await patch.blobs.stream(ref)).getReader();
    // (The latter where the storage takes no Blobs.)
    ok([4_194_304, 1_044_480].includes((await reader.read()).value.length), "a piece");
    await reader.cancel();
    await rejects(patch.blobs.stream(ref, { start: 5, end: 4 }), "InvalidArgument");
    await rejects(patch.blobs.stream(ref, { start: -1 }), "InvalidArgument");
    await patch.close();
  },

  "large ones lie in Blobs, which are checked": async ({ open, same, lib, ok, rejects, bytesOf, shaOf }) => {
    const id = `beside-${Math.random()}`;
    const patch = await open({ backend: "indexeddb" }, id);
    const bytes = Uint8Array.from({ length: 9_000_000 }, (_, n) => (n * 7 + (n >> 8) + (n >> 22)) & 255);
    const ref = await patch.blobs.put(bytes);
    await patch.kv("s").set("k", ref);
    // (Open, it knows the Blobs that it has read.)
    await patch.close();
    const sizes = [4_194_304, 4_194_304, 9_000_000 - 2 * 4_194_304];
    const asked = (request) => new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const database = await asked(indexedDB.open(`patchstore_${id}`));
    const store = (mode) => database.transaction("blobs", mode).objectStore("blobs");
    const keys = await asked(store("readonly").getAllKeys());
    const records = await asked(store("readonly").getAll());
    const isBeside = records.every((record) => Array.isArray(record) && record[1] instanceof Blob);
    // (Where the storage takes no Blobs, they are bytes.)
    if (isBeside) {
      same(records.map(([, blob]) => blob.size).toSorted((a, b) => b - a), sizes);
      ok(records.every(([about]) => about.length < 100), "nothing else is in the record");
      const [first, second] = keys.filter((_, n) => records[n][1].size === sizes[0]);
      const [one, other] = [first, second].map((key) => records[keys.indexOf(key)]);
      const changed = new Uint8Array(await one[1].arrayBuffer());
      changed[4_000_000] ^= 1;
      for (const [what, blob] of [["one byte", new Blob([changed])], ["the other one", other[1]], ["a shorter one", new Blob([changed.subarray(1)])]]) {
        await asked(store("readwrite").put([one[0], blob], first));
        const fresh = await open({ backend: "indexeddb" }, id);
        await rejects(fresh.blobs.get(ref), "Corrupt", {}, what);
        const read = (await fresh.blobs.stream(ref)).getReader();
        const all = (async () => {
          while (!(await read.read()).done);
        })();
        await rejects(all, "Corrupt", {}, what);
        await fresh.close();
      }
      await asked(store("readwrite").put(one, first));
    }
    database.close();
    const whole = await open({ backend: "indexeddb" }, id);
    same(await shaOf(await bytesOf(whole.blobs.get(ref))), ref.hash);
    await whole.close();
    // A copy has them, too; what is encrypted has none beside, and an archive neither.
    const key = { key: new Uint8Array(32).fill(3) };
    await lib.copyPatch(id, `${id} copy`);
    await lib.copyPatch(id, `${id} sealed`, { to: key });
    await lib.importPatch(`${id} again`, await lib.exportPatch(id));
    for (const [name, encryption] of [[`${id} copy`], [`${id} sealed`, key], [`${id} again`]]) {
      const copy = await open({ backend: "indexeddb", encryption }, name);
      same(await shaOf(await bytesOf(copy.blobs.get(await copy.kv("s").get("k")))), ref.hash, name);
      same(await copy.blobs.stat(ref), { size: 9_000_000, held: true });
      same(await shaOf(await bytesOf(new Response(await copy.blobs.stream(ref, { start: 4_000_000, end: 5_000_000 })).blob())), await shaOf(bytes.slice(4_000_000, 5_000_000)));
      await copy.kv("s").delete("k");
      await copy.compact();
      same((await copy.stats()).blobBytes, 0);
      await copy.close();
    }
  },

  "URLs are one for each content, until they are revoked": async ({ open, same, ok }) => {
    const patch = await open();
    const ref = await patch.blobs.put(new Blob(["some text"], { type: "text/plain" }));
    const [one, two] = await Promise.all([patch.blobs.url(ref), patch.blobs.url(ref)]);
    same(one, two);
    same(await (await fetch(one)).text(), "some text");
    patch.blobs.revoke(ref);
    const again = await patch.blobs.url(ref.hash);
    ok(again !== one, "another one");
    const fetched = (url) => fetch(url).then(() => true, () => false);
    same([await fetched(one), await fetched(again)], [false, true]);
    same(await patch.blobs.url("0".repeat(64)), undefined);
    await patch.close();
    same(await fetched(again), false);
  },

  "what fails leaves nothing": async ({ open, same, rejects, rejectsWith, lib, shaOf }) => {
    const patch = await open({ backend: "indexeddb" });
    const bytes = new Uint8Array(3_000_000).fill(7);
    const hash = await shaOf(bytes);
    const count = async () => {
      let count = 0;
      for await (const _ of patch.blobs.list()) count += 1;
      return [count, (await patch.stats()).blobBytes];
    };
    const broken = new Error("the source broke");
    let pulls = 0;
    const stream = () => new ReadableStream({ pull: (controller) => (pulls++ < 30 ? controller.enqueue(new Uint8Array(100_000)) : controller.error(broken)) });
    await rejectsWith(patch.blobs.put(stream()), broken);
    await rejects(patch.blobs.put(bytes, { expect: "0".repeat(64) }), "InvalidArgument", { message: new RegExp(hash) });
    same(await count(), [0, 0]);
    const aborter = new AbortController();
    const reason = new Error("no longer wanted");
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(500_000)) });
    const putting = patch.blobs.put(endless, { signal: aborter.signal, onProgress: (done) => done > 2_000_000 && aborter.abort(reason) });
    await rejectsWith(putting, reason);
    same(await count(), [0, 0]);
    await rejectsWith(patch.blobs.put(bytes, { signal: AbortSignal.abort(reason) }), reason);
    for (const data of [1, null, undefined, "text", {}, new ReadableStream({ start: (controller) => controller.enqueue("text") })]) {
      await rejects(patch.blobs.put(data), "InvalidArgument");
    }
    const locked = new ReadableStream();
    locked.getReader();
    await rejects(patch.blobs.put(locked), "InvalidArgument", { message: /being read/ });
    for (const options of [{ type: 1 }, { expect: "ab" }, { expect: hash.toUpperCase() }, { onProgress: 1 }, { what: 1 }]) {
      await rejects(patch.blobs.put(bytes, options), "InvalidArgument");
    }
    for (const blob of [undefined, null, "ab", 1, { hash, size: 3, type: "" }]) {
      for (const call of ["get", "stream", "url", "has", "stat"]) await rejects(patch.blobs[call](blob), "InvalidArgument", {}, call);
    }
    for (const like of [undefined, {}, { hash, size: 1 }, { hash: "A".repeat(64), size: 1, type: "" }, { hash, size: -1, type: "" }, { hash, size: 1, type: 1 }]) {
      let refused;
      try {
        lib.BlobRef.from(like);
      } catch (error) {
        refused = error;
      }
      same([refused?.code, refused instanceof lib.PatchStoreError], ["InvalidArgument", true]);
    }
    same(await count(), [0, 0]);
    same((await patch.blobs.put(bytes, { expect: hash })).hash, hash);
    // Closing ends what is being put.
    const late = patch.blobs.put(new ReadableStream({ pull: () => new Promise(() => {}) }));
    const closed = rejects(late, "Closed");
    await patch.close();
    await closed;
  },

  "an encrypted patch has them, too, and so has a copy": async ({ open, same, lib, bytesOf, shaOf }) => {
    const id = `contents-${Math.random()}`;
    const key = { key: new Uint8Array(32).fill(3) };
    const patch = await open({ backend: "indexeddb", encryption: key }, id);
    const bytes = new Uint8Array(2_500_000).fill(9);
    const ref = await patch.blobs.put(bytes);
    await patch.kv("s").set("k", ref);
    await patch.close();
    await lib.copyPatch(id, `${id} copy`, { from: key, to: key });
    await lib.decryptPatch(`${id} copy`, key);
    for (const [name, encryption] of [[id, key], [`${id} copy`, undefined]]) {
      const again = await open({ backend: "indexeddb", encryption }, name);
      const found = await again.kv("s").get("k");
      same(found, ref);
      same(await shaOf(await bytesOf(again.blobs.get(found))), ref.hash);
      await again.compact();
      same(await again.blobs.stat(ref), { size: 2_500_000, held: true });
      await again.kv("s").delete("k");
      await again.compact();
      same(await again.blobs.has(ref), false);
      await again.close();
    }
  },

  "writes of another device may refer to what is yet to come": async ({ open, same, lib, bytesOf, rejects }) => {
    const [a, b] = [await open({ opLog: true }), await open({ opLog: true })];
    const bytes = new Uint8Array(100_000).fill(5);
    const ref = await a.blobs.put(bytes);
    await a.kv("s").set("k", { ref });
    await a.db("d").insert("c", { _id: "x", file: ref });
    const entries = await a.opLog.pending();
    same(entries.map(({ value }) => value.ref ?? value.file), [ref, ref]);
    const sent = lib.decodeEntries(lib.encodeEntries(entries));
    same((await b.opLog.apply(sent)).applied, 2);
    same(await b.kv("s").get("k"), { ref });
    same(await b.blobs.get(ref), undefined);
    same(await b.blobs.stat(ref), undefined);
    // Such records can be changed, but no others take the reference up.
    await b.db("d").update("c", "x", { n: 1 });
    await b.kv("s").set("k", { ref, again: true });
    await rejects(b.kv("s").set("other", ref), "NotStorable");
    same(await b.blobs.put(await a.blobs.get(ref), { expect: ref.hash }), ref);
    await b.compact();
    same(await b.blobs.stat(ref), { size: 100_000, held: true });
    same(await bytesOf(b.blobs.get((await b.kv("s").get("k")).ref)), bytes);
    await b.kv("s").clear();
    await b.db("d").drop("c");
    await b.compact();
    same((await b.blobs.stat(ref))?.held, false, "put within the hour");
    await a.close();
    await b.close();
  },
});
