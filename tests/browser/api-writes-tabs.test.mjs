/** Writes of documents that read what is there, by two tabs at once. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, browser, context, tabs;

before(async () => {
  server = await serve();
  browser = await openBrowser();
  // Tabs of one context share their storage.
  context = await browser.newContext();
  tabs = await Promise.all([tab(), tab()]);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function tab() {
  const page = await context.newPage();
  await page.goto(`${server.origin}/tests/browser/api/page.html`);
  await page.waitForFunction(() => globalThis.kit !== undefined);
  await page.evaluate(async () => {
    globalThis.patch = await globalThis.kit.lib.openPatch("writes of two tabs");
    globalThis.db = globalThis.patch.db("d");
  });
  return page;
}

const inBoth = (work, ...args) => Promise.all(tabs.map((page) => page.evaluate(work, ...args)));

test("both modify the same document, and no change is lost", async () => {
  // One tab may be through before the other has begun: then it says nothing of two at once, and is done again.
  let [runs, changes] = [0, 0];
  for (let round = 0; round < 20 && runs === changes; round++) {
    const counts = await inBoth(async (round) => {
      const { db, patch, kit } = globalThis;
      await patch.kv("ready").update(`${round}`, (tabs = 0) => tabs + 1);
      await kit.until(async () => (await patch.kv("ready").get(`${round}`)) === 2, "both are ready");
      let runs = 0;
      for (let at = 0; at < 40; at++) {
        const add = (doc) => (runs++, { n: (doc?.n ?? 0) + 1, list: [...(doc?.list ?? []), doc?.n ?? 0] });
        const { n, list } = await db.modify("one", "x", add);
        kit.same(list.length, n);
      }
      return runs;
    }, round);
    runs += counts[0] + counts[1];
    changes += 80;
  }
  for (const [n, list] of await inBoth(async (changes) => {
    await globalThis.kit.until(async () => (await globalThis.db.findOne("one", "x"))?.n === changes, "all changes");
    const { n, list } = await globalThis.db.findOne("one", "x");
    return [n, list.join()];
  }, changes)) assert.deepEqual([n, list], [changes, Array.from({ length: changes }, (_, at) => at).join()]);
  assert.ok(runs > changes, `run ${runs} times for ${changes} changes`);
});

test("both upsert, delete and modify one id: it is there once, and what the calls say fits", async () => {
  const outcomes = await inBoth(async () => {
    const { db } = globalThis;
    let difference = 0;
    for (let at = 0; at < 30; at++) {
      if ((await db.upsert("two", { _id: "x", at })).inserted) difference += 1;
      if (at % 3 === 0 && (await db.deleteMany("two", { _id: "x" })) === 1) difference -= 1;
    }
    return difference;
  });
  const [one, two] = await inBoth(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return (await globalThis.db.find("two")).length;
  });
  assert.deepEqual([one, two], [1, 1]);
  assert.equal(outcomes[0] + outcomes[1], 1);
});

for (const way of ["modify", "transaction", "modify with a schema"]) {
  test(`a queue of documents by their status, from which both take: ${way}`, async () => {
    const JOBS = 40;
    await tabs[0].evaluate(async ([way, count]) => {
      await globalThis.db.insertMany(`jobs ${way}`, Array.from({ length: count }, (_, n) => ({ _id: `job ${n}`, status: "pending" })));
    }, [way, JOBS]);
    const taken = await inBoth(async ([way, count]) => {
      const { db, patch, kit } = globalThis;
      const jobs = `jobs ${way}`;
      await kit.until(async () => (await db.count(jobs)) === count);
      const validate = (value) => ({ value });
      const options = way === "modify with a schema" ? { schema: { "~standard": { version: 1, vendor: "test", validate } } } : undefined;
      const byModify = async () => {
        const [next] = await db.find(jobs, { status: "pending" }, { limit: 1 });
        if (next === undefined) return undefined;
        let mine = false;
        await db.collection(jobs, options).modify(next._id, (job) => {
          mine = job.status === "pending";
          return mine ? { ...job, status: "running" } : job;
        });
        return mine ? next._id : "taken by the other";
      };
      const inTransaction = () =>
        patch.transaction(async (tx) => {
          const [next] = await tx.db("d").find(jobs, { status: "pending" }, { limit: 1 });
          if (next === undefined) return undefined;
          await tx.db("d").update(jobs, next._id, { status: "running" });
          return next._id;
        }, { retries: 1000 });
      const mine = [];
      for (;;) {
        const id = await (way === "transaction" ? inTransaction() : byModify());
        if (id === undefined) return mine;
        if (id !== "taken by the other") mine.push(id);
      }
    }, [way, JOBS]);
    const all = taken.flat();
    assert.equal(all.length, JOBS, `each is taken once: ${all}`);
    assert.equal(new Set(all).size, JOBS);
  });
}

test("both change many at once: each commit is whole, and neither is lost", async () => {
  await tabs[0].evaluate(() => globalThis.db.insertMany("many", Array.from({ length: 300 }, (_, n) => ({ n, left: 0, right: 0 }))));
  await inBoth(() => globalThis.kit.until(async () => (await globalThis.db.count("many")) === 300));
  const work = async (side) => {
    const { db } = globalThis;
    for (let at = 1; at <= 10; at++) {
      globalThis.kit.same(await db.updateMany("many", { [side]: at - 1 }, { [side]: at }), 300);
    }
  };
  await Promise.all(["left", "right"].map((side, at) => tabs[at].evaluate(work, side)));
  for (const count of await inBoth(async () => {
    await globalThis.kit.until(async () => (await globalThis.db.count("many", { left: 10, right: 10 })) === 300);
    return globalThis.db.count("many");
  })) assert.equal(count, 300);
});

test("what a tab has kept of what it read is never stale after the other's writes", async () => {
  const [one, two] = tabs;
  await one.evaluate(async () => {
    await globalThis.db.insertMany("kept", [{ _id: "a", n: 1 }, { _id: "b", n: 1 }]);
    globalThis.kit.same((await globalThis.db.find("kept")).length, 2);
  });
  const says = (expected) =>
    one.evaluate(async (expected) => {
      const { db, kit } = globalThis;
      const said = async () => JSON.stringify((await db.find("kept")).map(({ _id, n }) => [_id, n]));
      await kit.until(async () => (await said()) === expected, expected);
      for (const [id, n] of JSON.parse(expected)) kit.same((await db.findOne("kept", id)).n, n);
    }, JSON.stringify(expected));
  await says([["a", 1], ["b", 1]]);
  // The other tab hears of them within a second: before, there is nothing for it to change.
  await two.evaluate(() => globalThis.kit.until(async () => (await globalThis.db.find("kept")).length === 2, "both are seen"));
  const steps = [
    [() => globalThis.db.modify("kept", "a", (doc) => ({ n: doc.n + 1 })), [["a", 2], ["b", 1]]],
    [() => globalThis.db.upsert("kept", { _id: "c", n: 3 }), [["a", 2], ["b", 1], ["c", 3]]],
    [() => globalThis.db.updateMany("kept", { n: { $gt: 1 } }, { n: 9 }), [["a", 9], ["b", 1], ["c", 9]]],
    [() => globalThis.db.deleteMany("kept", { n: 9 }), [["b", 1]]],
    [() => globalThis.db.modify("kept", "b", () => undefined), []],
  ];
  for (const [write, expected] of steps) {
    await two.evaluate(write);
    await says(expected);
  }
});
