/** Entries with Blobs and Files: handed out with what is in them, encoded, sent on, merged. */
import { inPage } from "./api/harness.mjs";

inPage({
  "Blobs and Files of any size cross the wire both ways, and onward": async ({ lib, open, same, ok, until }) => {
    const { bytesOf, large } = await import("/tests/browser/api/blobs.mjs");
    const file = (seed) => new File([large(seed)], `n\ud83d\ude00${seed}`, { type: "a/b", lastModified: 1234 });
    const nested = (seed) => ({ n: seed, list: [{ file: file(seed) }], map: new Map([[new Blob(["key"]), new Set([new File(["tiny"], "t", { lastModified: 5 })])]]), none: new Blob([]) });
    const isFile = async (found, seed) => {
      ok(found instanceof File && found.type === "a/b" && found.name === `n\ud83d\ude00${seed}` && found.lastModified === 1234, "File");
      ok(await bytesOf(found, seed), `content of ${seed}`);
    };
    const isNested = async ({ n, list, map, none }, seed) => {
      same([n, none instanceof Blob, none.size], [seed, true, 0]);
      await isFile(list[0].file, seed);
      const [[key, set]] = map;
      const [tiny] = set;
      same([await key.text(), await tiny.text(), tiny.name, tiny.lastModified], ["key", "tiny", "t", 5]);
    };
    const write = async (patch, key, seed) => {
      await patch.kv("s").set(`${key} blob`, new Blob([large(seed)], { type: "text/x" }));
      await patch.kv("s").set(`${key} small`, new Blob([new Uint8Array(65_535).fill(seed)], { type: "c/d" }));
      await patch.kv("s").set(`${key} file`, file(seed));
      await patch.node("n").kv.set(`${key} nested`, nested(seed));
      await patch.db("d").insert("c", { _id: `${key} doc`, deep: { value: nested(seed) } });
      await patch.kv("s").set(`${key} plain`, { seed });
    };
    const check = async (patch, key, seed) => {
      const blob = await patch.kv("s").get(`${key} blob`);
      ok(blob instanceof Blob && !(blob instanceof File) && blob.type === "text/x" && (await bytesOf(blob, seed)), "Blob");
      const small = await patch.kv("s").get(`${key} small`);
      ok(small.type === "c/d" && small.size === 65_535 && new Uint8Array(await small.arrayBuffer()).every((byte) => byte === seed), "small");
      await isFile(await patch.kv("s").get(`${key} file`), seed);
      await isNested(await patch.node("n").kv.get(`${key} nested`), seed);
      await isNested((await patch.db("d").findOne("c", `${key} doc`)).deep.value, seed);
      same(await patch.kv("s").get(`${key} plain`), { seed });
    };
    for (const [backend, other] of [["indexeddb", "memory"], ["memory", "indexeddb"]]) {
      const [a, b, c] = [await open({ opLog: true, backend }), await open({ opLog: true, backend: other }), await open({ opLog: true })];
      const heard = [];
      const stop = a.opLog.watch((entry) => heard.push(lib.encodeEntries([entry])));
      await write(a, "a", 1);
      await write(b, "b", 2);
      // One way by pending(), the other by records(); and on to a third by what was decoded.
      const ofA = lib.decodeEntries(lib.encodeEntries(await a.opLog.pending()));
      same((await b.opLog.apply(ofA)).applied, 6);
      const ofB = lib.decodeEntries(lib.encodeEntries(await b.opLog.records()));
      same(ofB.length, 12);
      same((await a.opLog.apply(ofB)).applied, 6);
      same((await c.opLog.apply(lib.decodeEntries(lib.encodeEntries(ofB)))).applied, 12);
      const digests = await Promise.all([a, b, c].map(async (patch) => (await patch.opLog.merkle()).hash));
      same(digests, [digests[0], digests[0], digests[0]]);
      for (const patch of [a, b, c]) {
        await check(patch, "a", 1);
        await check(patch, "b", 2);
      }
      // The same bytes, however often they have gone around.
      same(lib.encodeEntries(await c.opLog.records()), lib.encodeEntries(await a.opLog.records()));
      await until(() => heard.length === 6, "all are heard", 10_000);
      stop();
      same(lib.decodeEntries(heard[2])[0].key, "a file");
      await isFile(lib.decodeEntries(heard[2])[0].value, 1);
      // What is in the log stays as it was written.
      await a.kv("s").set("a blob", 1);
      await a.kv("s").delete("a file");
      const [blob, , logged] = lib.decodeEntries(lib.encodeEntries((await a.opLog.pending()).slice(0, 3)));
      ok(await bytesOf(blob.value, 1), "overwritten");
      await isFile(logged.value, 1);
      for (const patch of [a, b, c]) await patch.close();
    }
  },

  "a Blob of the caller's own is refused with its path, and what has no Blobs costs no reading": async ({ lib, open, same, throws }) => {
    const { large } = await import("/tests/browser/api/blobs.mjs");
    const patch = await open({ opLog: true });
    await patch.kv("s").set("k", { a: [1, 2] });
    let reads = 0;
    const { arrayBuffer } = Blob.prototype;
    Blob.prototype.arrayBuffer = function () {
      reads += 1;
      return arrayBuffer.call(this);
    };
    const entries = await patch.opLog.pending();
    same(reads, 0);
    for (const own of [new Blob(["small"]), new Blob([large(1)]), new File(["x"], "f"), new File([large(1)], "f")]) {
      const mine = { ...entries[0], value: { a: [1, own] } };
      throws(() => lib.encodeEntries([...entries, mine]), "NotStorable", { path: "$[1].value.a[1]" });
    }
    await patch.kv("s").set("k", { blob: new Blob(["small"]) });
    reads = 0;
    const [, logged] = await patch.opLog.pending();
    same(reads, 1);
    throws(() => lib.encodeEntries([structuredClone(logged)]), "NotStorable", { path: "$[0].value.blob" });
    same(lib.decodeEntries(lib.encodeEntries([logged])).length, 1);
  },

  "a Blob that cannot be read leaves its entry as it is, and the others": async ({ lib, open, same, throws, until }) => {
    const { bytesOf, large } = await import("/tests/browser/api/blobs.mjs");
    const patch = await open({ opLog: true, backend: "indexeddb" });
    await patch.kv("s").set("lost", { file: new File([large(1)], "lost") });
    await patch.kv("s").set("there", { file: new File([large(2)], "there") });
    const { arrayBuffer } = Blob.prototype;
    Blob.prototype.arrayBuffer = function () {
      if (this.name === "lost") return Promise.reject(new DOMException("gone", "NotFoundError"));
      return arrayBuffer.call(this);
    };
    const heard = [];
    patch.opLog.watch((entry) => heard.push(entry));
    const [lost, there] = await patch.opLog.pending();
    same([lost.value.file.name, lost.value.file.size], ["lost", large(1).length]);
    throws(() => lib.encodeEntries([there, lost]), "NotStorable", { path: "$[1].value.file" });
    same(await bytesOf(lib.decodeEntries(lib.encodeEntries([there]))[0].value.file, 2), true);
    await patch.kv("s").setMany([["again", { file: new File(["small"], "lost2") }], ["last", 1]]);
    await until(() => heard.length === 2);
    same(heard.map(({ key }) => key), ["again", "last"]);
    // Read again, it goes along.
    Blob.prototype.arrayBuffer = arrayBuffer;
    same(lib.encodeEntries(await patch.opLog.pending()).length > 2 * large(1).length, true);
    await patch.close();
  },

  "a page of more than can be encoded at once is handed out whole, and goes in parts": async ({ lib, open, same, ok, throws }) => {
    const MIB = 1 << 20;
    const patch = await open({ opLog: true, backend: "indexeddb" });
    const part = new Uint8Array(100 * MIB);
    for (let n = 0; n < 3; n++) await patch.kv("s").set(`k${n}`, new Blob([part.fill(n + 1)]));
    const entries = await patch.opLog.pending();
    same(entries.map(({ value }) => value.size), [100 * MIB, 100 * MIB, 100 * MIB]);
    ok(lib.encodeEntries(entries.slice(0, 2)).length > 200 * MIB, "what fits");
    throws(() => lib.encodeEntries(entries.slice(2)), "NotStorable", { path: "$[0].value" });
    const [last] = await patch.opLog.pending({ after: entries[1].id });
    const [decoded] = lib.decodeEntries(lib.encodeEntries([last]));
    same(new Uint8Array(await decoded.value.slice(-1).arrayBuffer()), new Uint8Array([3]));
    await patch.close();
    await lib.deletePatchData(patch.id);
  },
});
