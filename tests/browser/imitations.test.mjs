/**
 * Imitations of a browser, as test runners make them: the package runs in a realm of its own, with IndexedDB and the
 * rest from Node's. What crosses is of another realm, and much is not there.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { buildSync } from "esbuild";
import { indexedDB, IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { JSDOM } from "jsdom";

const PKG = fileURLToPath(new URL("../../pkg/", import.meta.url));
/** One script of the package, as transforms to CommonJS make it. */
const script = (file) =>
  buildSync({
    entryPoints: [`${PKG}${file}`],
    bundle: true,
    external: ["./plain.js"],
    write: false,
    format: "iife",
    globalName: "library",
    logLevel: "error",
    define: { "import.meta.url": '"http://localhost/index.js"' },
  }).outputFiles[0].text;

/** Realms with nothing but the language, and with jsdom's browser; neither has a TextDecoder. */
const REALMS = {
  "a bare realm": () => createContext({}),
  "jsdom": () => new JSDOM("<!doctype html>", { runScripts: "outside-only", url: "http://localhost/" }).getInternalVMContext(),
};
const FROM_NODE = { TextDecoder, TextEncoder, performance, setTimeout, clearTimeout, queueMicrotask, MessageChannel, crypto, URL, fetch };

for (const [name, realm] of Object.entries(REALMS)) {
  test(`${name}: importing needs nothing, and what is missing is named`, async () => {
    for (const file of ["index.js", "sandbox.js", "plain.js", "storage-adapter.js", "sds.js"]) {
      const context = realm();
      runInContext("delete globalThis.WebAssembly", context);
      assert.equal(runInContext("typeof TextDecoder + typeof TextEncoder", context), "undefinedundefined");
      runInContext(script(file), context);
      if (file !== "index.js") continue;
      const { library, PromiseOf } = runInContext("({ library, PromiseOf: Promise })", context);
      Object.assign(context, { setTimeout, clearTimeout, URL });
      const refused = await PromiseOf.resolve(library.openPatch("a")).catch((error) => error);
      assert.equal(refused.code, "Unavailable");
      assert.match(refused.message, /this realm has no WebAssembly/);
    }
  });

  test(`${name}: a patch on an IndexedDB of another realm`, async () => {
    const context = realm();
    for (const [global, value] of Object.entries(FROM_NODE)) context[global] ??= value;
    const wasm = readFileSync(`${PKG}patchstore_bg.wasm`);
    Object.assign(context, { indexedDB: new IDBFactory(), IDBKeyRange, wasm, bytes: new Uint8Array(wasm) });
    runInContext(script("index.js"), context);
    const found = await runInContext(
      `(async () => {
        // (A buffer of Node's, and bytes of another realm.)
        await library.init(wasm);
        const write = async () => {
          const patch = await library.openPatch("a");
          const [kv, db] = [patch.kv("s"), patch.db("d")];
          await kv.set("k", { at: new Date(7), bytes: new Uint8Array([1, 2]), text: "t" });
          await kv.set("long", "x".repeat(100_000));
          await kv.set("foreign", { bytes: bytes.subarray(0, 4), long: bytes.subarray(0, 9000) });
          await db.insertMany("c", Array.from({ length: 500 }, (_, n) => ({ n, at: new Date(n) })));
          await patch.compact();
          await kv.set("after", 1);
          await patch.close();
        };
        await write();
        const patch = await library.openPatch("a");
        const [kv, db] = [patch.kv("s"), patch.db("d")];
        const k = await kv.get("k");
        const foreign = await kv.get("foreign");
        const out = {
          own: [k.at instanceof Date, k.bytes instanceof Uint8Array, foreign.bytes instanceof Uint8Array],
          k: [k.at.getTime(), k.bytes.join(), k.text],
          long: (await kv.get("long")).length,
          foreign: [foreign.bytes.join(), foreign.long.length],
          keys: (await kv.keys()).join(),
          count: await db.count("c"),
          one: (await db.find("c", { at: new Date(7) })).map((doc) => doc.n).join(),
          has: await library.hasPatchData("a"),
          listed: (await library.listPatches()).map(({ id }) => id).join(),
        };
        await patch.close();
        out.deleted = [await library.deletePatchData("a"), await library.hasPatchData("a")].join();
        return JSON.stringify(out);
      })()`,
      context,
    );
    assert.deepEqual(JSON.parse(found), {
      own: [true, true, true],
      k: [7, "1,2", "t"],
      long: 100_000,
      foreign: ["0,97,115,109", 9000],
      keys: "after,foreign,k,long",
      count: 500,
      one: "7",
      has: true,
      listed: "a",
      deleted: "true,false",
    });
  });
}

test("Node itself: the module as it is, on IndexedDB's imitation", async () => {
  globalThis.indexedDB = indexedDB;
  globalThis.IDBKeyRange = IDBKeyRange;
  const library = await import(`${PKG}index.js`);
  const patch = await library.openPatch("node");
  await patch.kv("s").set("k", new Date(5));
  await patch.close();
  const again = await library.openPatch("node");
  assert.deepEqual(await again.kv("s").get("k"), new Date(5));
  await again.close();
});
