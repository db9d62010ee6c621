/** The packed persistence provider in Node, on an imitation of IndexedDB: its rules, and a sync engine that relies on them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import "fake-indexeddb/auto";
import { build } from "esbuild";
import { installPacked } from "../browser/support/packed.mjs";
import { SyncEngine } from "../browser/support/sync-engine.mjs";
import { Chance } from "./queries/random.mjs";

const SEED = Number(process.env.SDS_SEED ?? 1);

/** Planted bugs are in a build of their own. */
const BUILT = process.env.PATCHSTORE_PACKAGE;

let home, installed, remove, lib, sds;
before(async () => {
  if (!BUILT) ({ home, installed, remove } = await installPacked());
  const at = (name, file) => pathToFileURL(BUILT ? `${BUILT}/${file}` : createRequire(join(home, "app.mjs")).resolve(name));
  lib = await import(at("patchstore", "index.js"));
  sds = await import(at("patchstore/sds", "sds.js"));
});
after(() => remove?.());

let named = 0;
const fresh = () => `sds ${(named += 1)}`;
const provider = (name, store = "s", options) => new sds.PatchPersistenceProvider(name, store, options);
const bytes = (text) => new TextEncoder().encode(text);
const texts = (patches) => patches.map((each) => new TextDecoder().decode(each));
const all = async (p) => texts(await p.loadPatchesSince(-Infinity));
const refused = (promise, code, message = /./) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof lib.PatchStoreError, String(error?.stack));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });

test("patches: above a clock, ascending, then in the order of arrival", async () => {
  const name = fresh();
  const p = provider(name);
  const clocks = [5, -3, 1e300, 0, 10, 9, -0, 2 ** 53, -1e21, 5];
  await Promise.all(clocks.map((clock, at) => p.appendPatch(bytes(`${at}`), clock)));
  const order = ["8", "1", "3", "6", "0", "9", "5", "4", "7", "2"];
  assert.deepEqual(await all(p), order);
  assert.deepEqual(texts(await p.loadPatchesSince(0)), order.slice(4));
  assert.deepEqual(texts(await p.loadPatchesSince(4.5)), order.slice(4));
  assert.deepEqual(texts(await p.loadPatchesSince(5)), order.slice(6));
  assert.deepEqual(await p.loadPatchesSince(1e300), []);
  await p.close();
  const again = provider(name);
  assert.deepEqual(await all(again), order);
  for (const patch of await again.loadPatchesSince(0)) assert.equal(Object.getPrototypeOf(patch), Uint8Array.prototype);
  for (const clock of [1.5, NaN, Infinity, "1", 1n, undefined, null]) await refused(again.appendPatch(bytes("x"), clock), "InvalidArgument", /clock/);
  for (const clock of [NaN, "1", undefined]) {
    await refused(again.loadPatchesSince(clock), "InvalidArgument");
    await refused(again.prunePatches(clock), "InvalidArgument");
  }
  for (const data of ["x", undefined, [1], new ArrayBuffer(1)]) {
    await refused(again.appendPatch(data, 1), "InvalidArgument", /Uint8Array/);
    await refused(again.saveSnapshot(data), "InvalidArgument", /Uint8Array/);
    await refused(again.saveValue("n", data), "InvalidArgument", /Uint8Array/);
  }
  assert.deepEqual(await all(again), order);
  await again.close();
});

test("a clock that is there: the same bytes change nothing, others are kept beside it, over restarts", async () => {
  const name = fresh();
  for (const start of [0, 1, 2]) {
    const p = provider(name);
    for (const text of ["same", `start ${start}`, "same", "", `start ${start}`, ""]) await p.appendPatch(bytes(text), 1);
    await p.close();
  }
  const p = provider(name);
  assert.deepEqual(await all(p), ["same", "start 0", "", "start 1", "start 2"]);
  const patch = await lib.openPatch(name);
  assert.equal(await patch.db("sds s").count("patches"), 5, "nothing else is stored");
  // What is found by the same hash, and has other bytes.
  const { _id } = await patch.db("sds s").findOne("patches", { data: bytes("same") });
  await patch.db("sds s").update("patches", _id, { data: bytes("emas") });
  for (const text of ["same", "same"]) await p.appendPatch(bytes(text), 1);
  assert.deepEqual(await all(p), ["emas", "start 0", "", "start 1", "start 2", "same"]);
  await p.appendPatch(Buffer.from("a buffer"), 2);
  await p.appendPatch(new Uint8Array(bytes("[part]").buffer, 1, 4), 3);
  assert.deepEqual(texts(await p.loadPatchesSince(1)), ["a buffer", "part"]);
  await patch.close();
  await p.close();
});

