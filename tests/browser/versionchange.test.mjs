/** A call rejected as Closed at a versionchange must not have taken effect (or must say that nobody knows). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

test("what is rejected at a versionchange is not there", { timeout: 60_000 }, async () => {
  const server = await serve();
  const browser = await openBrowser();
  try {
    const page = await pageWithPackage(browser, server.origin);
    const rounds = await page.evaluate(async () => {
      const rounds = [];
      for (let round = 0; round < 20; round++) {
        const id = `round-${round}`;
        const patch = await lib.openPatch(id);
        await patch.kv("s").set("k", "before");
        // An upgrade that is given up again: the database stays as it is, version 1.
        const request = indexedDB.open(`patchstore_${id}`, 2);
        request.onupgradeneeded = () => request.transaction.abort();
        const upgrade = asked(request).catch(() => {});
        const write = await failure(() => patch.kv("s").set("k", "after"));
        await upgrade;
        const again = await lib.openPatch(id);
        rounds.push({ code: write?.code ?? "acknowledged", message: write?.message, k: await again.kv("s").get("k") });
        await again.close();
      }
      return rounds;
    });
    const wrong = rounds.filter(({ code, k }) => k !== (code === "acknowledged" ? "after" : "before"));
    assert.deepEqual(wrong, []);
  } finally {
    await browser.close();
    await server.close();
  }
});
