/** What the collector of garbage may do to an export: end one that nobody reads any more, and no other. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { openTab } from "./support/lifecycle.mjs";
import { serve } from "./support/server.mjs";

let server, browser, page;
before(async () => {
  server = await serve();
  browser = await openBrowser({ args: ["--js-flags=--expose-gc"] });
  page = await openTab(await browser.newContext(), server.origin);
  await page.evaluate(async () => {
    const patch = await open("p");
    for (let n = 0; n < 40; n++) await patch.kv("s").set(`${n}`, crypto.getRandomValues(new Uint8Array(60_000)));
    await patch.close();
    globalThis.collect = async () => {
      for (const type of ["minor", "minor", "major"]) {
        gc({ type });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    globalThis.locks = async () => (await navigator.locks.query()).held.filter(({ name }) => name.startsWith("patchstore-export:")).length;
  });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test("an export goes on while only its reader is held", { timeout: 60_000 }, async () => {
  const chunks = await page.evaluate(async () => {
    const reader = (await lib.exportPatch("p")).getReader();
    let [chunks, bytes] = [0, 0];
    for (;;) {
      await collect();
      const { done, value } = await reader.read();
      if (done) break;
      chunks += 1;
      bytes += value.length;
    }
    if (bytes < 2_400_000) throw new Error(`${bytes} bytes`);
    return chunks;
  });
  assert.ok(chunks > 2, `${chunks} chunks`);
});

test("and is ended by its signal, though only its reader is held", { timeout: 60_000 }, async () => {
  const ended = await page.evaluate(async () => {
    const stop = new AbortController();
    const reader = (await lib.exportPatch("p", { signal: stop.signal })).getReader();
    await reader.read();
    await collect();
    stop.abort("enough");
    return reader.read().then(() => "read", (reason) => reason);
  });
  assert.equal(ended, "enough");
});

test("one that nobody holds lets go of the patch", { timeout: 60_000 }, async () => {
  const left = await page.evaluate(async () => {
    await (async () => {
      const reader = (await lib.exportPatch("p")).getReader();
      await reader.read();
    })();
    const held = await locks();
    for (let n = 0; n < 100 && (await locks()) > 0; n++) await collect();
    return [held, await locks()];
  });
  assert.deepEqual(left, [1, 0]);
});