test("pruning: strictly below, and never beyond the snapshot's clock where it has one", async () => {
  const p = provider(fresh());
  for (let clock = -2; clock <= 9; clock++) await p.appendPatch(bytes(`${clock}`), clock);
  await p.prunePatches(-1);
  assert.deepEqual((await all(p))[0], "-1");
  await p.saveSnapshot(bytes("one"));
  await p.prunePatches(2);
  assert.deepEqual((await all(p))[0], "2", "a snapshot without a clock bounds nothing");
  await p.saveSnapshot(bytes("two"), 4);
  await p.prunePatches(100);
  assert.deepEqual((await all(p))[0], "5");
  await p.saveSnapshot(bytes("three"), 8);
  await p.prunePatches(7);
  assert.deepEqual(await all(p), ["7", "8", "9"]);
  await p.saveSnapshot(bytes("four"), -5);
  await p.prunePatches(100);
  assert.deepEqual(await all(p), ["7", "8", "9"], "also of an earlier clock");
  await p.saveSnapshot(bytes("five"));
  await p.prunePatches(Infinity);
  assert.deepEqual(await all(p), []);
  assert.deepEqual(texts([await p.loadSnapshot()]), ["five"]);
  for (const clock of [1.5, NaN, "1", null]) await refused(p.saveSnapshot(bytes("six"), clock), "InvalidArgument");
  assert.deepEqual(texts([await p.loadSnapshot()]), ["five"]);
  await p.close();
});

test("stores of one patch are apart, whatever they are called, and apart from the patch's others", async () => {
  const name = fresh();
  const ids = ["a", "b", "", "sds a", "\ud800", "x".repeat(996)];
  const stores = ids.map((id) => provider(name, id));
  const patch = await lib.openPatch(name);
  await patch.kv("a").set("snapshot", 1);
  for (const [at, p] of stores.entries()) {
    assert.equal(await p.loadSnapshot(), undefined);
    await p.saveSnapshot(bytes(ids[at]), at);
    await p.appendPatch(bytes(`${at}`), 100);
    await p.saveValue("n", bytes(`value ${at}`));
  }
  await stores[1].prunePatches(1000);
  await stores[0].releaseValue("n");
  for (const [at, p] of stores.entries()) {
    assert.deepEqual(texts([await p.loadSnapshot()]), texts([bytes(ids[at])]));
    assert.deepEqual(await all(p), [`${at}`]);
    assert.deepEqual(texts([(await p.loadValue("n")) ?? bytes("none")]), [at === 0 ? "none" : `value ${at}`]);
    await p.close();
  }
  assert.deepEqual(await patch.kv("a").keys(), ["snapshot"]);
  await patch.close();
  for (const [db, store] of [["p", "x".repeat(997)], ["p", undefined], [5, "s"]]) assert.throws(() => new sds.PatchPersistenceProvider(db, store), { code: "InvalidArgument" });
  assert.throws(() => provider("p", "s", { backend: "memory" }), { code: "InvalidArgument" });
  assert.throws(() => provider("p", "s", 5), { code: "InvalidArgument" });
});

