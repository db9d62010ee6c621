/** The storage adapter for sync clients, in one tab. */
import { inPage } from "./api/harness.mjs";

inPage({
  "adapter: records come back as fresh copies of what they were at the call": async ({ adapter, same, ok, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    same([await a.get("k"), await a.getAllKeys()], [undefined, []]);
    const record = {
      value: { text: "hi", gone: undefined, at: new Date(7) },
      timestamp: { millis: 1, counter: 0, nodeId: "n" },
      iv: new Uint8Array([1, 2, 3]),
      data: new Uint8Array(new ArrayBuffer(8), 2, 3),
      raw: new Uint8Array([9]).buffer,
      ttlMs: undefined,
    };
    const expected = structuredClone(record);
    const done = a.put("k", record);
    record.value.text = "changed";
    same(await done, undefined);
    const found = await a.get("k");
    same(found, { ...expected, data: new Uint8Array(3) });
    ok("gone" in found.value && "ttlMs" in found);
    ok(found.iv instanceof Uint8Array && found.data instanceof Uint8Array && found.raw instanceof ArrayBuffer);
    found.value.text = "mine";
    same((await a.get("k")).value.text, "hi");
    same([await a.remove("k"), await a.remove("k"), await a.get("k")], [undefined, undefined, undefined]);
    await rejects(a.put("f", { f: () => {} }), "NotStorable", { path: "$.f" });
    await rejects(a.put("u", undefined), "NotStorable");
    await rejects(a.put(1, {}), "InvalidArgument");
    await rejects(a.put("k".repeat(1001), {}), "InvalidArgument");
    await rejects(a.get(1), "InvalidArgument");
    await rejects(a.remove(1), "InvalidArgument");
    await rejects(a.put("o", 1, { other: 1 }), "InvalidArgument");
    same(await a.getAllKeys(), []);
    await a.close();
  },

  "adapter: records of any size, with Blobs, in order": async ({ adapter, same }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    const bytes = new Uint8Array(200_000).map((_, at) => at * 13);
    const blob = new Blob([bytes]);
    const small = new Blob(["small"]);
    // What follows a record whose Blob has to be read first comes after it.
    const puts = [a.put("k", { blob }), a.put("k", { bytes }), a.put("b", { blob })];
    const id = a.commitWrite([{ store: "kv", type: "put", key: "c", value: { blob, small } }], { blob, small, n: 1 });
    const next = a.appendOpLog({ n: 2 });
    await Promise.all(puts);
    same(await a.get("k"), { bytes });
    for (const key of ["b", "c"]) same(new Uint8Array(await (await a.get(key)).blob.arrayBuffer()), bytes);
    same([await id, await next], [1, 2]);
    const [first, second] = await a.getPendingOps();
    for (const stored of [first, await a.get("c")]) same(await stored.small.text(), "small");
    same([first.n, second], [1, { n: 2, id: 2, synced: 0 }]);
    same(new Uint8Array(await first.blob.arrayBuffer()), bytes);
    await a.close();
  },

  "adapter: before initialize, writes queue and reads wait one macrotask": async ({ adapter, same, rejects, sleep }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    const reads = () => [a.get("k"), a.get(5), a.getMeta("k"), a.getPendingOps()];
    same(await Promise.all(reads()), [undefined, undefined, undefined, []]);
    for (const call of [a.getAllKeys(), a.getAllMetaKeys(), a.iterateKeys(() => {})]) await rejects(call, "Closed");

    const record = { n: 1 };
    const order = [];
    const note = (what) => (result) => order.push([what, result]);
    const writes = [
      a.put("k", record).then(note("put")),
      a.batchPut(new Map([["b", record]])).then(note("batchPut")),
      a.setMeta("m", null).then(note("setMeta")),
      a.appendOpLog({ n: record }).then(note("appendOpLog")),
      a.put("gone", record),
      a.commitWrite([{ store: "kv", type: "remove", key: "gone" }], { n: 2 }).then(note("commitWrite")),
      a.waitForReady().then(note("waitForReady")),
    ];
    await rejects(a.put("f", () => {}), "NotStorable");
    // They are what they were at the call, however late that is done.
    record.n = 2;
    await sleep(20);
    same([order, await Promise.all(reads())], [[], [undefined, undefined, undefined, []]]);
    // Issued before it, in the same macrotask: they see what was queued before them.
    const soon = [a.get("k"), a.getMeta("m"), a.getAllKeys(), a.getAllMetaKeys(), a.getPendingOps()];
    const keys = [];
    const iterated = a.iterateKeys((key, metadata) => keys.push([key, metadata]));
    await Promise.resolve();
    await a.initialize(name);
    const ops = [{ n: { n: 1 }, id: 1, synced: 0 }, { n: 2, id: 2, synced: 0 }];
    same(await Promise.all(soon), [{ n: 1 }, null, ["b", "k"], ["m"], ops]);
    await Promise.all([...writes, iterated]);
    same([keys, await a.get("b")], [[["b", {}], ["k", {}]], { n: 1 }]);
    same(new Map(order).get("commitWrite"), 2);
    same(new Map(order).get("appendOpLog"), 1);
    same(order.length, 6);
    await a.close();
  },

  "adapter: what is called while it opens waits, in order": async ({ adapter, same }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    const opening = a.initialize(name);
    const again = a.initialize(name);
    const done = [a.put("k", 1), a.get("k"), a.put("k", 2), a.get("k"), a.remove("k"), a.getAllKeys(), a.waitForReady()];
    same(await Promise.all(done), [undefined, 1, undefined, 2, undefined, [], undefined]);
    same(await Promise.all([opening, again]), [undefined, undefined]);
    // No call overtakes those that wait for the same moment.
    const b = new PatchStorageAdapter();
    const order = [];
    b.put("k", 1).then(() => order.push("queued"));
    await b.initialize(name);
    const late = b.put("k", 2).then(() => order.push("late"));
    await late;
    same([order, await a.get("k")], [["queued", "late"], 2]);
    await Promise.all([a.close(), b.close()]);
  },

  "adapter: after close everything is Closed, and what was called before is done": async ({ adapter, same, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    void a.initialize(name);
    const before = [a.put("k", 1), a.appendOpLog({}), a.getPendingOps(), a.getAllKeys()];
    const closing = a.close();
    const calls = () => [
      a.initialize(name), a.waitForReady(), a.get("k"), a.put("k", 1), a.put(5, () => {}), a.remove("k"), a.batchPut(new Map()),
      a.batchPut(5), a.iterateKeys(() => {}), a.getAllKeys(), a.getMeta("k"), a.setMeta("k", 1), a.getAllMetaKeys(),
      a.appendOpLog({}), a.getPendingOps(), a.pruneOpLog(1), a.markOpsSynced(1), a.deleteOp(1), a.commitWrite([], {}),
      a.pruneOpLog("x"), a.deleteOp("x"), a.commitWrite(5, 5),
    ];
    for (const call of calls()) await rejects(call, "Closed");
    same(await Promise.all(before), [undefined, 1, [{ id: 1, synced: 0 }], ["k"]]);
    same([await closing, await a.close()], [undefined, undefined]);
    for (const call of calls()) await rejects(call, "Closed");

    // One that was never initialized.
    const never = new PatchStorageAdapter();
    const [write, read, list] = [never.put("k", 2), never.get("k"), never.getAllKeys()];
    await never.close();
    await rejects(write, "Closed");
    await rejects(list, "Closed");
    same(await read, undefined);
    await rejects(never.get("k"), "Closed");

    const b = new PatchStorageAdapter();
    await b.initialize(name);
    same([await b.get("k"), (await b.getPendingOps()).length], [1, 1]);
    // What is under way when it is closed.
    const last = [b.appendOpLog({ n: 2 }), b.getPendingOps(), b.pruneOpLog(0)];
    await b.close();
    same((await Promise.all(last))[1].length, 2);
  },

  "adapter: a failing initialize rejects what waits, and may be tried again": async ({ adapter, lib, same, rejects, sleep, asked }) => {
    const { PatchStorageAdapter, name } = adapter();
    // A database of another make is in its place.
    const request = indexedDB.open(`patchstore_${name}`, 7);
    request.onupgradeneeded = () => request.result.createObjectStore("theirs");
    (await asked(request)).close();
    const a = new PatchStorageAdapter();
    const waiting = [a.put("k", 1), a.get("k"), a.getAllKeys(), a.getPendingOps(), a.waitForReady(), a.appendOpLog({}), a.remove("k"), a.deleteOp(1)];
    const both = [a.initialize(name), a.initialize(name)];
    waiting.push(a.setMeta("k", 1));
    for (const call of [...both, ...waiting]) await rejects(call, "UnsupportedFormat");
    // What is stored is not known: reads say why.
    for (const call of [a.get("k"), a.getMeta("k"), a.getPendingOps(), a.getAllKeys()]) await rejects(call, "UnsupportedFormat");
    const queued = a.put("k", 2);
    await sleep(20);
    await asked(indexedDB.deleteDatabase(`patchstore_${name}`));
    const read = a.get("k");
    await a.initialize(name);
    same([await queued, await read, await a.get("k")], [undefined, 2, 2]);
    await a.close();
    same(await lib.hasPatchData(name), true);

    // Names that are none, and a key for what is not encrypted.
    const b = new PatchStorageAdapter();
    const put = b.put("k", 1);
    await rejects(b.initialize(""), "InvalidArgument");
    await rejects(put, "InvalidArgument");
    await rejects(b.initialize(5), "InvalidArgument");
    const c = new PatchStorageAdapter({ encryption: { passphrase: "p" } });
    await rejects(c.initialize(name), "NotEncrypted");
    await c.close();
    await rejects(c.get("k"), "Closed");
  },

  "adapter: under a passphrase": async ({ adapter, lib, same, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const encryption = { passphrase: "p" };
    const a = new PatchStorageAdapter({ encryption });
    const queued = a.put("k", { n: 1 });
    await a.initialize(name);
    await queued;
    await a.close();
    await rejects(lib.openPatch(name), "Encrypted");
    const other = new PatchStorageAdapter({ encryption: { passphrase: "q" } });
    await rejects(other.initialize(name), "WrongKey");
    await other.close();
    const again = new PatchStorageAdapter({ encryption });
    await again.initialize(name);
    same(await again.get("k"), { n: 1 });
    await again.close();
  },

  "adapter: its options": async ({ adapter, lib, same, throws, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter({ name: `${name}-given`, prefix: "mine_", encryption: undefined });
    await a.initialize("ignored");
    // Whatever it is called with later.
    await a.initialize("other");
    await a.put("k", 1);
    same((await lib.listPatches({ prefix: "mine_" })).map(({ id }) => id), [`${name}-given`]);
    await a.close();
    const b = new PatchStorageAdapter({});
    await b.initialize(name);
    await rejects(b.initialize("other"), "InvalidArgument", { message: /initialized/ });
    same(await b.get("k"), undefined);
    await b.close();
    throws(() => new PatchStorageAdapter({ prefx: "p" }), "InvalidArgument");
    throws(() => new PatchStorageAdapter(5), "InvalidArgument");
    await lib.deletePatchData(`${name}-given`, { prefix: "mine_" });
  },

  "adapter: initialize opens again what was deleted meanwhile": async ({ adapter, lib, same, until, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    await a.put("k", 1);
    await lib.deletePatchData(name);
    await until(() => a.put("k", 2).then(() => false, ({ code }) => code === "Closed"));
    await rejects(a.get("k"), "Closed");
    const opening = a.initialize(name);
    same([await a.get("k"), await a.put("k", 3), await a.get("k")], [undefined, undefined, 3]);
    await opening;
    await a.close();
  },

  "adapter: a batch is stored whole or not at all": async ({ adapter, same, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    const many = new Map(Array.from({ length: 3000 }, (_, at) => [`k${at}`, { at, gone: undefined }]));
    same(await a.batchPut(many), undefined);
    same((await a.getAllKeys()).length, 3000);
    same(await a.get("k2999"), { at: 2999, gone: undefined });
    const bad = new Map([...many].map(([key]) => [key, "new"]));
    bad.set("k2999", () => {});
    await rejects(a.batchPut(bad), "NotStorable");
    await rejects(a.batchPut(new Map([["a", 1], [2, 1]])), "InvalidArgument");
    await rejects(a.batchPut({ a: 1 }), "InvalidArgument");
    await rejects(a.batchPut(), "InvalidArgument");
    same([(await a.getAllKeys()).length, await a.get("k0")], [3000, { at: 0, gone: undefined }]);
    await a.batchPut(new Map());
    const b = new PatchStorageAdapter();
    const done = [b.batchPut(bad).catch(({ code }) => code), b.batchPut(new Map([["k0", 1]]))];
    await b.initialize(name);
    same([await Promise.all(done), await a.get("k0"), await a.get("k1")], [["NotStorable", undefined], 1, { at: 1, gone: undefined }]);
    await Promise.all([a.close(), b.close()]);
  },

  "adapter: keys, ascending, and what is known without the values": async ({ adapter, same, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    const keys = ["", "\0", "a", "a\0", "b", "\ud800", "\u{10000}", "\uffff", ...Array.from({ length: 2500 }, (_, n) => `key ${n}`)];
    await a.batchPut(new Map(keys.map((key) => [key, { key }])));
    await a.setMeta("meta", 1);
    await a.appendOpLog({ op: 1 });
    const sorted = [...keys].sort();
    same(await a.getAllKeys(), sorted);
    const seen = [];
    same(await a.iterateKeys((...each) => seen.push(each)), undefined);
    same(seen, sorted.map((key) => [key, {}]));
    for (const key of sorted.slice(0, 8)) same(await a.get(key), { key });
    const thrown = new Error("expected by a test");
    let calls = 0;
    const stopped = a.iterateKeys(() => {
      calls += 1;
      throw thrown;
    });
    same([await stopped.catch((error) => error === thrown), calls], [true, 1]);
    await rejects(a.iterateKeys(), "InvalidArgument");
    await a.close();
  },

  "adapter: every key comes with when its record expires, from the log and from pages": async ({ adapter, lib, same, ok, sleep }) => {
    const { PatchStorageAdapter, name } = adapter();
    let a = new PatchStorageAdapter();
    await a.initialize(name);
    const listed = async () => {
      const found = {};
      await a.iterateKeys((key, metadata) => (found[key] = metadata));
      return found;
    };
    const hour = 3_600_000;
    const before = Date.now();
    await a.put("dated", { n: 1 }, { ttl: hour });
    await a.put("dated, large", new Uint8Array(100_000), { ttl: 2 * hour });
    await a.put("again", 1, { ttl: hour });
    await a.put("again", 2);
    await a.put("later", 1);
    await a.put("later", 2, { ttl: 3.5 });
    await a.put("soon", 1, { ttl: 50 });
    await a.batchPut(new Map([["plain", { n: 2 }]]));
    await a.commitWrite([{ store: "kv", type: "put", key: "plain too", value: 3 }], {});
    const after = Date.now();
    await sleep(Math.max(0, before + 400 - Date.now()));
    const first = await listed();
    same(Object.keys(first), ["again", "dated", "dated, large", "plain", "plain too"]);
    const { dated, "dated, large": large, ...plain } = first;
    same(plain, { again: {}, plain: {}, "plain too": {} });
    for (const [metadata, ttl] of [[dated, hour], [large, 2 * hour]]) {
      same(Object.keys(metadata), ["expires"]);
      ok(metadata.expires >= before + ttl && metadata.expires <= after + ttl, `${metadata.expires}`);
    }
    // The same from the log of a patch that was opened anew, and from pages.
    await a.close();
    a = new PatchStorageAdapter();
    await a.initialize(name);
    same(await listed(), first);
    const patch = await lib.openPatch(name);
    await patch.compact();
    same(await listed(), first);
    await patch.close();
    await a.close();
    a = new PatchStorageAdapter();
    await a.initialize(name);
    same(await listed(), first);
    await a.put("dated", 1);
    same((await listed()).dated, {});
    await a.close();
  },

  "adapter: meta lies apart; null is a value, undefined removes": async ({ adapter, lib, same, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    for (const value of [null, 0, "", false, { u: undefined }, new Uint8Array([1])]) {
      same(await a.setMeta("m", value), undefined);
      same(await a.getMeta("m"), value);
    }
    same(await a.getAllMetaKeys(), ["m"]);
    same(await a.setMeta("m", undefined), undefined);
    same(await a.setMeta("m", undefined), undefined);
    same([await a.getMeta("m"), await a.getAllMetaKeys()], [undefined, []]);
    await a.setMeta("m", 1);
    await a.put("m", 2);
    const patch = await lib.openPatch(name);
    await patch.meta.set("m", 3);
    await patch.kv("m").set("m", 4);
    same([await a.getMeta("m"), await a.get("m"), await patch.meta.get("m"), await patch.kv("m").get("m")], [1, 2, 3, 4]);
    same([await a.getAllMetaKeys(), await a.getAllKeys(), await patch.meta.keys()], [["m"], ["m"], ["m"]]);
    await rejects(a.setMeta("f", Symbol()), "NotStorable");
    await rejects(a.setMeta(1, 1), "InvalidArgument");
    await rejects(a.getMeta(1), "InvalidArgument");
    // Its records are the user's; its meta and its log are not counted.
    await a.appendOpLog({});
    same((await patch.stats()).records, 2);
    await patch.kv("m").clear();
    same(await lib.hasPatchData(name), true);
    await a.remove("m");
    same(await lib.hasPatchData(name), false);
    await Promise.all([a.close(), patch.close()]);
  },

  "adapter: entries come back as they were given, with a number and unsynced": async ({ adapter, same, ok, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    const entry = { key: "k", op: "PUT", value: { u: undefined }, gone: undefined, unknown: [new Uint8Array([1])], id: "theirs", synced: 1 };
    const first = await a.appendOpLog(entry);
    ok(typeof first === "number" && Number.isSafeInteger(first));
    same(entry.id, "theirs");
    const second = await a.appendOpLog(Object.create(null));
    ok(second > first);
    const found = await a.getPendingOps();
    same(found, [{ ...entry, id: first, synced: 0 }, { id: second, synced: 0 }]);
    ok("gone" in found[0] && found[0].unknown[0] instanceof Uint8Array);
    found[0].value.u = 1;
    same((await a.getPendingOps())[0].value, { u: undefined });
    for (const wrong of [null, 5, "x", [], new Map(), new Date(), undefined]) {
      await rejects(a.appendOpLog(wrong), wrong === undefined ? "NotStorable" : "InvalidArgument", {}, String(wrong));
    }
    await rejects(a.appendOpLog({ f() {} }), "NotStorable", { path: "$.f" });
    // Not awaited, it is there all the same.
    void a.appendOpLog({ n: 3 });
    same((await a.getPendingOps()).at(-1), { n: 3, id: 3, synced: 0 });
    await a.close();
  },

  "adapter: ids are never used again, after pruning and opening neither": async ({ adapter, lib, same }) => {
    const { PatchStorageAdapter, name } = adapter();
    let last = 0;
    for (let round = 0; round < 3; round++) {
      const a = new PatchStorageAdapter();
      await a.initialize(name);
      const ids = await Promise.all([a.appendOpLog({}), a.appendOpLog({}), a.commitWrite([], {})]);
      same(ids.every((id, at) => id > (ids[at - 1] ?? last)), true, `${ids} after ${last}`);
      last = ids[2];
      if (round === 0) await a.pruneOpLog(last);
      if (round === 1) for (const { id } of await a.getPendingOps()) await a.deleteOp(id);
      const patch = await lib.openPatch(name);
      await patch.compact();
      await Promise.all([a.close(), patch.close()]);
    }
    await lib.deletePatchData(name);
  },

  "adapter: pruning takes what it has appended or handed out, and nothing else": async ({ adapter, same, rejects }) => {
    for (const prune of ["pruneOpLog", "markOpsSynced"]) {
      const { PatchStorageAdapter, name } = adapter();
      const [a, b, c] = [1, 2, 3].map(() => new PatchStorageAdapter());
      for (const each of [a, b, c]) await each.initialize(name);
      const left = async () => (await c.getPendingOps()).map(({ n }) => n);
      for (const [each, n] of [[a, 1], [b, 2], [a, 3], [b, 4], [a, 5]]) await each.appendOpLog({ n });
      same(await a[prune](4), undefined);
      same(await left(), [2, 4, 5]);
      await a[prune](4);
      same(await left(), [2, 4, 5]);
      same((await a.getPendingOps()).map(({ n }) => n), [2, 4, 5]);
      await b.appendOpLog({ n: 6 });
      await a.appendOpLog({ n: 7 });
      await a[prune](2);
      same(await left(), [4, 5, 6, 7]);
      await a[prune](Infinity);
      same(await left(), [6]);
      // A new one has seen nothing yet.
      const d = new PatchStorageAdapter();
      await d.initialize(name);
      await d[prune](100);
      same(await left(), [6]);
      await c[prune](5.5);
      await c[prune](-1);
      same(await left(), [6]);
      await c[prune](6);
      same(await left(), []);
      for (const wrong of [NaN, "6", undefined, null, {}]) await rejects(a[prune](wrong), "InvalidArgument");
      for (const each of [a, b, c, d]) await each.close();
    }
  },

  "adapter: one entry is deleted, whoever appended it": async ({ adapter, same, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const [a, b] = [new PatchStorageAdapter(), new PatchStorageAdapter()];
    await Promise.all([a.initialize(name), b.initialize(name)]);
    for (const n of [1, 2, 3]) await a.appendOpLog({ n });
    same(await b.deleteOp(2), undefined);
    same(await a.deleteOp(2), undefined);
    for (const none of [0, -1, 99, Number.MAX_SAFE_INTEGER, 2 ** 60]) await a.deleteOp(none);
    same((await a.getPendingOps()).map(({ id }) => id), [1, 3]);
    for (const wrong of [1.5, NaN, Infinity, "1", undefined]) await rejects(a.deleteOp(wrong), "InvalidArgument");
    same((await a.getPendingOps()).length, 2);
    await Promise.all([a.close(), b.close()]);
  },

  "adapter: a write and its entry are one commit": async ({ adapter, lib, same, rejects, until }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    const patch = await lib.openPatch(name);
    let commits = 0;
    patch.on("change", () => (commits += 1));
    await a.put("old", 1);
    await a.setMeta("old", 1);
    await until(() => commits === 2);
    const value = { n: 1, gone: undefined };
    const done = a.commitWrite(
      [
        { store: "kv", type: "put", key: "k", value },
        { store: "meta", type: "put", key: "k", value: null },
        { store: "kv", type: "remove", key: "old" },
        { store: "meta", type: "remove", key: "old", value: "ignored" },
        { store: "kv", type: "remove", key: "never" },
        // Of several changes of one key, the last one counts.
        { store: "kv", type: "put", key: "twice", value: 1 },
        { store: "kv", type: "remove", key: "twice" },
        { store: "kv", type: "remove", key: "again" },
        { store: "kv", type: "put", key: "again", value: 2 },
      ],
      { key: "k", value },
    );
    value.n = 2;
    const id = await done;
    const state = async () => [await a.getAllKeys(), await a.get("k"), await a.get("again"), await a.getAllMetaKeys(), await a.getMeta("k")];
    const expected = [["again", "k"], { n: 1, gone: undefined }, 2, ["k"], null];
    same(await state(), expected);
    same(await a.getPendingOps(), [{ key: "k", value: { n: 1, gone: undefined }, id, synced: 0 }]);
    await until(() => commits >= 3);
    same(commits, 3);

    const put = { store: "kv", type: "put", key: "k", value: 3 };
    for (const [mutations, op, code] of [
      [[put, { ...put, value: () => {} }], {}, "NotStorable"],
      [[put, { ...put, value: undefined }], {}, "NotStorable"],
      [[put, { ...put, key: 5 }], {}, "InvalidArgument"],
      [[put, { ...put, store: "log" }], {}, "InvalidArgument"],
      [[put, { ...put, type: "set" }], {}, "InvalidArgument"],
      [[put, null], {}, "InvalidArgument"],
      [{ 0: put, length: 1 }, {}, "InvalidArgument"],
      [[put], { f() {} }, "NotStorable"],
      [[put], [], "InvalidArgument"],
      [[put], null, "InvalidArgument"],
    ]) {
      await rejects(a.commitWrite(mutations, op), code);
    }
    same([await state(), (await a.getPendingOps()).length], [expected, 1]);
    await a.commitWrite([{ store: "meta", type: "put", key: "k" }], {});
    same(await a.getMeta("k"), undefined);
    await Promise.all([a.close(), patch.close()]);
  },

  "adapter: two on one name in one tab see one state": async ({ adapter, same }) => {
    const { PatchStorageAdapter, name } = adapter();
    const [a, b] = [new PatchStorageAdapter(), new PatchStorageAdapter({ name })];
    await Promise.all([a.initialize(name), b.initialize("whatever")]);
    void a.put("k", 1);
    same(await b.get("k"), 1);
    void b.setMeta("m", 2);
    same(await a.getMeta("m"), 2);
    const ids = Promise.all([a.appendOpLog({ n: 1 }), b.appendOpLog({ n: 2 }), a.appendOpLog({ n: 3 })]);
    same((await b.getPendingOps()).map(({ n }) => n), [1, 2, 3]);
    same(await ids, [1, 2, 3]);
    await a.close();
    same(await b.get("k"), 1);
    await b.close();
  },

  "adapter: one that encrypts values around it gets its bytes back": async ({ adapter, same, ok }) => {
    const { PatchStorageAdapter, name } = adapter();
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    const seal = async (value) => {
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const plain = new TextEncoder().encode(JSON.stringify(value));
      return { iv, data: new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain)) };
    };
    const isSealed = (value) => value?.iv instanceof Uint8Array && value.data instanceof Uint8Array;
    const open = async (value) => {
      if (!isSealed(value)) return value;
      const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: value.iv }, key, value.data);
      return JSON.parse(new TextDecoder().decode(plain));
    };
    /** As clients wrap it. */
    const wrapped = (inner) => ({
      initialize: (db) => inner.initialize(db),
      close: () => inner.close(),
      get: async (at) => open(await inner.get(at)),
      put: async (at, value) => inner.put(at, await seal(value)),
      remove: (at) => inner.remove(at),
      batchPut: async (entries) => {
        const sealed = new Map();
        for (const [at, value] of entries) sealed.set(at, await seal(value));
        return inner.batchPut(sealed);
      },
      getAllKeys: () => inner.getAllKeys(),
      getMeta: async (at) => open(await inner.getMeta(at)),
      setMeta: async (at, value) => inner.setMeta(at, await seal(value)),
      appendOpLog: async (entry) => inner.appendOpLog({ ...entry, value: await seal(entry.value) }),
      getPendingOps: async () =>
        Promise.all((await inner.getPendingOps()).map(async (op) => ({ ...op, value: await open(op.value) }))),
    });
    const inner = new PatchStorageAdapter();
    const outer = wrapped(inner);
    // Before it is there.
    same([await outer.get("k"), await outer.getMeta("k"), await outer.getPendingOps()], [undefined, undefined, []]);
    await outer.initialize(name);
    await outer.put("k", { n: 1 });
    await outer.batchPut(new Map([["a", { n: 2 }], ["b", { n: 3 }]]));
    await outer.setMeta("m", null);
    const id = await outer.appendOpLog({ key: "k", value: { n: 1 } });
    ok(isSealed(await inner.get("k")) && isSealed(await inner.getMeta("m")));
    await outer.close();
    const restored = wrapped(new PatchStorageAdapter());
    await restored.initialize(name);
    const found = {};
    for (const at of await restored.getAllKeys()) found[at] = await restored.get(at);
    same(found, { a: { n: 2 }, b: { n: 3 }, k: { n: 1 } });
    same([await restored.getMeta("m"), await restored.getMeta("none")], [null, undefined]);
    same(await restored.getPendingOps(), [{ key: "k", value: { n: 1 }, id, synced: 0 }]);
    await restored.close();
  },

  "adapter: a copy of a patch has its records, meta and log": async ({ adapter, lib, same, rejects }) => {
    const { PatchStorageAdapter, name } = adapter();
    const a = new PatchStorageAdapter();
    await a.initialize(name);
    await a.commitWrite([{ store: "kv", type: "put", key: "k", value: 1 }, { store: "meta", type: "put", key: "m", value: 2 }], { n: 1 });
    await lib.copyPatch(name, `${name}-2`);
    const b = new PatchStorageAdapter();
    await b.initialize(`${name}-2`);
    same([await b.get("k"), await b.getMeta("m"), await b.getPendingOps()], [1, 2, [{ n: 1, id: 1, synced: 0 }]]);
    await b.remove("k");
    await b.setMeta("m", undefined);
    await b.deleteOp(1);
    // The ids that were given there would be given again.
    await rejects(lib.copyPatch(name, `${name}-2`), "Exists");
    same(await b.appendOpLog({}), 2);
    await Promise.all([a.close(), b.close()]);
  },
});
