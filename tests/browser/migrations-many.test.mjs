/** A migration that rewrites 100 000 documents in a page: it ends, and the page does other work meanwhile. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

const MANY = 100_000;

let server, browser;
before(async () => {
  server = await serve();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

for (const how of ["updateMany", "iterate"]) {
  test(`100 000 documents by ${how}`, { timeout: 300_000 }, async () => {
    const page = await pageWithPackage(browser, server.origin);
    const found = await page.evaluate(async ([how, many]) => {
      const id = `many by ${how}`;
      const first = await lib.openPatch(id);
      for (let at = 0; at < many; at += 10_000) {
        await first.db("d").insertMany("c", Array.from({ length: 10_000 }, (_, n) => ({ n: at + n, text: `some text of document ${at + n}` })));
      }
      await first.close();
      // The longest time between two tasks of others.
      let [last, longest, tasks] = [performance.now(), 0, 0];
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        tasks += 1;
        port2.postMessage(undefined);
      };
      port2.postMessage(undefined);
      const beganMs = performance.now();
      let done = 0;
      const patch = await lib.openPatch(id, {
        version: 1,
        async migrate(tx) {
          const db = tx.db("d");
          if (how === "updateMany") {
            done = await db.updateMany("c", {}, { half: true });
            return;
          }
          for await (const { _id, n } of db.iterate("c")) {
            await db.update("c", _id, { half: n / 2 });
            done += 1;
          }
        },
      });
      const tookMs = performance.now() - beganMs;
      port1.close();
      const count = await patch.db("d").count("c", { half: { $exists: true } });
      await patch.close();
      return { done, count, longest, tasks, tookMs };
    }, [how, MANY]);
    console.log(`migrations: ${how}: ${JSON.stringify(found)}`);
    assert.deepEqual([found.done, found.count], [MANY, MANY]);
    // As often as a task may be long, half of the time at least.
    assert.ok(found.tasks >= found.tookMs / 100, `${found.tasks} tasks of others in ${found.tookMs} ms`);
    await page.close();
  });
}