test("values: names are opaque, savings count, other bytes are refused, the last release removes", async () => {
  const name = fresh();
  const p = provider(name);
  const patch = await lib.openPatch(name);
  const held = async () => {
    const found = [];
    for await (const { hash, held } of patch.blobs.list()) if (held) found.push(hash);
    return found.length;
  };
  assert.equal(await p.loadValue("none"), undefined);
  await p.releaseValue("none");
  const data = bytes("the value");
  const saved = p.saveValue("not a hash\ud800", data);
  data.fill(0);
  await saved;
  await p.saveValue("other name", bytes("the value"));
  await p.saveValue("not a hash\ud800", bytes("the value"));
  assert.equal(await held(), 1, "equal bytes are stored once");
  await refused(p.saveValue("not a hash\ud800", bytes("others")), "Exists", /other bytes/);
  assert.deepEqual(texts([await p.loadValue("not a hash\ud800")]), ["the value"]);
  await p.releaseValue("not a hash\ud800");
  assert.deepEqual(texts([await p.loadValue("not a hash\ud800")]), ["the value"], "saved twice, released once");
  await p.releaseValue("not a hash\ud800");
  assert.equal(await p.loadValue("not a hash\ud800"), undefined);
  await p.releaseValue("not a hash\ud800");
  assert.deepEqual(texts([await p.loadValue("other name")]), ["the value"]);
  await p.saveValue("not a hash\ud800", bytes("others"));
  assert.deepEqual(texts([await p.loadValue("not a hash\ud800")]), ["others"], "the name is free again");
  await p.saveValue("", new Uint8Array(0));
  assert.equal((await p.loadValue("")).length, 0);
  const large = new Uint8Array(3 << 20).map((_, at) => at * 7);
  await p.saveValue("large", large);
  assert.ok(Buffer.from(await p.loadValue("large")).equals(large));
  assert.equal(await held(), 4);
  for (const each of ["other name", "not a hash\ud800", "", "large"]) await p.releaseValue(each);
  assert.equal(await held(), 0);
  assert.deepEqual(await patch.db("sds s").find("values"), []);
  for (const bad of [undefined, 5, "x".repeat(1001)]) await refused(p.loadValue(bad), "InvalidArgument");
  await patch.close();
  await p.close();
});

test("effects come in the order of the calls, whatever each takes", async () => {
  const p = provider(fresh());
  const done = [
    p.appendPatch(bytes("1"), 1), p.saveSnapshot(bytes("a"), 1), p.prunePatches(9), p.appendPatch(bytes("again"), 1), p.loadPatchesSince(0), p.loadSnapshot(), p.saveSnapshot(bytes("b"), 1),
    p.loadSnapshot(), p.saveValue("v", bytes("v")), p.loadValue("v"), p.saveValue("v", bytes("v")), p.releaseValue("v"), p.loadValue("v"), p.releaseValue("v"), p.loadValue("v"), p.prunePatches(9),
    p.loadPatchesSince(0), p.saveValue("v", bytes("w")), p.loadValue("v"), p.appendPatch(bytes("last"), 7),
  ];
  const closed = p.close();
  const results = await Promise.all(done);
  const found = results.filter((each) => each !== undefined).map((each) => (Array.isArray(each) ? texts(each) : texts([each])[0]));
  assert.deepEqual(found, [["again"], "a", "b", "v", "v", [], "w"]);
  await closed;
  await p.close();
  for (const call of [() => p.loadSnapshot(), () => p.appendPatch(bytes("x"), 1), () => p.saveValue("v", bytes("x")), () => p.releaseValue("v"), () => p.prunePatches(1)]) await refused(call(), "Closed");
});

test("closing waits for what was issued; closing what was never used opens nothing", async () => {
  const name = fresh();
  const p = provider(name);
  let kept = 0;
  for (let clock = 0; clock < 50; clock++) void p.appendPatch(bytes(`${clock}`), clock).then(() => (kept += 1));
  void p.saveValue("v", new Uint8Array(1 << 20));
  await p.close();
  assert.equal(kept, 50);
  const again = provider(name);
  assert.equal((await again.loadPatchesSince(-1)).length, 50);
  assert.equal((await again.loadValue("v")).length, 1 << 20);
  await again.close();
  const unused = fresh();
  await provider(unused).close();
  assert.ok(!(await lib.listPatches()).some(({ id }) => id === unused));
});

