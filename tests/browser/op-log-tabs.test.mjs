/** A watch of the op-log in a tab that is late: other tabs have gone on meanwhile. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

/** How long a tab is busy: another one writes and marks meanwhile. */
const BUSY_MS = 1_500;

let server, browser;
before(async () => {
  server = await serve();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test("hears of what another tab has written and marked before it looked", { timeout: 60_000 }, async () => {
  const context = await browser.newContext();
  const [writer, watcher] = await Promise.all([1, 2].map(() => pageWithPackage(context, server.origin)));
  for (const page of [writer, watcher]) {
    await page.evaluate(async () => void (globalThis.patch = await lib.openPatch("late", { opLog: true })));
  }
  await watcher.evaluate(() => {
    globalThis.heard = [];
    patch.opLog.watch(({ key }) => heard.push(key));
  });
  for (const marks of ["each", "none", "some", "all"]) {
    const busy = watcher.evaluate((ms) => {
      const end = performance.now() + ms;
      while (performance.now() < end);
    }, BUSY_MS);
    const marked = await writer.evaluate(async (marks) => {
      for (const n of [1, 2, 3]) await patch.kv("s").set(`${marks} ${n}`, n);
      const ids = (await patch.opLog.pending()).map(({ id }) => id);
      const which = { each: ids, none: [], some: [ids[1]], all: ids.at(-1) }[marks];
      return patch.opLog.markSynced(which);
    }, marks);
    assert.ok(marks === "none" || marked > 0);
    await busy;
    await watcher.waitForFunction((last) => heard.at(-1) === last, `${marks} 3`, { timeout: 10_000 });
  }
  const heard = await watcher.evaluate(() => heard);
  assert.deepEqual(heard, ["each", "none", "some", "all"].flatMap((marks) => [1, 2, 3].map((n) => `${marks} ${n}`)));
  await context.close();
});
