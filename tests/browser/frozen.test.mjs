/** Realms whose prototypes are frozen, as hardened ones are, before or after the package is imported. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, browser;
before(async () => {
  server = await serve();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Runs in the page: refers to nothing of this module. */
async function everyWay(when) {
  const freeze = () => {
    for (const owner of [Object, Array, Function, Error, TypeError, Date, Map, Set, Promise, RegExp, String, Number, ArrayBuffer,
      Uint8Array, Object.getPrototypeOf(Uint8Array), DataView, WeakMap, Symbol, BigInt, Boolean]) {
      Object.freeze(owner.prototype);
      Object.freeze(owner);
    }
  };
  if (when === "before") freeze();
  const lib = await import("/pkg/index.js");
  const { connect } = await import("/pkg/sandbox.js");
  await lib.init();
  if (when === "after") freeze();

  const { defineProperty, hasOwn } = Object;
  const NAMES = ["toString", "constructor", "valueOf", "hasOwnProperty", "__proto__", "isPrototypeOf", "message", "length", "name", "then2", "0"];
  const own = (object, name, value) => defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  const made = (leaf) => {
    const object = {};
    for (const name of NAMES) own(object, name, { in: leaf, list: [own({}, "toString", leaf)] });
    return object;
  };
  const faults = [];
  const check = (what, object, leaf) => {
    const is = (value) => (typeof leaf === "object" ? value?.getTime?.() === leaf.getTime() : value === leaf);
    for (const name of NAMES) {
      const value = hasOwn(Object(object), name) ? object[name] : undefined;
      if (!is(value?.in) || !hasOwn(value.list[0], "toString") || !is(value.list[0].toString)) faults.push(`${what}: ${name}`);
    }
  };

  for (const [kind, leaf] of [["JSON", "text"], ["Dates", new Date(7)]]) {
    const id = `frozen-${when}-${kind}`;
    const patch = await lib.openPatch(id);
    const [kv, db] = [patch.kv("s"), patch.db("d")];
    await kv.set("k", made(leaf));
    await kv.setMany([["many", made(leaf)]]);
    await kv.update("updated", () => made(leaf));
    const _id = await db.insert("c", made(leaf));
    const [second] = await db.insertMany("c", [own(made(leaf), "_id", "second")]);
    await db.insert("u", { _id: "u" });
    await db.update("u", "u", made(leaf));
    await db.insert("r", { _id: "r" });
    await db.replace("r", "r", made(leaf));
    for (const times of ["read", "copy", "third"]) {
      const on = (what) => `${kind}, ${what}, ${times}`;
      check(on("get"), await kv.get("k"), leaf);
      check(on("getMany"), (await kv.getMany(["many"]))[0], leaf);
      check(on("entries"), (await kv.entries({ prefix: "k" }))[0][1], leaf);
      for await (const [, value] of kv.iterate()) check(on("iterate"), value, leaf);
      check(on("findOne"), await db.findOne("c", _id), leaf);
      check(on("find"), (await db.find("c"))[1], leaf);
      check(on("equality"), (await db.find("c", { _id: second }))[0], leaf);
      check(on("sorted"), (await db.find("c", {}, { sort: { toString: -1 }, fields: NAMES }))[0], leaf);
      check(on("by own name"), (await db.find("c", own({}, "toString", made(leaf).toString)))[0], leaf);
      check(on("update"), await db.findOne("u", "u"), leaf);
      check(on("replace"), await db.findOne("r", "r"), leaf);
    }
    await kv.update("k", (old) => (check(`${kind}, old`, old, leaf), old));
    check(`${kind}, transaction`, await patch.transaction((tx) => tx.kv("s").get("k")), leaf);
    const message = await patch.kvObject({ node: "n" }).send({ set: ["k", made(leaf)] });
    if (message.ok !== true) faults.push(`message: ${message.message}`);
    check(`${kind}, message`, (await patch.kvObject({ node: "n" }).send({ get: "k" })).value, leaf);

    const { port1, port2 } = new MessageChannel();
    const served = patch.serve(port1, { node: "n" });
    const sandbox = connect(port2);
    await sandbox.kv.set("box", made(leaf));
    check(`${kind}, sandbox`, await sandbox.kv.get("box"), leaf);
    check(`${kind}, sandbox's update`, await sandbox.kv.update("box", (old) => (check(`${kind}, sandbox's old`, old, leaf), old)), leaf);
    const refused = await sandbox.kv.set("box", { f() {} }).catch((error) => error);
    if (refused.code !== "NotStorable" || refused.path !== "$.f") faults.push(`sandbox's refusal: ${String(refused)}`);
    served.close();

    const opening = indexedDB.open(`source-${id}`);
    opening.onupgradeneeded = () => opening.result.createObjectStore("kv").put(made(leaf), "1:x:k");
    await new Promise((done) => (opening.onsuccess = done));
    opening.result.close();
    await patch.importPlain(`source-${id}`);
    check(`${kind}, imported`, await patch.kv("x").get("k"), leaf);

    const error = await kv.set("k", { f() {} }).catch((error) => error);
    if (!lib.isPatchStoreError(error) || error.code !== "NotStorable" || error.path !== "$.f") faults.push(`refusal: ${String(error)}`);
    await patch.compact();
    await patch.close();
    const again = await lib.openPatch(id);
    check(`${kind}, reopened`, await again.kv("s").get("k"), leaf);
    await again.close();
  }
  return faults;
}

for (const when of ["before", "after"]) {
  test(`prototypes frozen ${when} the import: own properties of any name are kept, in every way in and out`, async () => {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    // (As a script: playwright's own way of handing over values needs prototypes as they were.)
    await page.evaluate(`(${everyWay})("${when}").then((faults) => { document.title = JSON.stringify(faults); }, (error) => { document.title = "threw " + error.stack; }); 0`);
    let title = "";
    for (let waited = 0; waited < 300 && !/^\[|^threw/.test(title); waited++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      title = await page.title();
    }
    assert.equal(title, "[]");
    await page.close();
  });
}
