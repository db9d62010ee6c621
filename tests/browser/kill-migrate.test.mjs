/**
 * Chromium killed at random moments while it migrates 20 000 documents, by SIGKILL to all its processes: the data are of the old
 * version or of the new one, whole, with the index that goes with it, and whatever died shuts nobody out. KILLS says how often.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./support/chromium-process.mjs";
import { serve } from "./support/server.mjs";

const KILLS = Number(process.env.KILLS ?? 6);
/** A kill comes this late at most, ms after a migration was begun. */
const LATEST_MS = 2_500;

/** Runs in the page. */
async function look() {
  const COUNT = 20_000;
  const lib = await import("/pkg/index.js");
  const patch = await lib.openPatch("p");
  const db = patch.db("d");
  if ((await db.count("c")) === 0) {
    for (let at = 0; at < COUNT; at += 5_000) await db.insertMany("c", Array.from({ length: 5_000 }, (_, n) => ({ n: at + n, v: 0 })));
  }
  // (Without `version` it says nothing of its own; the data do.)
  const [first] = await db.find("c", {}, { limit: 1 });
  const version = first.v;
  const indexes = (await db.indexes("c")).map(({ fields }) => fields.join());
  const found = {
    version,
    count: await db.count("c"),
    alike: await db.count("c", { v: version }),
    indexes,
    expected: version === 0 ? [] : [version % 2 === 1 ? "v" : "n"],
  };
  await patch.close();
  // The tab of the version that is there opens, whatever has died.
  const refused = version === 0 ? undefined : await lib.openPatch("p", { version }).then((again) => again.close(), (error) => error.code);
  found.refused = refused;
  // From now on it is migrated, again and again.
  (async () => {
    for (let to = version + 1; ; to++) {
      const migrate = async (tx) => {
        const store = tx.db("d");
        await store.dropIndex("c", to % 2 === 1 ? "n" : "v");
        await store.updateMany("c", {}, { v: to });
        await store.createIndex("c", to % 2 === 1 ? "v" : "n");
      };
      await (await lib.openPatch("p", { version: to, migrate })).close();
    }
  })();
  return found;
}

test(`Chromium killed ${KILLS} times while it migrates`, { timeout: 60_000 + KILLS * 40_000 }, async () => {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-kill-"));
  const server = await serve();
  let browser, last = 0;
  const seen = [];
  try {
    for (let round = 0; round <= KILLS; round++) {
      browser = await run(profile);
      const page = await browser.context.newPage();
      await page.goto(`${server.origin}/tests/browser/engine/page.html`);
      const found = await page.evaluate(look);
      const when = `after ${round} kills: ${JSON.stringify(found)}`;
      assert.equal(found.count, 20_000, when);
      assert.equal(found.alike, found.count, when);
      assert.deepEqual(found.indexes, found.expected, when);
      assert.equal(found.refused, undefined, when);
      assert.ok(found.version >= last, when);
      last = found.version;
      seen.push(last);
      await sleep(Math.random() * LATEST_MS);
      await browser.kill();
      browser = undefined;
    }
    console.log(`kill-migrate: versions ${seen.join(" ")}`);
  } finally {
    await browser?.kill();
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