test("where opening fails, calls reject with its error, and the next one tries again", async () => {
  const name = fresh();
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const key = secret.slice();
  const p = provider(name, "s", { encryption: { key } });
  key.fill(0);
  await p.appendPatch(bytes("secret"), 1);
  await p.close();
  const wrong = provider(name);
  const failed = await Promise.allSettled([wrong.loadSnapshot(), wrong.appendPatch(bytes("x"), 1), wrong.prunePatches(5)]);
  assert.deepEqual(failed.map(({ reason }) => reason?.code), ["Encrypted", "Encrypted", "Encrypted"]);
  await wrong.close();
  const right = provider(name, "s", { encryption: { key: secret } });
  assert.deepEqual(await all(right), ["secret"]);
  // After a deletion nothing comes to be again.
  await lib.deletePatchData(name);
  await refused(right.appendPatch(bytes("x"), 2), "Closed");
  assert.ok(!(await lib.listPatches()).some(({ id }) => id === name));
  await right.close();
  const later = provider(name);
  const { indexedDB } = globalThis;
  const { open } = indexedDB.constructor.prototype;
  indexedDB.open = () => {
    throw new DOMException("not now", "SecurityError");
  };
  await refused(later.loadSnapshot(), "Unavailable");
  indexedDB.open = open.bind(indexedDB);
  assert.equal(await later.loadSnapshot(), undefined);
  await later.close();
});

test("an engine: after each restart its state is there, rebuilt from the snapshot and the patches", { timeout: 120_000 }, async () => {
  for (let run = 0; run < 4; run++) {
    const chance = new Chance(SEED * 100 + run);
    const name = fresh();
    const model = { known: new Set(), values: new Map() };
    let snapshots = 0;
    for (let start = 0; start < 12; start++) {
      const p = provider(name);
      const when = `seed ${SEED}, run ${run}, start ${start}`;
      const engine = await SyncEngine.start(p, 120);
      assert.deepEqual([...engine.known].sort(), [...model.known].sort(), when);
      for (const [value, count] of model.values) assert.equal((await p.loadValue(value))?.[0], count > 0 ? Number(value.slice(1)) : undefined, `${when}: ${value}`);
      const steps = chance.below(90);
      for (let step = 0; step < steps; step++) {
        const operation = `${start} ${step}`;
        model.known.add(operation);
        const done = engine.mutate(operation);
        if (chance.below(3) > 0) await done;
        const [at, value] = [chance.below(5), `v${chance.below(5)}`];
        const count = model.values.get(value) ?? 0;
        if (at === 0) void p.saveValue(value, new Uint8Array(100_000).fill(Number(value.slice(1)))).then(() => 0);
        if (at === 1) void p.releaseValue(value);
        if (at < 2) model.values.set(value, at === 0 ? count + 1 : Math.max(0, count - 1));
      }
      await engine.settled();
      snapshots += engine.snapshots;
      await p.close();
    }
    assert.ok(snapshots > 5, `${snapshots} snapshots`);
  }
});

test("the README's example runs", { skip: BUILT !== undefined }, async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, example] = readme.match(/### A persistence provider for sync engines[\s\S]*?```js\n([\s\S]*?)```/);
  const fake = pathToFileURL(createRequire(import.meta.url).resolve("fake-indexeddb/auto"));
  await writeFile(join(home, "readme.mjs"), `import "${fake}";\n${example}\nconsole.log(snapshot.join(), patches.length);`);
  const { stdout } = await promisify(execFile)(process.execPath, ["readme.mjs"], { cwd: home, timeout: 20_000 });
  assert.equal(stdout, "9 0\n");
});

test("it is the package's: one class of errors, one engine; its types are there", { skip: BUILT !== undefined }, async () => {
  const bundle = await build({
    stdin: { contents: `export * from "patchstore/sds"`, resolveDir: home },
    bundle: true, format: "esm", write: false, metafile: true, external: ["./lines.js", "./serve.js", "./whole.js", "./plain.js", "./kdf.js"], logLevel: "silent",
  });
  const inputs = Object.keys(bundle.metafile.inputs).map((path) => path.split("/").at(-1));
  assert.deepEqual(inputs.sort(), ["<stdin>", "index.js", "sds.js"]);
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  assert.deepEqual(manifest.exports["./sds"], { types: "./sds.d.ts", default: "./sds.js" });
  assert.match(await readFile(join(installed, "sds.d.ts"), "utf8"), /export class PatchPersistenceProvider/);
});
