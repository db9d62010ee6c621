/**
 * Makes every call of the public API with strings that are to be recognised, and gathers what others could read of it. Runs in a page.
 * The strings are made here, at random: they are part of no file that is served.
 */
import { Calls } from "./calls.mjs";
import { Needles } from "./needles.mjs";
import { heard, listen, otherTab, stored } from "./overhear.mjs";
import { everyBlobsCall, everyDbCall, everyDrop, everyKvCall, everyMessage, everyMetaCall, maker } from "./strings-stores.mjs";

/** Everything that a patch offers; returns how many entries its log had, and the key that opens it then. */
async function everyPatchCall(lib, id, options, { calls, text, at, places }, keyed) {
  const patch = await lib.openPatch(id, options);
  const unsubscribes = ["change", "closed", "quota"].map((event) => patch.on(event, () => {}));
  const logged = [];
  const unwatch = patch.opLog.watch((entry) => logged.push(entry.key));
  await everyKvCall(patch.kv(text("store")), at("store"));
  await everyDbCall(patch.db(text("database")), at("database"));
  await everyDrop(patch.db(text("database")), at("database"));
  await everyMetaCall(patch.meta, at("patch"));
  await everyBlobsCall(patch.blobs, patch.kv("s"), at("patch"));
  await patch.transaction(
    async (tx) => {
      await everyKvCall(tx.kv(text("store of a transaction")), at("transaction"), true);
      await everyDbCall(tx.db(text("database of a transaction")), at("transaction"), true);
      await everyDrop(tx.db("of what goes"), at("transaction"));
      await everyMetaCall(tx.meta, at("transaction"));
      await tx.blobs.has("0".repeat(64));
      const { kv, db } = tx.node(text("node of a transaction"));
      await kv.set("k", text("value of a node of a transaction"));
      await db.insert("c", { n: text("document of a node of a transaction") });
    },
    { retries: 1, signal: new AbortController().signal },
  );
  const node = patch.node(text("node"));
  await node.kv.set(text("key of a node"), text("value of a node"));
  await node.db.insert("c", { n: text("document of a node") });
  await patch.copyNode(text("node"), text("copy of a node"));
  await patch.node(text("deleted node")).kv.set("k", text("of a deleted node"));
  await patch.deleteNode(text("deleted node"));
  const objects = { node: text("node of objects") };
  await everyMessage(patch.kvObject(objects), patch.dbObject(objects), at("objects"));
  await patch.kvObject({ node: "n", name: text("named store of an object") }).send({ set: ["k", text("of the named store of an object")] });
  await fromOutside(patch, calls, places);
  await imports(patch, text);
  await everyOpLogCall(lib, patch, text);
  let key = options.encryption;
  if (keyed) {
    await patch.keyring.set(text("name of a slot"), { passphrase: text("passphrase of a slot") });
    await patch.keyring.set("another", { key: crypto.getRandomValues(new Uint8Array(32)) });
    await patch.keyring.names();
    await patch.keyring.remove("another");
    key = { passphrase: text("passphrase of a rekey") };
    await patch.rekey(key);
  }
  await otherTab(async (other) => {
    const there = await other.openPatch(id, { ...options, encryption: key });
    await there.kv(text("store")).get(text("store: key"));
    await there.kv("s").set(text("key of another tab"), text("another tab"));
    await there.close();
  });
  heard.push(patch.status, await patch.stats());
  await patch.nodes();
  await patch.flush();
  await patch.compact();
  await patch.kv("s").set("tail", text("tail"));
  const locks = await navigator.locks.query();
  heard.push(...[...locks.held, ...locks.pending].map(({ name }) => name), patch.id);
  if (logged.length < 50) throw new Error(`${logged.length} entries were heard of`);
  for (const end of [...unsubscribes, unwatch]) end();
  await patch.close();
  return { entries: logged.length, key };
}

