/** Pairs that expire, in a page. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inPage } from "./api/harness.mjs";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

inPage({
  "expiry: from its moment on a key is absent for every read": async ({ open, same, sleep }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const { kv: own } = patch.node("n");
    await kv.set("stays", 1);
    await kv.set("goes", { a: 1 }, { ttl: 300 });
    await kv.setMany([["many", 1, { ttl: 300 }], ["plain", 2], ["dated", 3, { expires: Date.now() + 300 }]]);
    await own.set("goes", 5, { ttl: 300 });
    await patch.copyNode("n", "m");
    await patch.transaction(async (tx) => {
      await tx.kv("s").set("in tx", 1, { ttl: 300 });
      same(await tx.kv("s").get("in tx"), 1);
    });
    const all = ["dated", "goes", "in tx", "many", "plain", "stays"];
    same(await kv.keys(), all);
    same(await kv.get("goes"), { a: 1 });
    same((await patch.stats()).records, 8);
    await sleep(320);
    same(await kv.get("goes"), undefined);
    same(await kv.has("goes"), false);
    same(await kv.keys(), ["plain", "stays"]);
    same(await kv.entries(), [["plain", 2], ["stays", 1]]);
    same(await Array.fromAsync(kv.iterate()), [["plain", 2], ["stays", 1]]);
    same(await kv.getMany(all), [undefined, undefined, undefined, undefined, 2, 1]);
    same(await kv.count(), 2);
    same(await kv.delete("goes"), false);
    same(await kv.update("many", (old) => (old === undefined ? "anew" : old)), "anew");
    same([await own.get("goes"), await patch.node("m").kv.get("goes")], [undefined, undefined]);
    same((await patch.stats()).records, 3);
  },

  "expiry: it is known when the patch is opened again": async ({ open, same, sleep }) => {
    const patch = await open({ backend: "indexeddb" });
    await patch.kv("s").setMany([["soon", 1, { ttl: 300 }], ["later", 2, { ttl: 60_000 }], ["stays", 3]]);
    await patch.close();
    await sleep(320);
    const again = await open({ backend: "indexeddb" }, patch.id);
    same(await again.kv("s").keys(), ["later", "stays"]);
    await again.compact();
    same(await again.kv("s").entries(), [["later", 2], ["stays", 3]]);
  },

  "expiry: update keeps it, set without one removes it, one in the past removes the key": async ({ open, same, sleep }) => {
    const kv = (await open()).kv("s");
    for (const key of ["updated", "set", "many", "past", "many past"]) await kv.set(key, 1, { ttl: 400 });
    await kv.update("updated", () => 2);
    await kv.set("set", 2);
    await kv.setMany([["many", 2], ["many past", 3, { expires: 1 }]]);
    await kv.set("past", 2, { expires: Date.now() - 1 });
    await kv.set("new", 2, { expires: -5 });
    same(await kv.keys(), ["many", "set", "updated"]);
    await sleep(420);
    same(await kv.keys(), ["many", "set"]);
  },

  "expiry: what was read, and kept, is gone as well": async ({ open, same, sleep }) => {
    const patch = await open();
    const kv = patch.kv("s");
    await kv.set("a", { list: [1] });
    for (let times = 0; times < 3; times++) same(await kv.get("a"), { list: [1] });
    await kv.set("a", { list: [2] }, { ttl: 200 });
    for (let times = 0; times < 3; times++) same(await kv.get("a"), { list: [2] });
    await sleep(220);
    same(await kv.get("a"), undefined);
  },

  "expiry: calls keep their order while it is switched on": async ({ open, same }) => {
    const kv = (await open()).kv("s");
    const calls = [kv.set("a", 1), kv.set("a", 2, { ttl: 60_000 }), kv.get("a"), kv.set("a", 3), kv.get("a")];
    same((await Promise.all(calls)).slice(2), [2, undefined, 3]);
    same(await kv.get("a"), 3);
  },

  "expiry: wrong arguments are InvalidArgument, and nothing is written": async ({ open, rejects, same }) => {
    const kv = (await open()).kv("s");
    const wrong = [{ ttl: 0 }, { ttl: -1 }, { ttl: NaN }, { ttl: Infinity }, { ttl: "5" }, { ttl: 5n }, { ttl: null }, { ttl: 2 ** 53 },
      { expires: NaN }, { expires: Infinity }, { expires: -Infinity }, { expires: 2 ** 54 }, { expires: new Date() },
      { ttl: 5, expires: 5 }, { ttl: 5, other: 1 }, 5, null, []];
    for (const options of wrong) {
      await rejects(kv.set("k", 1, options), "InvalidArgument");
      await rejects(kv.setMany([["a", 1], ["k", 1, options]]), "InvalidArgument");
    }
    await kv.set("k", 1, {});
    await kv.set("l", 1, { ttl: undefined });
    same(await kv.keys(), ["k", "l"]);
  },

  "expiry: a copied patch has it, and what has expired is not copied": async ({ open, same, sleep }) => {
    const { copyPatch } = await import("/pkg/index.js");
    const patch = await open({ backend: "indexeddb" });
    const kv = patch.kv("s");
    await kv.set("gone", 1, { ttl: 50 });
    await kv.set("goes", 1, { ttl: 900 });
    await kv.set("stays", 1);
    await sleep(60);
    const id = `${patch.id} copy`;
    await copyPatch(patch.id, id);
    const copy = (await open({ backend: "indexeddb" }, id)).kv("s");
    same(await copy.keys(), ["goes", "stays"]);
    await sleep(900);
    same(await copy.keys(), ["stays"]);
    await copy.set("more", 1, { ttl: 60_000 });
  },

  "expiry: a patch in which all has expired holds nothing": async ({ open, same, sleep }) => {
    const { hasPatchData } = await import("/pkg/index.js");
    const patch = await open({ backend: "indexeddb" });
    await patch.kv("s").set("a", 1, { ttl: 400 });
    same(await hasPatchData(patch.id), true);
    await sleep(420);
    same(await hasPatchData(patch.id), false);
  },

  "expiry: over a port": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }) => {
      const found = await run(async ({ kv }) => {
        const out = {};
        await kv.set("stays", 1);
        await kv.set("a", 1, { ttl: 250 });
        await kv.setMany([["b", 2, { ttl: 250 }], ["c", 3]]);
        await kv.update("a", (old) => old + 1);
        out.told = [];
        kv.watch("a", (value) => out.told.push(value));
        out.before = await kv.entries();
        const code = (call) => call.then(() => "done", (error) => error.code);
        out.wrong = [await code(kv.set("d", 1, { ttl: -1 })), await code(kv.setMany([["d", 1, { ttl: 1, expires: 1 }]]))];
        await new Promise((resolve) => setTimeout(resolve, 1_250));
        out.after = await kv.entries();
        return out;
      });
      same(found.before, [["a", 2], ["b", 2], ["c", 3], ["stays", 1]]);
      same(found.wrong, ["InvalidArgument", "InvalidArgument"]);
      same(found.after, [["c", 3], ["stays", 1]]);
      same(found.told, [undefined]);
    });
  },
});

let server, browser;
before(async () => {
  server = await serve();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test("expiry: two tabs agree, and who watches is told within a second", async () => {
  const context = await browser.newContext();
  const [a, b] = await Promise.all([context.newPage(), context.newPage()]);
  for (const page of [a, b]) {
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    await page.evaluate(async () => {
      globalThis.patch = await (await import("/pkg/index.js")).openPatch("shared");
      globalThis.told = [];
      patch.kv("s").watch("k", (value) => told.push([value, Date.now()]));
    });
  }
  // The one has written before the other switches it on, and goes on.
  await b.evaluate(() => patch.kv("s").set("other", 1));
  const expires = await a.evaluate(async () => {
    const expires = Date.now() + 1_500;
    await patch.kv("s").set("k", "value", { expires });
    return expires;
  });
  await b.evaluate(() => patch.kv("s").set("other", 2));
  await b.waitForFunction(() => told.length === 1);
  assert.equal(await b.evaluate(() => patch.kv("s").get("k")), "value");
  for (const page of [a, b]) {
    await page.waitForFunction((until) => Date.now() > until, expires + 1_000);
    const told = await page.evaluate(() => told);
    assert.deepEqual(told.map(([value]) => value), ["value", undefined]);
    assert.ok(told[1][1] >= expires && told[1][1] <= expires + 1_000, `${told[1][1] - expires} ms after`);
    assert.deepEqual(await page.evaluate(() => patch.kv("s").keys()), ["other"]);
  }
  await context.close();
});
