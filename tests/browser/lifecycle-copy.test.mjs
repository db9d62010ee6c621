/** Listing patches, looking whether they hold data, and copying them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { openTab } from "./support/lifecycle.mjs";
import { ask } from "./support/realms.mjs";
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

async function inTab(work) {
  const context = await browser.newContext();
  try {
    return await work(await openTab(context, server.origin), context);
  } finally {
    await context.close();
  }
}

test("lists what there is, by prefix, with any ids, and creates nothing", () =>
  inTab(async (page) => {
    const found = await page.evaluate(async () => {
      const ids = ["b", "a", "x_y", "ä/ö ☃\u{1f600}", "__proto__", "0", " "];
      for (const id of ids) {
        const patch = await lib.openPatch(id);
        await patch.kv("s").set("k", "v".repeat(1000));
        await patch.close();
      }
      await (await lib.openPatch("empty")).close();
      await (await lib.openPatch("of x", { prefix: "patchstore_x_" })).close();
      const still = await open("b");
      await still.kv("s").set("more", new Uint8Array(200_000));
      const before = await names();
      const all = await lib.listPatches();
      const out = {
        ids: all.map(({ id }) => id),
        bytes: Object.fromEntries(all.map(({ id, bytes }) => [id, bytes])),
        encrypted: all.some(({ encrypted }) => encrypted),
        x: (await lib.listPatches({ prefix: "patchstore_x_" })).map(({ id }) => id),
        none: await lib.listPatches({ prefix: "none" }),
        whole: (await lib.listPatches({ prefix: "" })).length,
        created: JSON.stringify(before) !== JSON.stringify(await names()),
      };
      await lib.deletePatchData("a");
      out.left = (await lib.listPatches()).map(({ id }) => id);
      out.ended = ended;
      return out;
    });
    const ids = [" ", "0", "__proto__", "a", "b", "empty", "x_of x", "x_y", "ä/ö ☃\u{1f600}"];
    assert.deepEqual(found.ids, ids);
    assert.deepEqual(found.left, ids.filter((id) => id !== "a"));
    assert.ok(found.bytes.a > 1000 && found.bytes.a < 2000, `${found.bytes.a} bytes`);
    assert.ok(found.bytes.b > 201_000 && found.bytes.b < 210_000, `${found.bytes.b} bytes`);
    assert.equal(found.bytes.empty, 0);
    assert.deepEqual([found.encrypted, found.x, found.none, found.whole, found.created], [false, ["of x", "y"], [], 9, false]);
    assert.deepEqual(found.ended, {}, "nobody is disturbed");
  }));

test("tells whether there is data, and creates nothing", () =>
  inTab(async (page) => {
    const found = await page.evaluate(async () => {
      const has = (id, options) => lib.hasPatchData(id, options);
      const out = [await has("p"), await names()];
      const patch = await open("p");
      out.push(await has("p"));
      await patch.kv("s").set("k", 1);
      out.push(await has("p"), await has("p", { prefix: "other_" }));
      await patch.compact();
      out.push(await has("p"));
      await patch.kv("s").delete("k");
      out.push(await has("p"));
      const id = await patch.db("d").insert("c", { n: 1 });
      out.push(await has("p"));
      await patch.db("d").delete("c", id);
      out.push(await has("p"));
      // Not awaited: a read sees the writes that its realm has issued before.
      void patch.node("n").kv.set("k", 1);
      out.push(await has("p"));
      await patch.close();
      out.push(await has("p"));
      await lib.deletePatchData("p");
      out.push(await has("p"), await names(), ended.p);
      return out;
    });
    assert.deepEqual(found, [false, [], false, true, false, true, false, true, false, true, true, false, [], ["closed"]]);
  }));

test("a copy has everything, and both live on by themselves", () =>
  inTab(async (page) => {
    const found = await page.evaluate(async () => {
      const source = await open("p");
      const kv = source.kv("s"), notes = source.db("d").collection("notes");
      await kv.setMany(Array.from({ length: 3000 }, (_, n) => [`key ${n}`, { n, text: "y".repeat(200) }]));
      await notes.insertMany(Array.from({ length: 500 }, (_, n) => ({ n })));
      await source.compact();
      await kv.set("large", new Uint8Array(300_000).fill(7));
      await kv.set("odd", new Map([["a", new Date(5)], ["b", -0]]));
      await kv.delete("key 7");
      await source.node("one").db.insert("c", { _id: "x", at: 1 });
      void kv.set("last", "issued before");
      await lib.copyPatch("p", "q");
      const look = async (patch) => [
        await patch.kv("s").entries(), await patch.db("d").find("notes"), await patch.db("d").collections(),
        await patch.node("one").db.findOne("c", "x"), [...(await patch.kv("s").get("odd"))].length,
        Object.is((await patch.kv("s").get("odd")).get("b"), -0), (await patch.kv("s").get("large")).join().length,
      ];
      const target = await open("q");
      const same = JSON.stringify(await look(source)) === JSON.stringify(await look(target));
      await target.db("d").insert("notes", { n: "new" });
      await kv.set("key 0", "changed");
      const order = (await target.db("d").find("notes")).map(({ n }) => n);
      const again = await outcome(lib.copyPatch("p", "q")), onto = await outcome(lib.copyPatch("p", "p"));
      await target.compact();
      return {
        same, again, onto, count: await target.kv("s").count(), zero: (await target.kv("s").get("key 0")).n,
        last: await target.kv("s").get("last"), inOrder: order.length === 501 && order.every((n, at) => n === at || (at === 500 && n === "new")),
        ended,
      };
    });
    assert.deepEqual(found, { same: true, again: "Exists", onto: "Exists", count: 3002, zero: 0, last: "issued before", inOrder: true, ended: {} });
  }));

test("into a patch that is open and empty, here and in another tab", () =>
  inTab(async (page, context) => {
    const other = await openTab(context, server.origin);
    await other.evaluate(async () => {
      const patch = await open("q");
      globalThis.changes = [];
      patch.on("change", (change) => changes.push(change.remote));
      globalThis.watched = [];
      patch.kv("s").watch("k", (value) => watched.push(value));
    });
    const found = await page.evaluate(async () => {
      const [source, target] = [await open("p"), await open("q")];
      await source.kv("s").set("k", "copied");
      await lib.copyPatch("p", "q");
      return [await target.kv("s").get("k"), await outcome(target.kv("s").set("mine", 1))];
    });
    assert.deepEqual(found, ["copied", "done"]);
    assert.deepEqual(await ask(() => other.evaluate(() => watched), (all) => all.length > 0, 5000), ["copied"]);
    const theirs = await other.evaluate(async () => [await outcome(patches.q.kv("s").update("mine", (n) => n + 1)), changes.includes(true), ended]);
    assert.deepEqual(theirs, [2, true, {}]);
  }));

test("of one moment, while other tabs write", { timeout: 90_000 }, () =>
  inTab(async (page, context) => {
    const writers = await Promise.all([0, 1].map(() => openTab(context, server.origin)));
    await page.evaluate(async () => {
      const patch = await open("p");
      await patch.kv("s").setMany(Array.from({ length: 400 }, (_, n) => [`filler ${n}`, "z".repeat(5000)]));
    });
    for (const [at, writer] of writers.entries()) {
      await writer.evaluate(async (at) => {
        const patch = await open("p");
        globalThis.stop = false;
        const write = async () => {
          // Both or neither, and never further apart.
          for (let n = 1; !stop; n++) await patch.kv("s").setMany([[`a ${at}`, n], [`z ${at}`, n]]);
        };
        globalThis.writing = outcome(write(), 60_000);
      }, at);
    }
    const copies = await page.evaluate(async () => {
      const out = [];
      for (let round = 0; round < 5; round++) {
        const end = await outcome(lib.copyPatch("p", `copy ${round}`), 30_000);
        const copy = await lib.openPatch(`copy ${round}`);
        const values = await copy.kv("s").getMany(["a 0", "z 0", "a 1", "z 1"]);
        out.push([end, await copy.kv("s").count({ prefix: "filler" }), values]);
        await copy.close();
      }
      return out;
    });
    for (const writer of writers) assert.equal(await writer.evaluate(() => ((globalThis.stop = true), writing)), "done");
    for (const [end, filler, [a0, z0, a1, z1]] of copies) {
      assert.deepEqual([end, filler], ["done", 400]);
      assert.ok(a0 === z0 && a1 === z1 && a0 > 0, `${[a0, z0, a1, z1]}`);
    }
  }));

test("stopped, it leaves nothing behind", () =>
  inTab(async (page) => {
    const found = await page.evaluate(async () => {
      const source = await open("p");
      for (let n = 0; n < 8; n++) {
        await source.kv("s").setMany(Array.from({ length: 500 }, (_, i) => [`${n} ${i}`, `${Math.random()}`.repeat(100)]));
      }
      const before = AbortSignal.abort("before");
      const out = [await lib.copyPatch("p", "q", { signal: before }).catch((reason) => reason)];
      for (const ms of [1, 10, 30]) {
        const stopping = new AbortController();
        setTimeout(() => stopping.abort(`in ${ms}`), ms);
        out.push(await lib.copyPatch("p", "q", { signal: stopping.signal }).catch((reason) => reason));
        // Faster than that is whole.
        if (out.at(-1) === undefined) await lib.deletePatchData("q");
      }
      out.push(await names(), (await lib.listPatches()).map(({ id }) => id), await lib.hasPatchData("q"));
      out.push(await outcome(lib.copyPatch("p", "q")), await (await open("q")).kv("s").count());
      return out;
    });
    assert.equal(found[0], "before");
    assert.equal(found[1], "in 1");
    assert.deepEqual(found.slice(4), [["patchstore_p"], ["p"], false, "done", 4000]);
  }));

test("nothing keeps the page for long", { timeout: 120_000 }, () =>
  inTab(async (page) => {
    const longest = await page.evaluate(async () => {
      const source = await open("p");
      for (let n = 0; n < 20; n++) {
        await source.kv("s").setMany(Array.from({ length: 1000 }, (_, i) => [`${n} ${i}`, { n, text: `${Math.random()}`.repeat(40) }]));
      }
      await source.compact();
      const long = [];
      const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map(({ duration }) => duration)));
      observer.observe({ entryTypes: ["longtask"] });
      await lib.copyPatch("p", "q");
      await lib.listPatches();
      await lib.hasPatchData("q");
      await new Promise((resolve) => setTimeout(resolve, 200));
      long.push(...observer.takeRecords().map(({ duration }) => duration));
      return long;
    });
    console.log(`tasks above 50 ms: ${longest.map(Math.round)}`);
    assert.ok(longest.length <= 2, `tasks of ${longest} ms`);
  }));
