/** Versions of the data's shape in memory: who migrates, who waits, who is refused; what it does to the op-log; 100 000 documents. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPacked } from "../browser/support/packed.mjs";

let remove, lib;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  lib = await import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

let next = 0;
const fresh = () => `migrated ${next++}`;
const open = (id, options) => lib.openPatch(id, { backend: "memory", ...options });
const refused = (promise, code, remedy) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, code, error.stack);
    if (remedy) assert.equal(error.remedy, remedy);
    return true;
  });
const bare = (docs) => docs.map(({ _id, _created, _updated, ...doc }) => doc);

test("a new patch is migrated from 0, once, and keeps its version", async () => {
  const id = fresh();
  const froms = [];
  const migrate = async (tx, from) => {
    froms.push(from);
    await tx.kv("s").set("k", 1);
  };
  const patch = await open(id, { version: 3, migrate });
  assert.equal(await patch.kv("s").get("k"), 1);
  await patch.close();
  await (await open(id, { version: 3, migrate })).close();
  await (await open(id, { version: 3 })).close();
  await (await open(id)).close();
  await refused(open(id, { version: 2, migrate }), "UnsupportedFormat", "reload");
  await (await open(id, { version: 4, migrate })).close();
  assert.deepEqual(froms, [0, 3]);
});

test("what is no version, and what is no migration", async () => {
  for (const version of [0, -1, 1.5, NaN, "1", 2 ** 53, null]) await refused(open(fresh(), { version }), "InvalidArgument");
  await refused(open(fresh(), { version: 1, migrate: 7 }), "InvalidArgument");
  await refused(open(fresh(), { migrate: async () => {} }), "InvalidArgument");
});

test("without migrate only what holds nothing gets a version", async () => {
  const id = fresh();
  await (await open(id, { version: 1 })).close();
  await refused(open(id, { version: 2 }), "InvalidArgument");
  const other = fresh();
  const patch = await open(other);
  await patch.meta.set("m", 1);
  await refused(open(other, { version: 1 }), "InvalidArgument");
  await patch.meta.delete("m");
  const versioned = await open(other, { version: 1 });
  await patch.kv("s").set("k", 1);
  assert.equal(await versioned.kv("s").get("k"), 1);
  await patch.close();
  await versioned.close();
});

test("what migrate throws rejects openPatch, and nothing has changed", async () => {
  const id = fresh();
  const first = await open(id, { version: 1 });
  await first.db("d").insert("c", { n: 1 });
  await first.close();
  const thrown = { anything: true };
  const migrate = async (tx) => {
    await tx.db("d").insert("c", { n: 2 });
    await tx.db("d").createIndex("c", "n");
    await tx.kv("s").set("k", 1);
    throw thrown;
  };
  await assert.rejects(open(id, { version: 2, migrate }), (error) => error === thrown);
  // Not a promise, either.
  await assert.rejects(open(id, { version: 2, migrate: () => { throw thrown; } }), (error) => error === thrown);
  const again = await open(id, { version: 1 });
  assert.deepEqual(bare(await again.db("d").find("c")), [{ n: 1 }]);
  assert.deepEqual(await again.db("d").indexes("c"), []);
  assert.equal(await again.kv("s").get("k"), undefined);
  await again.close();
});

test("a handle of a lower version ends before anything is changed, and one of a page that fails goes on", async () => {
  const id = fresh();
  const old = await open(id, { version: 1 });
  const late = async () => old.kv("s").set("k", "late");
  const events = [];
  old.on("closed", ({ reason }) => events.push(reason));
  await old.kv("s").set("k", "old");
  // Without migrate nothing begins.
  await refused(open(id, { version: 2 }), "InvalidArgument");
  assert.equal(await old.kv("s").get("k"), "old");
  const also = await open(id, { version: 1 });
  await also.kv("s").set("also", 1);
  assert.equal(await old.kv("s").get("also"), 1);
  await also.close();
  let seen;
  const migrate = async (tx) => {
    seen = [...events];
    await refused(late(), "Closed");
    assert.equal(await tx.kv("s").get("k"), "old");
    await tx.kv("s").set("k", "new");
  };
  const patch = await open(id, { version: 2, migrate });
  assert.deepEqual(seen, ["versionchange"]);
  assert.equal(await patch.kv("s").get("k"), "new");
  await refused(late(), "Closed");
  await patch.close();
});

test("of calls at once one migrates, and all have what became of it", async () => {
  const id = fresh();
  let runs = 0;
  const migrate = async (tx) => {
    runs += 1;
    await new Promise((resolve) => setTimeout(resolve, 30));
    await tx.kv("s").set("k", runs);
  };
  const opening = [open(id, { version: 1, migrate }), open(id, { version: 1, migrate }), open(id), open(id, { version: 1 })];
  const all = await Promise.all(opening);
  assert.equal(runs, 1);
  for (const patch of all) assert.equal(await patch.kv("s").get("k"), 1);
  const failing = async () => {
    runs += 1;
    await new Promise((resolve) => setTimeout(resolve, 30));
    throw new Error("no");
  };
  for (const patch of all) await patch.close();
  const outcomes = await Promise.allSettled([open(id, { version: 2, migrate: failing }), open(id, { version: 2, migrate: failing }), open(id, { version: 1 })]);
  assert.deepEqual(outcomes.map(({ status, reason }) => reason?.message ?? status), ["no", "no", "fulfilled"]);
  assert.equal(runs, 2);
  await outcomes[2].value.close();
});

test("aborting leaves nothing open and nothing changed", async () => {
  const id = fresh();
  const abort = new AbortController();
  const migrate = async (tx) => {
    await tx.kv("s").set("k", 1);
    abort.abort("enough");
    await new Promise(() => {});
  };
  await assert.rejects(open(id, { version: 1, migrate, signal: abort.signal }), (error) => error === "enough");
  const patch = await open(id);
  assert.equal(await patch.kv("s").get("k"), undefined);
  await patch.close();
});

test("indexes and definitions go into a migration, in the order of its calls, and into no other transaction", async () => {
  const id = fresh();
  const before = await open(id);
  await before.db("d").insertMany("c", [{ n: 1 }, { n: 2 }, { n: 2 }]);
  await before.db("d").createIndex("c", "n");
  await refused(before.transaction((tx) => tx.db("d").createIndex("c", "m")), "InvalidArgument");
  await refused(before.transaction((tx) => tx.db("d").dropIndex("c", "n")), "InvalidArgument");
  await before.close();
  const patch = await open(id, {
    version: 1,
    async migrate(tx) {
      const db = tx.db("d");
      assert.equal(await db.dropIndex("c", "n"), true);
      await assert.rejects(db.createIndex("c", "n", { unique: true }), ({ code, ids }) => code === "ConstraintViolation" && ids.length === 2);
      await db.deleteMany("c", { n: 2 });
      await db.insert("c", { n: 2 });
      await db.createIndex("c", "n", { unique: true });
      assert.equal((await db.explain("c", { n: 2 })).kind, "index");
      assert.deepEqual(bare(await db.find("c", { n: 2 })), [{ n: 2 }]);
      await db.insert("gone", { n: 1 });
      await db.createIndex("gone", "n");
      await db.drop("gone");
    },
  });
  const db = patch.db("d");
  assert.deepEqual(await db.indexes("c"), [{ fields: ["n"], unique: true, multi: false }]);
  assert.deepEqual(await db.indexes("gone"), []);
  await refused(db.insert("c", { n: 1 }), "ConstraintViolation");
  assert.deepEqual(bare(await db.find("c", { n: { $gte: 2 } })), [{ n: 2 }]);
  await patch.close();
});

test("it is run again when another commit touched what it has read", async () => {
  const id = fresh();
  const other = await open(id);
  await other.kv("s").set("n", 1);
  let runs = 0;
  const patch = await open(id, {
    version: 1,
    async migrate(tx) {
      runs += 1;
      const n = await tx.kv("s").get("n");
      if (runs === 1) await other.kv("s").set("n", 2);
      await tx.kv("s").set("n", n * 10);
    },
  });
  assert.deepEqual([runs, await patch.kv("s").get("n")], [2, 20]);
  await patch.close();
  await other.close();
});

test("the op-log: nothing is noted, what is pending is told as it is now, entries of another version are refused", async () => {
  const id = fresh();
  const first = await open(id, { opLog: true });
  await first.kv("s").setMany([["kept", 1], ["changed", 1], ["removed", 1]]);
  const doc = await first.db("d").insert("c", { n: 1 });
  const gone = await first.db("d").insert("c", { n: 2 });
  const stamps = new Map((await first.opLog.pending()).map(({ key, hlc }) => [key, hlc]));
  const old = (await first.opLog.pending()).map(({ id: _, ...entry }) => entry);
  const merkle = await first.opLog.merkle();
  await first.close();
  const patch = await open(id, {
    version: 2,
    async migrate(tx) {
      await tx.kv("s").set("changed", { now: 2 });
      await tx.kv("s").delete("removed");
      await tx.kv("s").set("made", 1);
      await tx.kv("s").set("both", 1);
      await tx.kv("s").delete("both");
      await tx.db("d").update("c", doc, { m: 3 });
      await tx.db("d").delete("c", gone);
    },
  });
  const told = new Map((await patch.opLog.pending()).map((entry) => [entry.key, entry]));
  assert.equal(told.size, 5);
  for (const [key, { hlc, version }] of told) assert.deepEqual([hlc, version], [stamps.get(key), 2], key);
  assert.deepEqual(["kept", "changed", "removed", doc, gone].map((key) => told.get(key).op), ["PUT", "PUT", "REMOVE", "PUT", "REMOVE"]);
  assert.deepEqual(told.get("changed").value, { now: 2 });
  assert.equal(told.get(doc).value.m, 3);
  await patch.kv("s").set("later", 1);
  const [later] = (await patch.opLog.pending()).slice(-1);
  assert.deepEqual([later.key, later.version], ["later", 2]);
  // Records keep their stamps, new ones have the lowest.
  const records = new Map((await patch.opLog.records()).map((record) => [record.key, record]));
  assert.deepEqual([...records.keys()].sort(), ["kept", "changed", "removed", "made", "later", doc, gone].sort());
  for (const key of ["kept", "changed", "removed", doc, gone]) assert.equal(records.get(key).hlc, stamps.get(key), key);
  assert.match(records.get("made").hlc, /^0{17}/);
  assert.deepEqual([records.get("removed").op, records.get(gone).op], ["REMOVE", "REMOVE"]);
  assert.ok([...records.values()].every(({ version }) => version === 2));
  assert.notEqual((await patch.opLog.merkle()).hash, merkle.hash);
  // Of the former version, and of none.
  const { applied, refused: why } = await patch.opLog.apply(old);
  assert.deepEqual([applied, why.map((one) => one.why)], [0, Array(5).fill("version")]);
  // Of this one; what is new here is older than anything.
  const made = { op: "PUT", target: { kind: "kv", scope: { name: "s" } }, key: "made", value: 7, hlc: "00000000000100000someone", version: 2 };
  assert.equal((await patch.opLog.apply([made])).applied, 1);
  assert.equal(await patch.kv("s").get("made"), 7);
  const sent = lib.decodeEntries(lib.encodeEntries(await patch.opLog.records()));
  await patch.close();
  const peer = await open(fresh(), { opLog: true, version: 2 });
  assert.deepEqual((await peer.opLog.apply(sent)).refused, []);
  assert.deepEqual(await peer.kv("s").get("changed"), { now: 2 });
  await peer.close();
});

const MANY = 100_000;
for (const [how, migrate] of [
  ["updateMany", async (tx) => assert.equal(await tx.db("d").updateMany("c", {}, { extra: true }), MANY)],
  ["iterate and update", async (tx) => {
    let done = 0;
    for await (const { _id, n } of tx.db("d").iterate("c")) {
      await tx.db("d").update("c", _id, { extra: n >= 0 });
      done += 1;
    }
    assert.equal(done, MANY);
  }],
]) {
  test(`100 000 documents by ${how}`, async () => {
    const id = fresh();
    const first = await open(id);
    for (let at = 0; at < MANY; at += 10_000) {
      await first.db("d").insertMany("c", Array.from({ length: 10_000 }, (_, n) => ({ n: at + n, text: `some text of document ${at + n}` })));
    }
    await first.close();
    const began = performance.now();
    const patch = await open(id, { version: 1, migrate });
    console.log(`migrations: ${MANY} documents by ${how} in ${Math.round(performance.now() - began)} ms`);
    assert.equal(await patch.db("d").count("c", { extra: true }), MANY);
    await patch.close();
  });
}
