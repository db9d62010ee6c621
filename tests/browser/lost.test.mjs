/**
 * The database taken away under an open patch that writes without end: every call settles, the
 * patch says that it is closed, and what is acknowledged later is there, once.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { ask } from "./support/realms.mjs";
import { serve } from "./support/server.mjs";

/** Within this time every call has settled. */
const SETTLED_MS = 10_000;
const LOSS = ["Closed", "ConnectionLost"];

let server, profile, browser;
before(async () => {
  profile = await mkdtemp(join(tmpdir(), "patchstore-lost-"));
  server = await serve();
  browser = await openBrowser({ profile });
});
after(async () => {
  await browser?.close();
  await server?.close();
  if (profile) await rm(profile, { recursive: true, force: true });
});

/** A tab that writes to patch `id` without end. */
async function writingTab(id) {
  const page = await pageWithPackage(browser, server.origin);
  await page.evaluate(async (id) => {
    globalThis.streams = await import("/tests/browser/support/stream.mjs");
    globalThis.stream = await streams.Stream.open(id);
    stream.start();
  }, id);
  const acknowledged = () => page.evaluate(() => stream.acknowledged);
  assert.ok((await ask(acknowledged, (count) => count >= 60)) >= 60, "it writes");
  return page;
}

/** What the loss has come to in the writing tab. */
async function assertSettled(page, reasons, codes = LOSS) {
  const { settled, outcomes, closed, late } = await page.evaluate(async (patience) => {
    const settled = await stream.ended(patience);
    // Calls are rejected first; the event follows when everything is let go of.
    const until = performance.now() + patience;
    while (stream.closed.length === 0 && performance.now() < until) await new Promise((next) => setTimeout(next, 20));
    const late = settled && (await failure(() => stream.patch.kv("s").get("count")))?.code;
    return { settled, outcomes: stream.outcomes, closed: stream.closed, late };
  }, SETTLED_MS);
  assert.ok(settled, `${outcomes.filter((outcome) => outcome === "pending").length} calls hang`);
  const other = outcomes.filter((outcome) => outcome !== "acknowledged" && !codes.includes(outcome));
  assert.deepEqual(other, [], "acknowledged, or lost");
  assert.equal(closed.length, 1, `closed events: ${closed}`);
  assert.ok(reasons.includes(closed[0]), closed[0]);
  assert.equal(late, "Closed", "a closed patch says so");
  return outcomes;
}

/** The tab opens the patch anew and writes on: what is acknowledged now is there after yet another opening. */
async function assertGoesOn(page, id) {
  const { outcomes, wrong, closed } = await page.evaluate(async ([id, patience]) => {
    const again = await streams.Stream.open(id);
    // What an earlier stream left there is looked at before; this one counts from nothing.
    await again.patch.db("d").drop("calls");
    await again.patch.kv("s").delete("count");
    again.start();
    while (again.acknowledged < 60) await new Promise((resolve) => setTimeout(resolve, 20));
    again.stop();
    await again.ended(patience);
    await again.patch.close();
    const patch = await lib.openPatch(id);
    const wrong = await streams.compare(patch, again.outcomes);
    await patch.close();
    return { outcomes: again.outcomes, wrong, closed: again.closed };
  }, [id, SETTLED_MS]);
  assert.deepEqual(new Set(outcomes), new Set(["acknowledged"]));
  assert.deepEqual(wrong, []);
  assert.deepEqual(closed, ["closed"]);
}

test("the origin's storage is cleared", { timeout: 90_000 }, async () => {
  for (let round = 0; round < 3; round++) {
    const id = `cleared-${round}`;
    const page = await writingTab(id);
    const client = await page.context().newCDPSession(page);
    await client.send("Storage.clearDataForOrigin", { origin: server.origin, storageTypes: "indexeddb" });
    await assertSettled(page, ["lost", "deleted"]);
    const left = await page.evaluate(async (id) => {
      const patch = await lib.openPatch(id);
      const left = await patch.db("d").count("calls");
      await patch.close();
      return left;
    }, id);
    assert.equal(left, 0, "nothing of the old life is in the new one");
    await assertGoesOn(page, id);
    await page.close();
  }
});

test("another tab deletes the database, and makes it anew", { timeout: 90_000 }, async () => {
  for (let round = 0; round < 3; round++) {
    const id = `deleted-${round}`;
    const page = await writingTab(id);
    const other = await pageWithPackage(browser, server.origin);
    const found = await other.evaluate(async ([id, patience]) => {
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error("it is held up")), patience));
      await Promise.race([asked(indexedDB.deleteDatabase(`patchstore_${id}`)), late]);
      const patch = await lib.openPatch(id);
      await patch.kv("s").set("mine", 1);
      // Long enough for whatever the other tab might still have under way.
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const found = [await patch.kv("s").entries(), await patch.db("d").count("calls")];
      await patch.close();
      return found;
    }, [id, SETTLED_MS]);
    assert.deepEqual(found, [[["mine", 1]], 0], "nothing of the old life is in the new one");
    await assertSettled(page, ["versionchange", "deleted", "lost"]);
    await assertGoesOn(page, id);
    await Promise.all([page.close(), other.close()]);
  }
});

for (const isKept of [false, true]) {
  const title = isKept ? "a later version comes" : "a later version is tried and given up";
  test(`${title}: what was acknowledged is there`, { timeout: 90_000 }, async () => {
    const id = `version-${isKept}`;
    const page = await writingTab(id);
    const other = await pageWithPackage(browser, server.origin);
    const upgraded = await other.evaluate(([id, isKept, patience]) => {
      const request = indexedDB.open(`patchstore_${id}`, 2);
      request.onupgradeneeded = () => isKept || request.transaction.abort();
      const late = new Promise((resolve) => setTimeout(resolve, patience, "held up"));
      const opened = asked(request).then((database) => (database.close(), "opened"), (error) => error.name);
      return Promise.race([opened, late]);
    }, [id, isKept, SETTLED_MS]);
    assert.equal(upgraded, isKept ? "opened" : "AbortError");
    const outcomes = await assertSettled(page, ["versionchange"]);
    if (isKept) {
      const found = await page.evaluate((id) => failure(() => lib.openPatch(id)), id);
      assert.equal(found?.code, "UnsupportedFormat", "a later version is not touched");
    } else {
      const wrong = await page.evaluate(async ([id, outcomes]) => {
        const patch = await lib.openPatch(id);
        const found = await streams.compare(patch, outcomes);
        await patch.close();
        return found;
      }, [id, outcomes]);
      assert.deepEqual(wrong, []);
      await assertGoesOn(page, id);
    }
    await Promise.all([page.close(), other.close()]);
  });
}
