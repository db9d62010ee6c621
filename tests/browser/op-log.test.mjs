import { inPage } from "./api/harness.mjs";

inPage({
  "every write of a record has its entry, numbers and stamps ascend, and nothing else has": async ({ open, same, ok }) => {
    const patch = await open({ opLog: true });
    const kv = patch.kv("s");
    const db = patch.db("d");
    await kv.set("a", { n: 1 });
    await kv.setMany([["b", new Uint8Array([1, 2])], ["c", "x".repeat(5_000)]]);
    await patch.node("n").kv.set("own", 1n);
    const id = await db.insert("notes", { text: "one", gone: undefined });
    await db.update("notes", id, { text: "two" });
    await kv.update("a", (old) => ({ n: old.n + 1 }));
    same(await kv.delete("missing"), false);
    await kv.delete("b");
    await db.delete("notes", id);
    await kv.clear();
    const entries = await patch.opLog.pending();
    const said = entries.map(({ op, target: { kind, scope, collection }, key }) => [op, kind, scope.node ?? scope.name, collection, key === id ? "id" : key]);
    same(said, [
      ["PUT", "kv", "s", undefined, "a"],
      ["PUT", "kv", "s", undefined, "b"],
      ["PUT", "kv", "s", undefined, "c"],
      ["PUT", "kv", "n", undefined, "own"],
      ["PUT", "db", "d", "notes", "id"],
      ["PUT", "db", "d", "notes", "id"],
      ["PUT", "kv", "s", undefined, "a"],
      ["REMOVE", "kv", "s", undefined, "b"],
      ["REMOVE", "db", "d", "notes", "id"],
      ["REMOVE", "kv", "s", undefined, "a"],
      ["REMOVE", "kv", "s", undefined, "c"],
    ]);
    same([entries[0].value, [...entries[1].value], entries[2].value.length, entries[3].value], [{ n: 1 }, [1, 2], 5_000, 1n]);
    same([entries[5].value._id, entries[5].value.text, Object.hasOwn(entries[5].value, "gone")], [id, "two", true]);
    same(Object.hasOwn(entries[7], "value"), false);
    for (let at = 1; at < entries.length; at++) {
      ok(entries[at - 1].id < entries[at].id && entries[at - 1].hlc < entries[at].hlc, `${at}`);
    }
    ok(entries.every(({ hlc }) => /^[0-9a-f]{17}/.test(hlc) && hlc.endsWith(patch.opLog.deviceId)), "stamps");
    ok(patch.opLog.now() > entries.at(-1).hlc, "now");
    same(await patch.opLog.count(), entries.length);
    same((await patch.opLog.pending({ after: entries[3].id, limit: 2 })).map(({ id }) => id), [entries[4].id, entries[5].id]);
  },

  "what is marked is no longer pending, what is pruned is gone, and no number comes twice": async ({ open, same, ok }) => {
    const id = `reopened-${Math.random()}`;
    const patch = await open({ opLog: true }, id);
    const { opLog } = patch;
    const { deviceId } = opLog;
    const kv = patch.kv("s");
    for (const key of ["a", "b", "c", "d"]) await kv.set(key, key);
    const ids = (await opLog.pending()).map(({ id }) => id);
    same(await opLog.markSynced([ids[1], ids[1], 12345]), 1);
    same(await opLog.markSynced(ids[0]), 1);
    same((await opLog.pending()).map(({ key }) => key), ["c", "d"]);
    same(await opLog.prune([ids[2]]), 1);
    same(await opLog.prune(ids[1]), 2);
    same(await opLog.prune(Infinity), 1);
    same(await opLog.count(), 0);
    // Marked by their ids, the newest too, and pruned up to that one.
    await kv.setMany([["x", 1], ["y", 2]]);
    const both = (await opLog.pending()).map(({ id }) => id);
    same([await opLog.markSynced(both), await opLog.prune(both[1]), await opLog.prune(both)], [2, 2, 0]);
    await kv.set("e", 1);
    const [last] = await opLog.pending();
    ok(last.id > ids[3], "ascends");
    await patch.close();
    const again = await open({}, id);
    await again.kv("s").set("f", 1);
    const found = await again.opLog.pending();
    same(found.map(({ key }) => key), ["e", "f"]);
    same([again.opLog.deviceId, last.hlc.slice(17)], [deviceId, deviceId]);
  },

  "what is no number of an entry is neither marked nor pruned": async ({ open, same, rejects }) => {
    const patch = await open({ opLog: true });
    const { opLog } = patch;
    for (const key of ["a", "b", "c"]) await patch.kv("s").set(key, 1);
    const ids = (await opLog.pending()).map(({ id }) => id);
    for (const wrong of [ids[2] + 0.5, 3.5, -0.5, NaN, "1", 1n, null, undefined, [ids[0], ids[1] + 0.25], [NaN], ["1"]]) {
      await rejects(opLog.markSynced(wrong), "InvalidArgument", {}, `marked: ${wrong}`);
      await rejects(opLog.prune(wrong), "InvalidArgument", {}, `pruned: ${wrong}`);
    }
    same((await opLog.pending()).map(({ id }) => id), ids);
    // What is whole is taken, though no entry has that number, and however large it is.
    same([await opLog.markSynced(-1), await opLog.prune(-Infinity), await opLog.prune([2 ** 32 + 1, Number.MAX_SAFE_INTEGER, 1e300])], [0, 0, 0]);
    same([await opLog.markSynced(ids[0]), await opLog.markSynced([ids[1]]), await opLog.prune(Number.MAX_SAFE_INTEGER)], [1, 1, 3]);
  },

  "without the op-log its calls are refused, and what is switched on stays on for all": async ({ open, same, rejects, throws }) => {
    const id = `switched-${Math.random()}`;
    const plain = await open({}, id);
    await plain.kv("s").set("old", 1);
    for (const call of [() => plain.opLog.pending(), () => plain.opLog.count(), () => plain.opLog.apply([]), () => plain.opLog.merkle()]) {
      await rejects(call(), "InvalidArgument", { message: /opLog: true/ });
    }
    throws(() => plain.opLog.deviceId, "InvalidArgument");
    throws(() => plain.opLog.watch(() => {}), "InvalidArgument");
    const logged = await open({ opLog: true }, id);
    await plain.kv("s").set("new", 2);
    same((await logged.opLog.pending()).map(({ key }) => key), ["new"]);
    same((await logged.opLog.records()).map(({ key }) => key).sort(), ["new", "old"]);
  },

  "two patches find their few differences by digests": async ({ open, same, ok }) => {
    const [a, b] = [await open({ opLog: true }), await open({ opLog: true })];
    const count = 3_000;
    await a.kv("s").setMany(Array.from({ length: count }, (_, n) => [`k${n}`, { n }]));
    // A new device starts from nothing by records alone, in pages.
    let after;
    for (;;) {
      const page = await a.opLog.records("", { after, limit: 500 });
      if (page.length === 0) break;
      await b.opLog.apply(page);
      after = page.at(-1).key;
    }
    same((await a.opLog.merkle()).hash, (await b.opLog.merkle()).hash);
    same(await b.kv("s").count(), count);
    for (let n = 0; n < 10; n++) await a.kv("s").set(`k${n * 100}`, "changed");
    let trips = 0;
    const differing = async (path) => {
      trips += 1;
      const [mine, theirs] = [await b.opLog.merkle(path), await a.opLog.merkle(path)];
      if (mine.hash === theirs.hash) return [];
      const paths = Object.keys(theirs.children);
      if (paths.length === 0) return [path];
      return (await Promise.all(paths.filter((each) => mine.children[each] !== theirs.children[each]).map(differing))).flat();
    };
    const leaves = await differing("");
    ok(leaves.length > 0 && leaves.length <= 10 && trips <= 30, `${leaves.length} leaves, ${trips} trips`);
    for (const leaf of leaves) await b.opLog.apply(await a.opLog.records(leaf));
    same((await a.opLog.merkle()).hash, (await b.opLog.merkle()).hash);
    same(await b.kv("s").get("k300"), "changed");
    same(await b.opLog.count(), 0);
  },

  "the last writer wins, whatever comes first, and removals stay": async ({ open, same }) => {
    const [a, b] = [await open({ opLog: true }), await open({ opLog: true })];
    await a.kv("s").set("k", "from a");
    await b.kv("s").set("k", "from b");
    const [ofA, ofB] = [await a.opLog.pending(), await b.opLog.pending()];
    const first = await a.opLog.apply([...ofB, ...ofB]);
    const second = await b.opLog.apply(ofA);
    same(first.applied + second.applied, 1);
    same(await a.kv("s").get("k"), await b.kv("s").get("k"));
    await a.kv("s").delete("k");
    const removal = (await a.opLog.pending()).at(-1);
    same((await b.opLog.apply([removal])).applied, 1);
    same((await b.opLog.apply(ofA)).applied, 0);
    same(await b.kv("s").has("k"), false);
    same((await a.opLog.merkle()).hash, (await b.opLog.merkle()).hash);
    same(await a.opLog.collectTombstones(a.opLog.now()), 1);
    const refused = await a.opLog.apply(ofB);
    same([refused.applied, refused.refused], [0, [{ hlc: ofB[0].hlc, why: "floor" }]]);
  },

  "an entry with a bad stamp is refused by name, and the others are applied; what is none refuses all": async ({ open, same, rejects }) => {
    const patch = await open({ opLog: true });
    const target = { kind: "kv", scope: { name: "s" } };
    const stamp = (ms) => ms.toString(16).padStart(12, "0") + "00000other";
    const now = Date.now();
    const good = { op: "PUT", target, key: "good", value: 1, hlc: stamp(now) };
    const { applied, refused } = await patch.opLog.apply([
      { ...good, key: "ahead", hlc: stamp(now + 7_200_000) },
      good,
      { ...good, key: "versioned", version: 3 },
    ]);
    same([applied, refused.map(({ why }) => why)], [1, ["clock", "version"]]);
    for (const wrong of [
      null, 7, {}, { ...good, op: "SET" }, { ...good, hlc: "x" }, { ...good, target: { kind: "kv" } }, { ...good, key: 5 },
      { ...good, target: { kind: "db", scope: { name: "s" } } }, { ...good, value: undefined }, { ...good, expires: -1 },
      { ...good, target: { kind: "db", scope: { name: "s" }, collection: "c" }, value: { _id: "x" } },
    ]) {
      await rejects(patch.opLog.apply([{ ...good, key: "also" }, wrong]), "InvalidArgument", {}, JSON.stringify(wrong));
    }
    same(await patch.kv("s").has("also"), false);
    // What is written here after an applied entry is later than it.
    await patch.kv("s").set("good", 2);
    same((await patch.opLog.apply([good])).applied, 0);
  },

  "a watch is told each entry once, in order, of every handle": async ({ open, same, until, sleep }) => {
    const patch = await open({ opLog: true });
    await patch.kv("s").set("before", 0);
    const heard = [];
    const stop = patch.opLog.watch(({ key }) => heard.push(key));
    await patch.kv("s").set("a", 1);
    await patch.kv("s").setMany([["b", 1], ["c", 1]]);
    await patch.opLog.markSynced(Infinity);
    await until(() => heard.length >= 3);
    await sleep(50);
    same(heard, ["a", "b", "c"]);
    stop();
    await patch.kv("s").set("d", 1);
    await sleep(100);
    same(heard, ["a", "b", "c"]);
  },

  "entries cross a wire as they are": async ({ open, same, ok, lib }) => {
    const patch = await open({ opLog: true });
    const value = { u: undefined, n: [NaN, -0, Infinity], big: 12n ** 40n, date: new Date(5), bytes: new Uint8Array([1, 2]), map: new Map([[{ a: 1 }, new Set(["x"])]]), lone: "\ud800" };
    await patch.kv("s\ud800").set("k\0", value);
    await patch.kv("s\ud800").delete("k\0");
    const entries = (await patch.opLog.pending()).map(({ id, ...entry }) => entry);
    const bytes = lib.encodeEntries(entries);
    same(lib.decodeEntries(bytes), entries);
    const fails = (bytes) => {
      try {
        lib.decodeEntries(bytes);
        return "decoded";
      } catch (error) {
        return error.code ?? String(error);
      }
    };
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] ^= 1 << at % 8;
      ok(["Corrupt", "UnsupportedFormat"].includes(fails(changed)), `${at}: ${fails(changed)}`);
      same(fails(bytes.slice(0, at)), "Corrupt");
    }
    same(fails("text"), "InvalidArgument");
  },

  "a copy of the patch is a device of its own with the same digests, and nothing pending": async ({ open, same, ok, lib }) => {
    const [id, to] = [`source-${Math.random()}`, `copy-${Math.random()}`];
    const patch = await open({ opLog: true, backend: "indexeddb" }, id);
    await patch.kv("s").setMany([["a", 1], ["b", 2]]);
    const { hash } = await patch.opLog.merkle();
    await lib.copyPatch(id, to);
    const copy = await open({ backend: "indexeddb" }, to);
    same([(await copy.opLog.merkle()).hash, await copy.opLog.count()], [hash, 0]);
    ok(copy.opLog.deviceId !== patch.opLog.deviceId, "device");
    const [of, as] = [(await patch.opLog.records()).map(({ hlc }) => hlc), (await copy.opLog.records()).map(({ hlc }) => hlc)];
    same(of, as);
    await patch.close();
    await copy.close();
  },
});
