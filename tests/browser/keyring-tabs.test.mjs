/** Keys that are changed in one tab while others have the patch open, and write. */
import assert from "node:assert/strict";
import { pageWithPackage } from "./support/page.mjs";
import { inEachBrowser } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

/** A test for each browser, with tabs that have one patch open under the key 1; `at(byte)` says how another one fares that tries a key. */
function inTabs(title, count, work) {
  const test = async (browser) => {
    // (An origin of its own: contexts may share what is stored.)
    const server = await serve();
    const context = await browser.newContext();
    try {
      const tabs = [];
      while (tabs.length < count) {
        const tab = await pageWithPackage(context, server.origin);
        await tab.evaluate(async () => {
          globalThis.key = (byte) => ({ key: new Uint8Array(32).fill(byte) });
          globalThis.patch = await lib.openPatch("keys", { encryption: key(1) });
        });
        tabs.push(tab);
      }
      const other = await pageWithPackage(context, server.origin);
      const at = (byte) =>
        other.evaluate(async (byte) => {
          let found;
          const refused = await failure(async () => {
            const patch = await lib.openPatch("keys", { encryption: { key: new Uint8Array(32).fill(byte) } });
            found = await patch.kv("s").count();
            await patch.close();
          });
          return refused?.code ?? found;
        }, byte);
      await work(tabs, at);
    } finally {
      await context.close();
      await server.close();
    }
  };
  inEachBrowser(title, test, { timeout: 120_000 });
}

/** Writes one by one, and flushes now and then, until `end`; how many were acknowledged, and what failed. */
const busy = (tab) =>
  tab.evaluate(() => {
    globalThis.done = { written: 0, failed: [] };
    globalThis.end = false;
    globalThis.working = (async () => {
      while (!end) {
        const refused = await failure(() => patch.kv("s").set(`${done.written}`, "x".repeat(500)));
        if (refused) done.failed.push(refused);
        else done.written += 1;
        if (done.written % 40 === 0) await patch.compact();
      }
    })();
  });
const idle = (tab) =>
  tab.evaluate(async () => {
    end = true;
    await working;
    return done;
  });

inTabs("a tab that writes goes on while another sets, replaces and removes keys", 2, async ([one, two], at) => {
  await busy(two);
  for (let round = 0; round < 3; round++) {
    await one.evaluate(() => patch.keyring.set("spare", key(9)));
    assert.equal(typeof (await at(9)), "number");
    await one.evaluate((byte) => patch.rekey(key(byte)), 10 + round);
    assert.equal(await at(round === 0 ? 1 : 9 + round), "WrongKey");
    assert.equal(typeof (await at(10 + round)), "number");
    assert.equal(await one.evaluate(() => patch.keyring.remove("spare")), true);
    assert.equal(await at(9), "WrongKey");
  }
  const { written, failed } = await idle(two);
  assert.deepEqual(failed, []);
  assert.ok(written > 10, `${written}`);
  // The tab whose key is gone has it open still, and reads and writes.
  await two.evaluate(() => patch.kv("s").set("after", 1));
  assert.deepEqual(await two.evaluate(() => patch.keyring.names()), ["main"]);
  assert.equal((await two.evaluate(() => failure(() => patch.rekey(key(3))))).code, "Conflict");
  for (const tab of [one, two]) {
    // (A tab hears of what another one has committed a little later.)
    const counted = await tab.evaluate(async (expected) => {
      for (let tries = 0; tries < 100 && (await patch.kv("s").count()) < expected; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
      return patch.kv("s").count();
    }, written + 1);
    assert.equal(counted, written + 1);
    await tab.evaluate(() => patch.close());
  }
  assert.deepEqual([await at(12), await at(1)], [written + 1, "WrongKey"]);
});

inTabs("of two tabs that replace one key at once, one is told so; other changes both take effect", 2, async (tabs, at) => {
  for (let round = 0; round < 4; round++) {
    await Promise.all(
      tabs.map((tab, n) => tab.evaluate(([name, byte]) => patch.keyring.set(name, key(byte)), [`${round}${n}`, 100 + 2 * round + n])),
    );
    for (const n of [0, 1]) assert.equal(await at(100 + 2 * round + n), 0);
  }
  const expected = ["main", ...Array.from({ length: 8 }, (_, at) => `${at >> 1}${at & 1}`)].sort();
  for (const tab of tabs) assert.deepEqual((await tab.evaluate(() => patch.keyring.names())).sort(), expected);
  const outcomes = await Promise.all(tabs.map((tab, n) => tab.evaluate((byte) => failure(() => patch.rekey(key(byte))), 50 + n)));
  const refused = outcomes.map((outcome) => outcome?.code ?? null);
  assert.deepEqual(refused.toSorted(), ["Conflict", null].toSorted());
  const winner = refused.indexOf(null);
  assert.deepEqual([await at(50 + winner), await at(51 - winner), await at(1)], [0, "WrongKey", "WrongKey"]);
});
