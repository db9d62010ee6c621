/** Patches that another tab deletes while they are copied or looked at: deterministic, since a read is held back meanwhile. */
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

/** In two tabs, the second of which deletes `gone` when the first, in `work`, reads the records of "patchstore_p". */
async function deletedWhileRead(gone, work) {
  const context = await browser.newContext();
  try {
    const [page, other] = [await openTab(context, server.origin), await openTab(context, server.origin)];
    await other.evaluate(async () => {
      const patch = await open("p");
      await patch.kv("s").setMany(Array.from({ length: 500 }, (_, n) => [`${n}`, `${Math.random()}`.repeat(50)]));
      await patch.compact();
      await patch.close();
      await (await lib.openPatch("q")).close();
    });
    await page.evaluate(() => {
      const { get } = IDBObjectStore.prototype;
      const released = new Promise((resolve) => (globalThis.release = resolve));
      globalThis.held = false;
      IDBObjectStore.prototype.get = function (key) {
        const request = get.call(this, key);
        if (this.name !== "runs" || this.transaction.db.name !== "patchstore_p") return request;
        globalThis.held = true;
        const late = { get result() { return request.result; }, get error() { return request.error; } };
        // Whoever has given up hears nothing more.
        request.onsuccess = (event) => released.then(() => late.onsuccess?.(event));
        return late;
      };
    });
    await page.evaluate(work);
    await ask(() => page.evaluate(() => held), (isHeld) => isHeld, 5000);
    assert.equal(await other.evaluate((id) => outcome(lib.deletePatchData(id)), gone), true);
    // By now it has been told.
    await page.evaluate(() => Promise.race([looking, new Promise((resolve) => setTimeout(resolve, 2000))]));
    await page.evaluate(() => release());
    return await page.evaluate(async () => [await looking, (await names()).includes("patchstore_new")]);
  } finally {
    await context.close();
  }
}

test("a copy whose source goes is a conflict, and leaves nothing behind", async () => {
  const copying = () => void (globalThis.looking = outcome(lib.copyPatch("p", "new").catch((error) => { throw { code: [error.code, error.remedy, error.message, error.cause?.code] }; })));
  assert.deepEqual(await deletedWhileRead("p", copying), [
    ["Conflict", "retry", '"p" or "new" was deleted while it was being copied', "Closed"],
    false,
  ]);
});

test("a copy whose target goes is a conflict", async () => {
  const copying = () => void (globalThis.looking = outcome(lib.copyPatch("p", "q")));
  assert.deepEqual(await deletedWhileRead("q", copying), ["Conflict", false]);
});

test("a patch that goes while it is looked at holds no data", async () => {
  const looking = () => void (globalThis.looking = outcome(lib.hasPatchData("p")));
  assert.deepEqual(await deletedWhileRead("p", looking), [false, false]);
});
