/** What values cost that JSON does not carry, in counts: crossings between wasm and JavaScript, and failed checks of slots. */
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

/** Put into a page before anything else. Runs in the page: refers to nothing of this module. */
function ledger() {
  let [crossings, failures] = [0, 0];
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = (module, imports) => {
    for (const functions of Object.values(imports)) {
      for (const [name, original] of Object.entries(functions)) {
        if (typeof original !== "function") continue;
        functions[name] = (...args) => {
          crossings += 1;
          return original(...args);
        };
      }
    }
    return instantiate.call(WebAssembly, module, imports);
  };
  const failing = (original) =>
    function (...args) {
      try {
        return original.apply(this, args);
      } catch (error) {
        failures += 1;
        throw error;
      }
    };
  for (const [owner, name] of [[Map, "size"], [Set, "size"], [ArrayBuffer, "byteLength"], [Blob, "size"], [File, "name"]]) {
    const { get } = Object.getOwnPropertyDescriptor(owner.prototype, name);
    Object.defineProperty(owner.prototype, name, { get: failing(get), configurable: true });
  }
  Date.prototype.getTime = failing(Date.prototype.getTime);
  /** What `work` costs. */
  globalThis.costOf = async (work) => {
    [crossings, failures] = [0, 0];
    await work();
    return { crossings, failures };
  };
}

test("a document of Dates, bytes or bigints costs as many crossings as one of texts", async () => {
  const page = await browser.newPage();
  await page.addInitScript(`(${ledger})()`);
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  const costs = await page.evaluate(async () => {
    const lib = await import("/pkg/index.js");
    const kinds = {
      text: (n) => new Date(n).toISOString(),
      date: (n) => new Date(n),
      bytes: (n) => new Uint8Array([n, 1]),
      buffer: (n) => new Uint16Array([n]).buffer,
      view: (n) => new DataView(new Uint16Array([n]).buffer),
      bigint: (n) => BigInt(n),
      map: (n) => new Map([[n, n]]),
      set: (n) => new Set([n]),
    };
    const out = {};
    for (const [kind, make] of Object.entries(kinds)) {
      const patch = await lib.openPatch(`cost-${kind}`, { backend: "memory" });
      const [db, kv] = [patch.db("d"), patch.kv("k")];
      const docs = Array.from({ length: 500 }, (_, n) => ({ n, a: make(n), list: [make(n), { b: make(n) }] }));
      const each = async (call) => {
        for (let n = 0; n < 100; n++) await call(n);
      };
      out[kind] = {
        insert: await costOf(() => each((n) => db.insert("one", docs[n]))),
        insertMany: await costOf(() => db.insertMany("c", docs)),
        findFirst: await costOf(() => db.find("c")),
        findAgain: await costOf(() => db.find("c")),
        equality: await costOf(() => db.find("c", { a: docs[7].a })),
        sort: await costOf(() => db.find("c", {}, { sort: { a: -1 } })),
        set: await costOf(() => each((n) => kv.set(`k${n}`, docs[n]))),
        entries: await costOf(() => kv.entries()),
        get: await costOf(() => each((n) => kv.get(`k${n}`))),
        getAgain: await costOf(() => each((n) => kv.get(`k${n}`))),
      };
      await patch.close();
    }
    return out;
  });
  await page.close();
  const { text, ...others } = costs;
  const kept = ["date", "bytes", "buffer", "view", "bigint"];
  for (const [kind, calls] of Object.entries(others)) {
    for (const [call, { crossings, failures }] of Object.entries(calls)) {
      const what = `${call} with ${kind}: ${JSON.stringify({ crossings, failures, text: text[call].crossings })}`;
      // Of 100 calls each, or 500 documents; some more come of slices of time on a busy machine. Bytes, which are asked for their length,
      // go in by some crossings more than a string.
      const more = { insert: 600, set: 600, insertMany: 3000 }[call] ?? 200;
      const isCopied = kept.includes(kind) || !/Again|equality/.test(call);
      if (isCopied) assert.ok(crossings <= text[call].crossings + more, what);
      // The first of its kind is tried as others.
      assert.ok(failures <= 10, what);
    }
  }
});
