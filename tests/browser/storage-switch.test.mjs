/** Chromium moves IndexedDB from LevelDB to SQLite: what was written before is there after. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openBrowser, STORAGE } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

/** Chromium migrates when it has been idle for a while. */
const MIGRATES_WITHIN_MS = 120_000;

/** Which storages have files in a profile: of SQLite, an origin has a directory by its bare name. */
async function storagesOf(profile) {
  const found = await readdir(join(profile, "Default", "IndexedDB"));
  return [...new Set(found.map((name) => (/\.indexeddb\./.test(name) ? "leveldb" : "sqlite")))].toSorted();
}

/** Runs in the page: writes a generation of everything, beside those before. */
async function write(generation) {
  const options = { opLog: true };
  const patch = await lib.openPatch("plain", options);
  const keyed = await lib.openPatch("keyed", { encryption: { key: new Uint8Array(32).fill(5) } });
  for (const each of [patch, keyed]) {
    await each.db("d").createIndex("c", "n");
    await each.db("d").insertMany("c", Array.from({ length: 3_000 }, (_, n) => ({ _id: `${generation} ${n}`, n: n % 100, generation })));
    await each.kv("s").set(`large ${generation}`, "ü".repeat(700_000));
    await each.kv("s").set(`blob ${generation}`, new Blob([new Uint8Array(900_000).fill(generation)]));
    await each.kv("s").set(`content ${generation}`, await each.blobs.put(new Uint8Array(6_000_000).fill(generation + 10)));
    await each.flush();
    // (In the log, not in segments.)
    for (let n = 0; n < 20; n++) await each.kv("s").set(`late ${generation} ${n}`, n);
    await each.close();
  }
}

/** Runs in the page: what is there of so many generations. */
async function read(generations) {
  const out = [];
  for (const options of [{ opLog: true }, { encryption: { key: new Uint8Array(32).fill(5) } }]) {
    const patch = await lib.openPatch(options.encryption ? "keyed" : "plain", options);
    const [kv, db] = [patch.kv("s"), patch.db("d")];
    const filled = (bytes, value) => bytes.length > 0 && bytes.every((each) => each === value);
    for (let generation = 1; generation <= generations; generation++) {
      out.push({
        documents: await db.count("c", { generation }),
        indexed: (await db.find("c", { n: 7 })).filter((doc) => doc.generation === generation).length,
        large: (await kv.get(`large ${generation}`)) === "ü".repeat(700_000),
        blob: filled(new Uint8Array(await (await kv.get(`blob ${generation}`)).arrayBuffer()), generation),
        content: filled(new Uint8Array(await (await patch.blobs.get(await kv.get(`content ${generation}`))).arrayBuffer()), generation + 10),
        late: (await kv.entries({ prefix: `late ${generation} ` })).length,
      });
    }
    await patch.close();
  }
  return out;
}

const WHOLE = { documents: 3_000, indexed: 30, large: true, blob: true, content: true, late: 20 };

test("what was written under LevelDB is there under SQLite, and can be added to", { timeout: 240_000 }, async () => {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-switch-"));
  const server = await serve();
  const inBrowser = async (args, work) => {
    const browser = await openBrowser({ profile, args });
    try {
      return await work(await pageWithPackage(browser, server.origin));
    } finally {
      await browser.close();
    }
  };
  const whole = (generations) => Array.from({ length: 2 * generations }, () => WHOLE);
  try {
    await inBrowser(STORAGE.leveldb, (page) => page.evaluate(write, 1));
    assert.deepEqual(await storagesOf(profile), ["leveldb"]);
    await inBrowser(STORAGE.migrating, async (page) => {
      assert.deepEqual(await page.evaluate(read, 1), whole(1), "before it migrates");
      await page.goto("about:blank");
      const until = Date.now() + MIGRATES_WITHIN_MS;
      while ((await storagesOf(profile)).includes("leveldb")) {
        assert.ok(Date.now() < until, "Chromium has migrated nothing");
        await sleep(500);
      }
    });
    assert.deepEqual(await storagesOf(profile), ["sqlite"]);
    await inBrowser(STORAGE.sqlite, async (page) => {
      assert.deepEqual(await page.evaluate(read, 1), whole(1), "migrated");
      await page.evaluate(write, 2);
      assert.deepEqual(await page.evaluate(read, 2), whole(2), "with what was added");
    });
    assert.deepEqual(await inBrowser(STORAGE.sqlite, (page) => page.evaluate(read, 2)), whole(2), "opened again");
    assert.deepEqual(await storagesOf(profile), ["sqlite"]);
  } finally {
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
