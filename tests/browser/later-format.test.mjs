/** A head of a later format, written by another tab meanwhile: an open patch says so, and leaves what is there alone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

let server, browser, context;
before(async () => {
  server = await serve();
  browser = await openBrowser();
  context = await browser.newContext();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function openTab(id) {
  const page = await pageWithPackage(context, server.origin);
  await page.evaluate(async (id) => {
    globalThis.patch = await lib.openPatch(id);
    await patch.kv("s").update("k", (old = 0) => old + 1);
    /** Every record of the database, as text. */
    globalThis.records = async (database) => {
      const found = {};
      for (const name of database.objectStoreNames) {
        const store = database.transaction(name).objectStore(name);
        const [keys, values] = await Promise.all([asked(store.getAllKeys()), asked(store.getAll())]);
        keys.forEach((key, at) => (found[`${name} ${key}`] = values[at].join()));
      }
      return found;
    };
  }, id);
  return page;
}

for (const [title, waits, call] of [
  ["a blind write at once", 0, "set"],
  ["a dependent write at once", 0, "update"],
  ["a write after the tab has had time to look", 2500, "set"],
]) {
  test(title, { timeout: 60_000 }, async () => {
    const id = title.replaceAll(" ", "-");
    const [page, other] = [await openTab(id), await openTab(id)];
    await other.evaluate(() => patch.close());
    const before = await other.evaluate(async (id) => {
      globalThis.database = await asked(indexedDB.open(`patchstore_${id}`));
      // As every format does whose frames or heads are others: with the log cut, and a number of it used up.
      const upgrade = database.transaction(["head", "log"], "readwrite");
      const store = upgrade.objectStore("head");
      const head = await asked(store.get("head"));
      head[3] = 9; // the version
      store.put(head, "head");
      upgrade.objectStore("log").clear();
      await asked(upgrade.objectStore("log").add(head));
      return records(database);
    }, id);
    const codes = await page.evaluate(async ([waits, call]) => {
      await new Promise((resolve) => setTimeout(resolve, waits));
      const late = new Promise((resolve) => setTimeout(resolve, 10_000, { code: "hangs" }));
      const write = () => (call === "set" ? patch.kv("s").set("k", "late") : patch.kv("s").update("k", () => "late"));
      const codes = [];
      for (let at = 0; at < 2; at++) codes.push((await Promise.race([failure(write), late]))?.code);
      await Promise.race([patch.close(), late]);
      return codes;
    }, [waits, call]);
    const after = await other.evaluate(() => records(database));
    for (const code of codes) assert.ok(["UnsupportedFormat", "Closed"].includes(code), `${codes}`);
    for (const [key, record] of Object.entries(before)) assert.equal(after[key], record, `${key} is as it was`);
    // A write learns by its frame's number that it has to look, and then that it is void: one at most, and none
    // once the tab has looked.
    const added = Object.keys(after).length - Object.keys(before).length;
    assert.ok(added <= (waits === 0 ? 1 : 0), `${added} records were added`);
    await Promise.all([page.close(), other.close()]);
  });
}
