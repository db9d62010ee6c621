/** The later part of the wasm, in Node: what works while it cannot be had, what says so, and that all of that works once it can. */
import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { installPacked } from "../browser/support/packed.mjs";

const KEY = { key: new Uint8Array(32).fill(7) };

let remove, lib, file, away;
before(async () => {
  Object.assign(globalThis, { indexedDB: new IDBFactory(), IDBKeyRange });
  const packed = process.env.PATCHSTORE_PACKAGE ? { installed: process.env.PATCHSTORE_PACKAGE } : await installPacked();
  remove = packed.remove;
  file = join(packed.installed, "patchstore_later_bg.wasm");
  away = `${file}.away`;
  await rename(file, away);
  lib = await import(pathToFileURL(join(packed.installed, "index.js")));
});
after(() => remove?.());

/** All that a page may do at its start, and what for long is all it does. */
async function everyday(patch) {
  const [kv, db] = [patch.kv("s"), patch.db("d")];
  await db.define("c", { indexes: [{ fields: ["n"] }, { fields: ["e"], unique: true }], references: { up: { collection: "c", onDelete: "cascade" } } });
  const seen = [];
  const stop = db.watch("c", { n: { $lt: 3 } }, (found) => seen.push(found.length), { sort: { n: 1 } });
  await kv.set("k", { at: new Date(5), bytes: new Uint8Array(20_000) });
  await kv.setMany([["a", 1], ["b", 2]], { ttl: 60_000 });
  await kv.update("a", (n) => n + 1);
  const { _id: parent } = await db.insert("c", { n: 0, e: "0" });
  await db.insertMany("c", Array.from({ length: 300 }, (_, at) => ({ n: at + 1, e: `${at + 1}`, ...(at % 3 ? {} : { up: parent }) })));
  assert.equal(await db.count("c", { n: { $gte: 100 } }), 201);
  assert.equal((await db.find("c", { n: { $gt: 10 } }, { sort: { n: -1 }, limit: 5 }))[0].n, 300);
  assert.equal(await db.updateMany("c", { n: 5 }, { tag: "five" }), 1);
  assert.equal(await db.deleteMany("c", { n: { $gt: 250 } }), 50);
  await db.deleteMany("c", { _id: parent });
  assert.deepEqual([...(await db.distinct("c", "tag"))], ["five"]);
  await patch.transaction(async (tx) => {
    await tx.db("d").insert("c", { n: -1, e: "-1" });
    await tx.kv("s").set("t", await tx.db("d").count("c", {}));
  });
  const blob = await patch.blobs.put(new Uint8Array(100_000).fill(3));
  await kv.set("blob", blob);
  assert.equal((await (await patch.blobs.get(blob)).arrayBuffer()).byteLength, 100_000);
  await patch.compact();
  await patch.flush();
  await patch.node("n").kv.set("k", 1);
  assert.equal(await kv.get("a"), 2);
  assert.ok(seen.length > 0, "a live query has answered");
  stop();
  assert.ok((await patch.stats()).records > 250);
  assert.deepEqual((await patch.nodes()).map(({ node }) => node), ["n"]);
  assert.deepEqual([await patch.deleteNode("n"), await patch.deleteNode("n")], [true, false]);
  assert.deepEqual([await lib.hasPatchData("p"), (await lib.listPatches()).length], [true, 3]);
  assert.deepEqual([await lib.deletePatchData("absent"), await lib.hasPatchData("absent")], [false, false]);
}

/** All that needs it, on a patch that is open as "p". */
const NEEDING = {
  copyNode: ({ patch }) => patch.copyNode("none", `copy of n ${Math.random()}`),
  "keyring.names": ({ patch }) => patch.keyring.names(),
  "keyring.set": ({ patch }) => patch.keyring.set("other", { key: new Uint8Array(32).fill(8) }),
  "keyring.remove": ({ patch }) => patch.keyring.remove("none"),
  rekey: ({ patch }) => patch.rekey(KEY),
  "opLog.pending": ({ patch }) => patch.opLog.pending({ limit: 3 }),
  "opLog.count": ({ patch }) => patch.opLog.count(),
  "opLog.markSynced": ({ patch }) => patch.opLog.markSynced([1]),
  "opLog.prune": ({ patch }) => patch.opLog.prune([1]),
  "opLog.collectTombstones": ({ patch }) => patch.opLog.collectTombstones(patch.opLog.now()),
  "opLog.records": ({ patch }) => patch.opLog.records("", { limit: 2 }),
  "opLog.merkle": ({ patch }) => patch.opLog.merkle(),
  "opLog.apply": ({ patch }) => patch.opLog.apply([]),
  exportPatch: async () => void (await new Response(await lib.exportPatch("p", { encryption: KEY, seal: KEY })).arrayBuffer()),
  copyPatch: () => lib.copyPatch("p", `copy ${Math.random()}`, { from: KEY }),
  encryptPatch: () => lib.encryptPatch("plain", KEY),
  decryptPatch: () => lib.decryptPatch("plain", KEY),
  migrate: async () => (await lib.openPatch("old", { version: 2, migrate: (tx) => tx.kv("s").set("k", 2) })).close(),
};

test("while it cannot be had, what needs it says so, and all else works; once it can, everything does", async (t) => {
  for (const id of ["plain", "old"]) {
    const patch = await lib.openPatch(id, id === "old" ? { version: 1 } : {});
    await patch.kv("s").set("k", 1);
    await patch.close();
  }
  const patch = await lib.openPatch("p", { opLog: true, version: 1, encryption: KEY });
  t.after(() => patch.close());
  const heard = [];
  patch.opLog.watch((entry) => heard.push(entry.id));
  await everyday(patch);
  for (const [name, call] of Object.entries(NEEDING)) {
    const failed = await call({ patch }).then(() => undefined, (error) => error);
    assert.equal(failed?.code, "Unavailable", `${name}: ${failed}`);
    assert.match(failed.message, /patchstore_later_bg\.wasm/, name);
  }
  await patch.kv("s").set("still", 1);
  assert.equal(await patch.kv("s").get("still"), 1, "nothing has stopped");
  assert.deepEqual(heard, []);
  await patch.node("o").kv.set("k", 1);

  await rename(away, file);
  await Promise.all([patch.copyNode("o", "p"), patch.node("o").kv.set("k", 2)]);
  assert.deepEqual([await patch.node("o").kv.get("k"), await patch.node("p").kv.get("k")], [2, 1], "what was called behind it has waited");
  for (const [name, call] of Object.entries(NEEDING)) await assert.doesNotReject(call({ patch }), name);
  await patch.kv("s").set("last", 1);
  for (let left = 100; heard.length === 0 && left > 0; left--) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(heard.length > 0, "who watches the op-log is told of all since");
});
