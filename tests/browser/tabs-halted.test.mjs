/** Tabs that are closed or crash in the midst of their work, and one that is frozen, while others go on. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./support/chromium-process.mjs";
import { account, ask, assertAllSee, look, openTab } from "./support/realms.mjs";
import { serve } from "./support/server.mjs";

/** Only hidden tabs can be frozen, and a driver's tabs all count as visible: not this browser's. */
async function inBrowser(work) {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-halted-"));
  const server = await serve();
  const { context, kill } = await run(profile);
  try {
    await work(context, server.origin);
  } finally {
    await kill();
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

test("a tab closed, one crashed and one frozen hold nobody up, and sums stay exact", { timeout: 120_000 }, () =>
  inBrowser(async (context, origin) => {
    await context.addInitScript(countTransactions);
    const heard = {}, realms = {};
    for (const name of ["closed", "crashed", "frozen", "steady", "other"]) {
      realms[name] = await openTab(context, origin, name);
      heard[name] = { updates: 0, transfers: 0 };
      await realms[name].exposeFunction("heard", (counts) => (heard[name] = counts));
    }
    const begin = (name) => realms[name].evaluate(() => void (globalThis.done = teller.work(Infinity, heard)));
    const more = (name, rounds) => {
      const goal = heard[name].transfers + rounds;
      return ask(async () => heard[name].transfers, (transfers) => transfers >= goal).then((transfers) =>
        assert.ok(transfers >= goal, `${name} is held up: ${goal - transfers} of ${rounds} rounds are missing`),
      );
    };
    await Promise.all(Object.keys(realms).map(begin));
    await Promise.all(Object.keys(realms).map((name) => more(name, 3)));

    // A visible tab is never frozen.
    await realms.other.bringToFront();
    await realms.closed.close();
    await more("steady", 3);
    await crash(realms.crashed);
    await more("steady", 3);
    const left = { frozen: realms.frozen, steady: realms.steady, other: realms.other };
    for (let at = 0; at < 3; at++) {
      await Promise.all(Object.values(left).map((realm) => realm.evaluate(() => (teller.stop(), done))));
      const client = await freezeAtRest(realms.frozen);
      await Promise.all(["steady", "other"].map(begin));
      await Promise.all([more("steady", 5), more("other", 5)]);
      await client.send("Page.setWebLifecycleState", { state: "active" });
      await begin("frozen");
      await more("frozen", 3);
    }

    const accounts = {};
    for (const [name, realm] of Object.entries(left)) {
      await realm.evaluate(() => (teller.stop(), done));
      accounts[name] = await account(realm);
      assert.deepEqual(accounts[name].wrong, [], name);
    }
    // Its view may be a moment behind.
    const isComplete = (seen) => Object.keys(left).every((name) => seen.transfers[name] >= accounts[name].transfers);
    const final = await ask(() => look(left.steady), isComplete);
    for (const name of Object.keys(left)) {
      const { updates, transfers } = accounts[name];
      assert.deepEqual([final.by[name] * 2, final.transfers[name]], [updates, transfers], name);
    }
    // Those that are gone are not asked, but what they had been promised is there; and of what was
    // under way a prefix at most: each counted itself after it had counted in `all`.
    for (const name of ["closed", "crashed"]) {
      const { updates, transfers } = heard[name];
      assert.ok(final.by[name] * 2 >= updates && final.transfers[name] >= transfers, JSON.stringify([name, final, heard]));
    }
    const ahead = final.all - Object.values(final.by).reduce((a, b) => a + b);
    assert.ok(ahead >= 0 && ahead <= 2, `${ahead} more than were counted one by one`);
    assert.equal(final.balance, 0);
    await assertAllSee(left, final);
  }),
);

/** Ends the process of a page, as far as the page can tell: at once. */
async function crash(page) {
  const crashed = page.waitForEvent("crash");
  const client = await page.context().newCDPSession(page);
  // Nobody is left to answer.
  client.send("Page.crash").catch(() => {});
  await crashed;
}

/**
 * Freezes a page between two of its looks at the log: again, if it was in the midst of one. Chromium hands a
 * frozen page the others' messages still, so that it begins to look, and hears no more of it.
 */
async function freezeAtRest(page) {
  for (let tries = 0; tries < 10; tries++) {
    const client = await freeze(page);
    if ((await page.evaluate(() => transactions)) === 0) return client;
    await client.send("Page.setWebLifecycleState", { state: "active" });
  }
  throw new Error("the page does not come to rest");
}

/** Counts, in `transactions`, those that the page has not heard the end of. */
function countTransactions() {
  globalThis.transactions = 0;
  const { transaction } = IDBDatabase.prototype;
  IDBDatabase.prototype.transaction = function (...asked) {
    const begun = transaction.apply(this, asked);
    transactions++;
    for (const end of ["complete", "abort"]) begun.addEventListener(end, () => transactions--);
    return begun;
  };
}

/** Freezes a hidden page, and makes sure that it is: its timers stand still. */
async function freeze(page) {
  await page.evaluate(() => {
    globalThis.froze = new Promise((resolve) => document.addEventListener("freeze", resolve, { once: true }));
    if (!globalThis.timer) {
      globalThis.ticks = 0;
      globalThis.timer = setInterval(() => ticks++, 10);
    }
  });
  const client = await page.context().newCDPSession(page);
  await client.send("Page.setWebLifecycleState", { state: "frozen" });
  await page.evaluate(() => froze);
  const ticks = () => page.evaluate(() => globalThis.ticks);
  const first = await ticks();
  // Timers of hidden tabs run once a second.
  await sleep(1500);
  assert.equal(await ticks(), first, "the page is frozen");
  return client;
}
