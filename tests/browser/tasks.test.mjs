/** Calls that are answered at once let the page do other work, however long their caller goes on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, browser, page;

before(async () => {
  server = await serve();
  browser = await openBrowser();
  page = await browser.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  await page.evaluate(async () => {
    globalThis.lib = await import("/pkg/index.js");
    /** Runs `body`; how many tasks of others the page got done meanwhile. */
    globalThis.tasksDuring = async (body) => {
      const { port1, port2 } = new MessageChannel();
      let tasks = 0;
      port1.onmessage = () => {
        tasks += 1;
        port2.postMessage(undefined);
      };
      port2.postMessage(undefined);
      await new Promise((resolve) => setTimeout(resolve));
      tasks = 0;
      const beganMs = performance.now();
      await body();
      const tookMs = performance.now() - beganMs;
      port1.onmessage = null;
      port1.close();
      return { tasks, tookMs };
    };
  });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** That others get their turn about as often as a task may be long, half of the time at least. */
function assertShared({ tasks, tookMs }) {
  assert.ok(tookMs > 100, `too little work to tell: ${tookMs} ms`);
  assert.ok(tasks >= tookMs / 100, `${tasks} tasks of others in ${tookMs} ms`);
}

test("reads of what is in memory, one after the other", async () => {
  assertShared(
    await page.evaluate(async () => {
      const kv = (await lib.openPatch("reads")).kv("s");
      await kv.set("k", { n: 1 });
      return tasksDuring(async () => {
        for (let n = 0; n < 1_000_000; n++) await kv.get("k");
      });
    }),
  );
});

test("inserts of a transaction, one after the other", async () => {
  assertShared(
    await page.evaluate(async () => {
      const patch = await lib.openPatch("inserts");
      let found;
      await patch.transaction(async (tx) => {
        found = await tasksDuring(async () => {
          for (let n = 0; n < 60_000; n++) await tx.db("d").insert("c", { n });
        });
      });
      return found;
    }),
  );
});

test("writes of a transaction, however long each takes", async () => {
  const most = await page.evaluate(async () => {
    const patch = await lib.openPatch("paced");
    let [writes, most, ms] = [0, 0, 0];
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      writes = 0;
      port2.postMessage(undefined);
    };
    port2.postMessage(undefined);
    await patch.transaction(async (tx) => {
      const db = tx.db("d");
      // Each look at the clock finds that a slice has passed.
      performance.now = () => (ms += 100);
      for (let n = 0; n < 500; n++) {
        await db.insert("c", { _id: `${n}` });
        await db.update("c", `${n}`, { n });
        await db.delete("c", `${n}`);
        most = Math.max(most, (writes += 3));
      }
      delete performance.now;
    });
    port1.close();
    return most;
  });
  assert.ok(most <= 48, `${most} writes in one task`);
});

test("pages of an iteration", async () => {
  assertShared(
    await page.evaluate(async () => {
      const kv = (await lib.openPatch("pages")).kv("s");
      await kv.setMany(Array.from({ length: 150_000 }, (_, n) => [`key ${n}`, { n }]));
      // Warm, so that no page waits for the storage.
      for await (const _ of kv.iterate());
      return tasksDuring(async () => {
        let seen = 0;
        for (let time = 0; time < 5; time++) for await (const _ of kv.iterate()) seen += 1;
        if (seen !== 750_000) throw new Error(`saw ${seen}`);
      });
    }),
  );
});
