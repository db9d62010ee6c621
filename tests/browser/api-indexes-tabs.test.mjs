/** Indexes in two tabs at once. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, browser, tabs;

before(async () => {
  server = await serve();
  browser = await openBrowser();
  const context = await browser.newContext();
  tabs = await Promise.all([0, 1].map(async () => {
    const page = await context.newPage();
    await page.goto(`${server.origin}/tests/browser/api/page.html`);
    await page.waitForFunction(() => globalThis.kit !== undefined);
    await page.evaluate(async () => {
      globalThis.patch = await globalThis.kit.lib.openPatch("indexes of two tabs");
      globalThis.db = globalThis.patch.db("d");
    });
    return page;
  }));
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test("an index that one tab makes is the other's from the moment it is there", async () => {
  const [one, two] = tabs;
  await one.evaluate(async () => {
    await globalThis.db.insertMany("a", Array.from({ length: 1000 }, (_, n) => ({ n, group: n % 10 })));
    await globalThis.db.createIndex("a", "group");
    await globalThis.db.createIndex("a", "n", { unique: true });
  });
  const error = await two.evaluate(async () => {
    const { db } = globalThis;
    // (It has never read of them: the write comes upon them.)
    return db.insert("a", { n: 7 }).then(() => undefined, ({ code, ids }) => ({ code, ids: ids.length }));
  });
  assert.deepEqual(error, { code: "ConstraintViolation", ids: 2 });
  const found = await two.evaluate(async () => {
    const { db } = globalThis;
    const { kind } = await db.explain("a", { group: 3 });
    await db.insert("a", { n: 5000, group: 3 });
    return [kind, (await db.find("a", { group: 3 })).length];
  });
  assert.deepEqual(found, ["index", 101]);
  await one.evaluate(() => globalThis.kit.until(async () => (await globalThis.db.count("a", { group: 3 })) === 101));
});

test("both insert the same values at once: one has each, the other hears of both", async () => {
  await tabs[0].evaluate(() => globalThis.db.createIndex("b", "slug", { unique: true }));
  const VALUES = 60;
  const outcomes = await Promise.all(tabs.map((page, tab) => page.evaluate(async ([tab, count]) => {
    const { db, patch, kit } = globalThis;
    await patch.kv("ready").set(`${tab}`, true);
    await kit.until(async () => (await patch.kv("ready").keys()).length === 2, "both are ready");
    const outcomes = await Promise.allSettled(Array.from({ length: count }, (_, n) => db.insert("b", { _id: `${tab} ${n}`, slug: n })));
    return outcomes.map(({ status, reason }) => (status === "fulfilled" ? "stored" : [reason.code, [...(reason.ids ?? [])].sort()]));
  }, [tab, VALUES])));
  for (let n = 0; n < VALUES; n++) {
    const stored = outcomes.filter((of) => of[n] === "stored").length;
    assert.equal(stored, 1, `value ${n} is stored once`);
    const refused = outcomes.find((of) => of[n] !== "stored");
    assert.deepEqual(refused[n], ["ConstraintViolation", [`0 ${n}`, `1 ${n}`]]);
  }
  for (const page of tabs) {
    assert.equal(await page.evaluate(async (count) => {
      await globalThis.kit.until(async () => (await globalThis.db.count("b")) === count);
      return globalThis.db.count("b", { slug: { $gte: 0 } });
    }, VALUES), VALUES);
  }
});

test("one tab makes and drops indexes while the other writes: what is found by an index is what a scan finds", async () => {
  const [one, two] = tabs;
  const making = one.evaluate(async () => {
    for (let at = 0; at < 12; at++) {
      await globalThis.db.createIndex("w", ["group", "n"]);
      await globalThis.db.dropIndex("w", ["group", "n"]);
    }
    await globalThis.db.createIndex("w", ["group", "n"]);
  });
  const writing = two.evaluate(async () => {
    const { db } = globalThis;
    for (let at = 0; at < 40; at++) {
      const ids = await db.insertMany("w", Array.from({ length: 10 }, (_, n) => ({ group: n % 3, n: at })));
      await db.update("w", ids[0], { group: 1 });
      await db.updateMany("w", { group: 2, n: at }, { group: 0 });
      await db.delete("w", ids[1]);
    }
  });
  await Promise.all([making, writing]);
  for (const page of tabs) {
    const [indexed, scanned] = await page.evaluate(async () => {
      const { db, kit } = globalThis;
      await kit.until(async () => (await db.count("w")) === 360);
      const say = (docs) => docs.map(({ _id, group, n }) => [_id, group, n].join());
      const all = await db.find("w");
      const indexed = [], scanned = [];
      for (const group of [0, 1, 2]) {
        kit.same((await db.explain("w", { group })).kind, "index");
        indexed.push(...say(await db.find("w", { group })));
        scanned.push(...say(all.filter((doc) => doc.group === group)));
      }
      return [indexed, scanned];
    });
    assert.deepEqual(indexed, scanned);
    assert.equal(scanned.length, 360);
  }
});
