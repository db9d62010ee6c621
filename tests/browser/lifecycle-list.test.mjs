/** Listing patches, and looking whether they hold data. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { openTab } from "./support/lifecycle.mjs";
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
    return await work(await openTab(context, server.origin));
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
