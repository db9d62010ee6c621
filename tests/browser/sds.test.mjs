/**
 * The persistence provider in a browser: two tabs on one store, and a sync engine whose browser is killed at random moments, by SIGKILL to all its
 * processes: what was acknowledged is there again, and nothing that never was. KILLS says how often.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openBrowser } from "./support/browser.mjs";
import { run } from "./support/chromium-process.mjs";
import { serve } from "./support/server.mjs";

const KILLS = Number(process.env.KILLS ?? 5);
/** A kill comes this late at most, ms after something was acknowledged. */
const LATEST_MS = 1_500;

let server;
before(async () => {
  server = await serve();
});
after(() => server?.close());

/** A page with an engine on the store. */
async function tab(context, name, threshold) {
  const page = await context.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  const known = await page.evaluate(async ([name, threshold]) => {
    const [{ PatchPersistenceProvider }, { SyncEngine }] = await Promise.all([import("/pkg/sds.js"), import("/tests/browser/support/sync-engine.mjs")]);
    globalThis.provider = new PatchPersistenceProvider(name, "store");
    globalThis.engine = await SyncEngine.start(globalThis.provider, threshold);
    return [...globalThis.engine.known];
  }, [name, threshold]);
  return { page, known };
}

test("two tabs on one store: both append under the same clocks, and nothing is lost or twice", { timeout: 60_000 }, async () => {
  const browser = await openBrowser();
  try {
    const context = await browser.newContext();
    const tabs = [await tab(context, "two"), await tab(context, "two")];
    await Promise.all(tabs.map(({ page }, which) => page.evaluate(async (which) => {
      const { engine, provider } = globalThis;
      // (No snapshots while both write: one tab's clock says nothing of the other's patches.)
      for (let n = 0; n < 60; n++) {
        const clock = n >> 2;
        void provider.appendPatch(new TextEncoder().encode(JSON.stringify([`${which} ${n}`])), clock);
        // Both say this one.
        await provider.appendPatch(new TextEncoder().encode(JSON.stringify([`both ${clock}`])), clock);
      }
      await engine.settled();
    }, which)));
    const expected = [...Array.from({ length: 60 }, (_, n) => [`0 ${n}`, `1 ${n}`]).flat(), ...Array.from({ length: 15 }, (_, n) => `both ${n}`)].sort();
    for (const { page } of tabs) {
      const found = await page.evaluate(async (count) => {
        const patches = async () => (await globalThis.provider.loadPatchesSince(-1)).flatMap((patch) => JSON.parse(new TextDecoder().decode(patch)));
        // The commits of other tabs are there within a second.
        for (const end = Date.now() + 5_000; (await patches()).length < count && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 20));
        return patches();
      }, expected.length);
      assert.deepEqual([...found].sort(), expected);
      // Of each tab, and of one clock, they are in the order of arrival; of different clocks ascending.
      for (const which of [0, 1]) assert.deepEqual(found.filter((each) => each.startsWith(`${which} `)).map((each) => Number(each.slice(2))), Array.from({ length: 60 }, (_, n) => n));
    }
    // Both see them in one order.
    const [one, two] = await Promise.all(tabs.map(({ page }) => page.evaluate(async () => (await globalThis.provider.loadPatchesSince(-1)).map(String))));
    assert.deepEqual(one, two);
    // Values: each tab's saving counts.
    for (const { page } of tabs) await page.evaluate(() => globalThis.provider.saveValue("shared", new Uint8Array([1, 2, 3])));
    await tabs[0].page.evaluate(() => globalThis.provider.releaseValue("shared"));
    const left = await tabs[1].page.evaluate(async () => {
      await globalThis.provider.releaseValue("unknown");
      const kept = await globalThis.provider.loadValue("shared");
      await globalThis.provider.releaseValue("shared");
      return [[...(kept ?? [])], await globalThis.provider.loadValue("shared")];
    });
    assert.deepEqual(left, [[1, 2, 3], undefined]);
  } finally {
    await browser.close();
  }
});

test(`an engine killed ${KILLS} times with its browser`, { timeout: 60_000 + KILLS * 30_000 }, async () => {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-sds-"));
  /** What was begun, and what was acknowledged. */
  const [begun, promised] = [new Set(), new Set()];
  let browser, snapshots = 0;
  try {
    for (let round = 0; round <= KILLS; round++) {
      browser = await run(profile);
      const { page, known } = await tab(browser.context, "kill", 80);
      const when = `after ${round} kills`;
      for (const each of promised) assert.ok(known.includes(each), `${when}: ${each} is lost`);
      for (const each of known) assert.ok(begun.has(each), `${when}: ${each} never was`);
      // The values that the operations stand for are there, too.
      const wrong = await page.evaluate(async (names) => {
        const missing = [];
        for (const name of names) if ((await globalThis.provider.loadValue(name))?.length !== 70_000) missing.push(name);
        return missing;
      }, known.filter((each) => each.endsWith("0")));
      assert.deepEqual(wrong, [], when);
      if (round === KILLS) break;
      let first;
      const anything = new Promise((resolve) => (first = resolve));
      await page.exposeFunction("begin", (name) => void begun.add(name));
      await page.exposeFunction("acknowledge", (name, taken) => {
        promised.add(name);
        snapshots = Math.max(snapshots, taken);
        first();
      });
      page.evaluate(async (round) => {
        const { engine, provider } = globalThis;
        for (let n = 0; ; n++) {
          const name = `${round} ${n}`;
          await globalThis.begin(name);
          if (n % 10 === 0) await provider.saveValue(name, new Uint8Array(70_000).fill(n));
          void engine.mutate(name).then(() => globalThis.acknowledge(name, engine.snapshots));
          if (n % 3 === 0) await engine.settled();
        }
      }, round).catch(() => {});
      await anything;
      // The last one not before a snapshot was taken.
      while (round === KILLS - 1 && snapshots === 0) await sleep(20);
      await sleep(Math.random() ** 2 * LATEST_MS);
      await browser.kill();
      browser = undefined;
    }
    console.log(`sds: ${promised.size} operations acknowledged over ${KILLS} kills, up to ${snapshots} snapshots between two`);
    assert.ok(promised.size >= KILLS && snapshots > 0);
  } finally {
    await browser?.kill();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