/** By a sandbox. */
async function fromOutside(patch, calls, places) {
  const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
  const grant = { node: "sandbox", stores: "*", access: "readwrite", maxValueBytes: 1e7, maxInFlight: 99, define: true, regex: true };
  const sandbox = await spawn("dedicated worker", patch, grant);
  const told = await sandbox.run(async ({ connection }, origin) => {
    const [{ Calls }, stores] = await Promise.all(["calls", "strings-stores"].map((name) => import(`${origin}/tests/browser/support/${name}.mjs`)));
    const calls = new Calls();
    const { places, at } = stores.maker();
    const text = at("sandbox");
    const { kv, db, blobs, close } = calls.of("Connection", connection, "Sandbox ");
    await stores.everyKvCall(kv, text);
    await stores.everyDbCall(db, text);
    await stores.everyDrop(db, text);
    await stores.everyBlobsCall(blobs, kv, text);
    const moved = new TextEncoder().encode(text("moved bytes"));
    await kv.set("moved", moved, { transfer: [moved.buffer] });
    close();
    return { places, made: [...calls.made], named: [...calls.named] };
  }, location.origin);
  Object.assign(places, told.places);
  calls.add(told);
  sandbox.served.close();
  sandbox.remove();
}

/** From databases in the plain layout, whose strings IndexedDB itself has never seen: they are put in where it hands out what it holds. */
async function imports(patch, text) {
  const { formats, make } = await import("/tests/browser/api/plain.mjs");
  const { get, ...rest } = Object.getOwnPropertyDescriptor(IDBRequest.prototype, "result");
  for (const [name, keyFormat, scope] of [
    ["strings", "length-prefixed"],
    ["strings with colons", "colon", () => ({ node: text("node of an import") })],
  ]) {
    // (What stands for the key comes before it, or it would be read again behind it.)
    await make(name, [["!key", "!value"]]);
    const filled = {
      "!key": formats[keyFormat](text(`${scope ? "asked: " : ""}store of ${name}`), text(`key of ${name}`)),
      "!value": { [text(`field of ${name}`)]: text(`value of ${name}`), blob: new Blob([text(`blob of ${name}`)]) },
    };
    const result = function () {
      const found = get.call(this);
      return this.source?.transaction?.db.name === name && Array.isArray(found) ? found.map((each) => filled[each]) : found;
    };
    Object.defineProperty(IDBRequest.prototype, "result", { ...rest, get: result });
    const { imported } = await patch.importPlain(name, { keyFormat, scope });
    Object.defineProperty(IDBRequest.prototype, "result", { ...rest, get });
    if (imported !== 1) throw new Error(`${imported} were imported of ${name}`);
  }
}

/** With entries of another device's log. */
async function everyOpLogCall(lib, patch, text) {
  const { opLog } = patch;
  const other = await lib.openPatch(`other-${Math.random()}`, { backend: "memory", opLog: true });
  await other.kv(text("store of another device")).set(text("key of another device"), text("value of another device"));
  await other.db(text("database of another device")).insert("c", { n: text("document of another device") });
  await opLog.apply(lib.decodeEntries(lib.encodeEntries(await other.opLog.pending())));
  heard.push(opLog.deviceId, opLog.now());
  await other.close();
  const pending = await opLog.pending({ after: 0, limit: 1000 });
  await opLog.markSynced(pending.slice(0, 5).map(({ id }) => id));
  await opLog.prune(pending[1].id);
  await opLog.count();
  await opLog.collectTombstones(pending[2].hlc);
  const { children } = await opLog.merkle();
  await opLog.records(Object.keys(children)[0], { after: text("asked: key of a record"), limit: 9 });
}

