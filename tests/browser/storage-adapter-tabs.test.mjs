/** Storage adapters on one name in two tabs, and over restarts of the browser. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, browser, context;

before(async () => {
  server = await serve();
  browser = await openBrowser();
  // Tabs of one context share their storage.
  context = await browser.newContext();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function tab(name, within = context) {
  const page = await within.newPage();
  await page.goto(`${server.origin}/tests/browser/api/page.html`);
  await page.waitForFunction(() => globalThis.kit !== undefined);
  await page.evaluate(async (name) => {
    globalThis.adapter = new (globalThis.kit.adapter().PatchStorageAdapter)();
    await globalThis.adapter.initialize(name);
  }, name);
  return page;
}

test("tabs: both see one state, and prune what they have seen", async () => {
  const [one, two] = [await tab("seen"), await tab("seen")];
  await one.evaluate(async () => {
    await globalThis.adapter.put("k", { from: 1, gone: undefined });
    await globalThis.adapter.setMeta("m", null);
    await globalThis.adapter.appendOpLog({ n: 1 });
  });
  await two.evaluate(async () => {
    const { adapter, kit } = globalThis;
    // The commits of other tabs are there within a second.
    await kit.until(async () => (await adapter.getAllKeys()).length === 1);
    kit.same(await adapter.get("k"), { from: 1, gone: undefined });
    await kit.until(async () => (await adapter.getMeta("m")) === null);
    await adapter.commitWrite([{ store: "kv", type: "put", key: "k", value: 2 }], { n: 2 });
    await adapter.appendOpLog({ n: 3 });
    // It has never seen the first one.
    await adapter.pruneOpLog(2);
  });
  await one.evaluate(async () => {
    const { adapter, kit } = globalThis;
    await kit.until(async () => (await adapter.get("k")) === 2);
    // The pruning comes as a commit of its own.
    await kit.until(async () => (await adapter.getPendingOps()).map(({ n }) => n).join() === "1,3");
    kit.same((await adapter.getPendingOps()).map(({ id, n }) => [id, n]), [[1, 1], [3, 3]]);
  });
  const id = await two.evaluate(() => globalThis.adapter.appendOpLog({ n: 4 }));
  assert.equal(id, 4);
  const left = await one.evaluate(async () => {
    const { adapter, kit } = globalThis;
    const own = await adapter.appendOpLog({ n: 5 });
    kit.same(own, 5);
    await adapter.markOpsSynced(own);
    return (await adapter.getPendingOps()).map(({ n }) => n);
  });
  // What the other one has appended since, and this one has never seen.
  assert.deepEqual(left, [4]);
  for (const page of [one, two]) await page.close();
});

test("tabs: both append at full speed, and no id is given twice, nothing is lost", { timeout: 60_000 }, async () => {
  const tabs = [await tab("speed"), await tab("speed")];
  const given = await Promise.all(
    tabs.map((page, which) =>
      page.evaluate(async (which) => {
        const { adapter } = globalThis;
        const ids = [];
        for (let round = 0; round < 20; round++) {
          const writes = Array.from({ length: 10 }, (_, at) => {
            const key = `${which} ${round} ${at}`;
            const mutations = [{ store: "kv", type: "put", key, value: { key } }, { store: "kv", type: "put", key: "last", value: key }];
            return at % 2 === 0 ? adapter.commitWrite(mutations, { key }) : adapter.appendOpLog({ key });
          });
          ids.push(...(await Promise.all(writes)));
        }
        return ids;
      }, which),
    ),
  );
  for (const ids of given) assert.ok(ids.every((id, at) => at === 0 || id > ids[at - 1]), `ascending: ${ids}`);
  const all = given.flat().sort((a, b) => a - b);
  assert.equal(new Set(all).size, 400);
  for (const page of tabs) {
    const [ops, keys, last] = await page.evaluate(async () => {
      const { adapter, kit } = globalThis;
      await kit.until(async () => (await adapter.getPendingOps()).length === 400);
      const ops = await adapter.getPendingOps();
      return [ops.map(({ id, key }) => [id, key]), await adapter.getAllKeys(), await adapter.get("last")];
    });
    assert.deepEqual(ops.map(([id]) => id), all);
    // The id that was told is that of the entry.
    const told = given.map((ids, which) => ids.map((id, at) => [id, `${which} ${Math.floor(at / 10)} ${at % 10}`])).flat();
    assert.deepEqual(ops, told.sort(([a], [b]) => a - b));
    assert.equal(keys.length, 201);
    // The last commit of all: its record is that of the highest id among them.
    assert.equal(last, ops.filter(([, key]) => Number(key.split(" ")[2]) % 2 === 0).at(-1)[1]);
  }
  for (const page of tabs) await page.close();
});

test("a browser that is started again has all of it, and goes on counting", { timeout: 60_000 }, async () => {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-adapter-"));
  try {
    for (const start of [0, 1, 2]) {
      const started = await openBrowser({ profile });
      try {
        const page = await tab("kept", started);
        const found = await page.evaluate(async (start) => {
          const { adapter } = globalThis;
          const before = [await adapter.getAllKeys(), await adapter.getMeta("starts"), (await adapter.getPendingOps()).map(({ id }) => id)];
          await adapter.put(`k${start}`, { start });
          await adapter.setMeta("starts", start);
          const id = await adapter.appendOpLog({ start });
          // Now and then nothing is left of the log.
          if (start === 1) await adapter.pruneOpLog(id);
          return [...before, id];
        }, start);
        const expected = [
          [[], undefined, [], 1],
          [["k0"], 0, [1], 2],
          [["k0", "k1"], 1, [], 3],
        ];
        assert.deepEqual(found, expected[start]);
      } finally {
        await started.close();
      }
    }
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});

test("a full quota: a write is rejected whole, and told to whoever removes", { timeout: 120_000 }, async () => {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-adapter-"));
  const started = await openBrowser({ profile });
  try {
    const page = await started.newPage();
    const client = await page.context().newCDPSession(page);
    await client.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 8 << 20 });
    await page.goto(`${server.origin}/tests/browser/api/page.html`);
    await page.waitForFunction(() => globalThis.kit !== undefined);
    await page.evaluate(async () => {
      const { adapter, same, ok, rejects, lib } = globalThis.kit;
      const { PatchStorageAdapter, name } = adapter();
      const a = new PatchStorageAdapter();
      await a.initialize(name);
      const bytes = () => {
        const out = new Uint8Array(400_000);
        for (let at = 0; at < out.length; at += 50_000) crypto.getRandomValues(out.subarray(at, at + 50_000));
        return out;
      };
      let [full, count] = [undefined, 0];
      while (full === undefined && count < 200) {
        const value = bytes();
        const write = a.commitWrite([{ store: "kv", type: "put", key: `k${count}`, value }, { store: "meta", type: "put", key: "count", value: count }], { count });
        full = await write.then(() => void (count += 1), (error) => error);
      }
      ok(lib.isPatchStoreError(full) && full.code === "StorageQuotaExceeded", String(full));
      same([(await a.getAllKeys()).length, await a.getMeta("count"), (await a.getPendingOps()).length], [count, count - 1, count]);
      // The next id is given to the next entry that is stored.
      await a.remove("k0");
      await a.deleteOp(1);
      const id = await a.appendOpLog({});
      same(id, count + 1);
      await a.close();
      await rejects(a.remove("k1"), "Closed");
      await rejects(a.deleteOp(2), "Closed");
    });
  } finally {
    await started.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
