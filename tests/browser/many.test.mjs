/** A page with many patches open: what it asks of IndexedDB, and what it keeps in memory. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { meter } from "./engine/meter.mjs";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

const PATCHES = 200;
const MIB = 1 << 20;

let server, browser, context;
before(async () => {
  server = await serve();
  browser = await openBrowser();
  // Its pages see the same databases.
  context = await browser.newContext();
});
after(async () => {
  await browser?.close();
  await server?.close();
});
const newPage = () => pageWithPackage(context, server.origin, (page) => page.addInitScript(meter));

test("many patches that nobody uses ask nothing, and are current when they are asked", async () => {
  const page = await newPage();
  const other = await newPage();
  const open = (count) =>
    page.evaluate(async (count) => {
      globalThis.patches = [];
      for (let n = 0; n < count; n++) patches.push(await lib.openPatch(`many-${n}`));
    }, count);
  await open(PATCHES);
  const settled = async (ms) => {
    await page.evaluate(() => meter.take());
    await new Promise((resolve) => setTimeout(resolve, ms));
    return (await page.evaluate(() => meter.take())).transactions;
  };
  // They fall asleep in turn, on a busy machine late.
  const rounds = Math.ceil((PATCHES * 3) / 32);
  let asked = Infinity;
  for (let wait = 0; asked >= 10 && wait < 8; wait++) {
    await settled(wait === 0 ? rounds * 700 : 5000);
    asked = await settled(5000);
  }
  assert.ok(asked < 10, `${asked} transactions in five seconds`);
  await other.evaluate(async (count) => {
    for (let n = 0; n < count; n += 20) {
      const patch = await lib.openPatch(`many-${n}`);
      await patch.kv("s").set("k", n);
      await patch.close();
    }
  }, PATCHES);
  const found = await page.evaluate(async () => {
    const found = [];
    for (let n = 0; n < patches.length; n += 20) found.push(await patches[n].kv("s").get("k"));
    return found;
  });
  assert.deepEqual(found, Array.from({ length: PATCHES / 20 }, (_, n) => n * 20));
  await page.close();
  await other.close();
});

test("a patch that slept is what it was, and one deleted meanwhile says so", async () => {
  const page = await newPage();
  const other = await newPage();
  await page.evaluate(async () => {
    globalThis.kept = await lib.openPatch("kept");
    globalThis.gone = await lib.openPatch("gone");
    globalThis.heard = await lib.openPatch("heard");
    heard.on("closed", ({ reason }) => (globalThis.reason = reason));
    for (const patch of [kept, gone, heard]) await patch.kv("s").set("k", "before");
  });
  await new Promise((resolve) => setTimeout(resolve, 50_000));
  const swept = await other.evaluate(async () => {
    const deleted = [await lib.deletePatchData("gone"), await lib.deletePatchData("heard")];
    const names = (await indexedDB.databases()).map(({ name }) => name);
    return { deleted, gone: names.includes("patchstore_gone") };
  });
  assert.deepEqual(swept, { deleted: [true, true], gone: false });
  const found = await page.evaluate(async () => {
    const failed = await failure(() => gone.kv("s").get("k"));
    await kept.kv("s").set("l", "after");
    const values = [await kept.kv("s").get("k"), await kept.kv("s").get("l")];
    const names = (await indexedDB.databases()).map(({ name }) => name);
    return { failed: failed?.code, values, reason, gone: names.includes("patchstore_gone") };
  });
  assert.deepEqual(found, { failed: "Closed", values: ["before", "after"], reason: "deleted", gone: false });
  await page.close();
  await other.close();
});

test("large values do not make the wasm's memory grow", async () => {
  const page = await newPage();
  const grown = await page.evaluate(async (MIB) => {
    const patch = await lib.openPatch("large", { cacheBytes: 4 * MIB });
    const kv = patch.kv("s");
    const write = async (from, until) => {
      for (let n = from; n < until; n++) await kv.set(`k${n}`, "x".repeat(MIB));
      for (let n = from; n < until; n++) await kv.get(`k${n}`);
    };
    await write(0, 8);
    const before = meter.memoryBytes();
    await write(8, 72);
    return meter.memoryBytes() - before;
  }, MIB);
  assert.ok(grown <= 8 * MIB, `${grown / MIB} MiB`);
  await page.close();
});