/** By the storage adapter. */
async function everyAdapterCall(calls, name, text, options) {
  const { PatchStorageAdapter } = await import("/pkg/storage-adapter.js");
  const adapter = calls.of("PatchStorageAdapter", new PatchStorageAdapter(options));
  await adapter.initialize(name);
  await adapter.waitForReady();
  await adapter.put(text("adapter key"), { [text("adapter field")]: text("adapter record"), blob: new Blob([text("adapter blob")]) }, { ttl: 1e6 });
  await adapter.put(text("removed adapter key"), text("removed adapter record"));
  await adapter.remove(text("removed adapter key"));
  await adapter.batchPut(new Map([[text("adapter key of many"), { n: text("adapter batch") }]]));
  await adapter.setMeta(text("adapter meta"), text("adapter meta value"));
  await adapter.appendOpLog({ op: text("adapter entry") });
  const last = await adapter.commitWrite([{ store: "kv", type: "put", key: "c", value: { n: text("adapter commit") } }], { op: text("adapter entry of a commit") });
  await adapter.get(text("asked: adapter key"));
  await adapter.iterateKeys(() => {});
  await adapter.getAllKeys();
  await adapter.getMeta(text("adapter meta"));
  await adapter.getAllMetaKeys();
  const [first] = await adapter.getPendingOps();
  await adapter.deleteOp(first.id);
  await adapter.markOpsSynced(first.id);
  await adapter.pruneOpLog(last - 1);
  await adapter.close();
}

/** By the persistence provider. */
async function everyProviderCall(calls, name, text, options) {
  const { PatchPersistenceProvider } = await import("/pkg/sds.js");
  const provider = calls.of("PatchPersistenceProvider", new PatchPersistenceProvider(name, text("id of a store"), options));
  const bytes = (place) => new TextEncoder().encode(text(place));
  await provider.saveSnapshot(bytes("snapshot"), 1);
  await provider.loadSnapshot();
  await provider.appendPatch(bytes("brief: pruned patch"), 1);
  await provider.appendPatch(bytes("patch"), 2);
  await provider.prunePatches(2);
  await provider.loadPatchesSince(0);
  await provider.saveValue(text("name of a value"), bytes("value of a provider"));
  await provider.loadValue(text("name of a value"));
  await provider.saveValue(text("brief: released name"), bytes("brief: released value"));
  await provider.releaseValue(text("brief: released name"));
  await provider.close();
}

/**
 * Writes, and says what of it can be found, and by what it is known on disk.
 * @param {boolean} encrypted whether it is to be hidden
 */
export async function tell(encrypted) {
  listen(globalThis);
  const calls = new Calls();
  const lib = calls.of("package", await import("/pkg/index.js"));
  const made = { calls, ...maker() };
  const { places, text } = made;
  const key = crypto.getRandomValues(new Uint8Array(32));
  const byKey = encrypted ? { encryption: { key } } : {};
  const id = `strings-${Math.random()}`;
  const options = { opLog: true, ...(encrypted && { encryption: { passphrase: text("passphrase") } }) };
  const { entries, key: last } = await everyPatchCall(lib, id, options, made, encrypted);
  for (const to of ["copy", "deleted"]) await lib.copyPatch(id, `${id}-${to}`, { from: last, to: byKey.encryption });
  await lib.deletePatchData(`${id}-deleted`);
  const seal = encrypted ? { passphrase: text("passphrase of an archive") } : undefined;
  const archive = new Blob([await new Response(await lib.exportPatch(id, { encryption: last, seal, opLog: true, onProgress: (progress) => heard.push(progress) })).arrayBuffer()]);
  heard.push(await lib.importPatch(`${id}-imported`, archive, { seal, ...byKey, onProgress: (progress) => heard.push(progress) }));
  await everyAdapterCall(calls, `${id}-adapter`, text, byKey);
  await everyProviderCall(calls, `${id}-provider`, text, byKey);
  heard.push(await lib.hasPatchData(id), await lib.listPatches());
  const needles = new Needles(places);
  const records = await stored();
  const inStores = new Set(records.flatMap((bytes) => [...needles.in(bytes)]));
  const texts = heard.map((what) => JSON.stringify(what));
  const said = new Set(texts.flatMap((what) => [...needles.in(new TextEncoder().encode(what))]));
  const bytes = records.reduce((sum, each) => sum + each.length, 0);
  if (encrypted) places.key = [[...key.subarray(0, 16)], [...key.subarray(16)]];
  return {
    entries, places, bytes, heard: texts.filter((what) => what.includes(id)).length, inStores: [...inStores], said: [...said],
    made: [...calls.made], named: [...calls.named],
  };
}
