/** The steps that make room, one by one, at a quota that the browser enforces. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

const MIB = 1 << 20;

let server;
before(async () => {
  server = await serve();
});
after(() => server?.close());

/** Runs `work` in a page of a new profile: a quota counts if it is set before the first write. */
async function withQuota(quotaMib, work, argument, encrypted = false) {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-steps-"));
  const browser = await openBrowser({ profile });
  try {
    const page = await pageWithPackage(browser, server.origin, async (page) => {
      const client = await page.context().newCDPSession(page);
      await client.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: quotaMib * MIB });
    });
    await page.evaluate(prepare, [quotaMib * MIB, encrypted]);
    return await page.evaluate(work, argument);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function prepare([limit, encrypted]) {
  const { keyed } = await import("/tests/browser/support/keyed.mjs");
  globalThis.limit = limit;
  /** Bytes that cannot be compressed and tell which write they are of. */
  globalThis.value = (n, bytes) => {
    const out = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(out.subarray(at, at + 65536));
    new DataView(out.buffer).setUint32(0, n);
    return out;
  };
  globalThis.number = (bytes) => (bytes ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : null);
  /** Opens a patch that makes room only for writes, not in the background. */
  globalThis.begin = async (options = {}) => {
    const patch = await lib.openPatch("steps", { quota: { threshold: 1 }, ...keyed(encrypted), ...options });
    const told = [];
    patch.on("quota", ({ action }) => told.push(action));
    return { patch, kv: patch.kv("s"), told };
  };
  /** Writes numbered values until `ends`, or until one is refused; why it was. */
  globalThis.fill = async (kv, prefix, bytes, kept, ends = () => false) => {
    for (let n = 0; n < 2_000 && !ends(); n++) {
      const full = await failure(() => kv.set(`${prefix}${n}`, value(n, bytes)));
      if (full !== null) return full;
      kept.set(`${prefix}${n}`, n);
    }
    return null;
  };
  /** What has expired is collected in the background, too, but not again within ten seconds. */
  globalThis.holdOff = async (kv, clock) => {
    await kv.set("briefest", 1, { ttl: 1_000 });
    clock.move(2_000);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  };
  /** How many of the values that were acknowledged are not there, in a new handle too. */
  globalThis.wrong = async (kv, kept) => {
    let wrong = Math.abs((await kv.count()) - kept.size);
    for (const [key, n] of kept) if (number(await kv.get(key)) !== n) wrong += 1;
    return wrong;
  };
  /** Fills the origin by other data until about so many bytes are left. (In IndexedDB: Chromium notices late what other storages take.) */
  globalThis.crowd = async (left) => {
    const opening = indexedDB.open("other");
    opening.onupgradeneeded = () => opening.result.createObjectStore("s");
    const other = await asked(opening);
    for (let n = 0; n < 500; n++) {
      const more = Math.min(1 << 20, limit - (await navigator.storage.estimate()).usage - left);
      if (more < 65_536) break;
      const transaction = other.transaction("s", "readwrite");
      transaction.objectStore("s").put(value(n, more), n);
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
    }
    other.close();
  };
}

for (const [what, bytes, count, atLeast, encrypted] of [
  ["large values", 200_000, 15, 5],
  ["values of 20 KB", 20_000, 150, 50],
  ["values of 20 KB, encrypted", 20_000, 150, 50, true],
]) {
  test(`first, entries of the op-log that are synced go, and no others: ${what}`, { timeout: 240_000 }, async () => {
    const found = await withQuota(20, pruneForRoom, { bytes, count }, encrypted);
    const { full, gained, ...rest } = found;
    assert.deepEqual(rest, { first: ["prune-oplog"], isAll: true, refused: [null, null, null], again: ["prune-oplog"], isLast: true, wrong: 0 });
    assert.equal(full?.code, "StorageQuotaExceeded");
    assert.ok(gained >= atLeast, `the entries of ${count} values were room for ${gained} more, with theirs`);
  });
}

async function pruneForRoom({ bytes, count }) {
  const { patch, kv, told } = await begin({ opLog: true });
  const kept = new Map();
  await fill(kv, "synced ", bytes, kept, () => kept.size === count);
  await patch.opLog.markSynced(Infinity);
  await fill(kv, "pending ", bytes, kept, () => told.length > 0);
  const [first, before] = [[...told], kept.size];
  const full = await fill(kv, "more ", bytes, kept);
  const gained = kept.size - before;
  // At a full quota, too, what is pending is handed out, and can be marked: by number, and by numbers.
  const numbered = async () => JSON.stringify((await patch.opLog.pending()).map(({ key, value }) => [key, number(value)]));
  const notSynced = () => [...kept].filter(([key]) => !key.startsWith("synced"));
  const isAll = (await numbered()) === JSON.stringify(notSynced());
  const ids = (await patch.opLog.pending({ limit: count })).map(({ id }) => id);
  const half = Math.floor(count / 2);
  const refused = [
    await failure(() => patch.opLog.markSynced(ids[half - 1])),
    await failure(() => patch.opLog.markSynced(ids.slice(half))),
  ];
  told.length = 0;
  refused.push(await fill(kv, "again ", bytes, kept, () => told.length > 0));
  const isLast = (await numbered()) === JSON.stringify(notSynced().slice(count));
  return { first, full, gained, isAll, refused, again: [...told], isLast, wrong: await wrong(kv, kept) };
}

test("what is saved again and again takes no room once its entries are pruned", { timeout: 240_000 }, async () => {
  const found = await withQuota(40, async () => {
    const { patch, kv, told } = await begin({ opLog: true });
    const db = patch.db("d");
    await db.insert("c", { _id: "x" });
    await patch.opLog.prune(Infinity);
    const saves = {
      pair: (n) => kv.set("x", value(n, 2_000_000)),
      document: (n) => db.replace("c", "x", { v: value(n, 2_000_000) }),
      blob: (n) => kv.set("x", { blob: new Blob([value(n, 2_000_000)]) }),
    };
    const refused = [];
    for (const [what, save] of Object.entries(saves)) {
      for (let n = 0; n < 40; n++) {
        const full = await failure(() => save(n));
        if (full !== null) {
          refused.push([what, n, full.message]);
          break;
        }
        // (Chromium keeps a Blob's file as long as somebody holds it: so these are not read.)
        if (what === "pair") {
          const [{ value }] = await patch.opLog.pending();
          if (number(value) !== n) refused.push([what, n, "another value"]);
        }
        await patch.opLog.prune(Infinity);
      }
    }
    return { refused, told };
  });
  assert.deepEqual(found, { refused: [], told: [] });
});

test("then, what has expired goes, and nothing that has not", { timeout: 240_000 }, async () => {
  const found = await withQuota(20, async () => {
    const { clock } = await import("/pkg/testing.js");
    const { kv, told } = await begin();
    const kept = new Map();
    for (let n = 0; n < 30; n++) await kv.set(`brief ${n}`, value(n, 200_000), { ttl: 3_600_000 });
    for (let n = 0; n < 10; n++) {
      await kv.set(`later ${n}`, value(n, 200_000), { ttl: 7_200_000 });
      kept.set(`later ${n}`, n);
    }
    await holdOff(kv, clock);
    const before = await fill(kv, "more ", 200_000, kept);
    const [early, size] = [[...told], kept.size];
    told.length = 0;
    clock.move(3_600_000);
    const first = await failure(() => kv.set("waits", value(77, 200_000)));
    if (first === null) kept.set("waits", 77);
    const at = [...told];
    const full = await fill(kv, "at last ", 200_000, kept);
    return { before: before?.code, early, first, at, full: full?.code, gained: kept.size - size, last: told.at(-1), wrong: await wrong(kv, kept) };
  });
  const { gained, ...rest } = found;
  const refused = "StorageQuotaExceeded";
  assert.deepEqual(rest, { before: refused, early: ["full"], first: null, at: ["evict-expired"], full: refused, last: "full", wrong: 0 });
  assert.ok(gained >= 25, `what 30 took was room for ${gained}`);
});

test("then, what is dead goes, where others take most of the origin", { timeout: 240_000 }, async () => {
  const found = await withQuota(40, async () => {
    const { patch, kv, told } = await begin();
    const kept = new Map();
    await fill(kv, "k", 20_000, kept, () => kept.size === 150);
    await patch.compact();
    for (let n = 10; n < 150; n++) {
      await kv.delete(`k${n}`);
      kept.delete(`k${n}`);
    }
    await crowd(700_000);
    const refused = await failure(() => kv.set("waits", value(77, 2_000_000)));
    if (refused === null) kept.set("waits", 77);
    return { refused, told, wrong: await wrong(kv, kept) };
  });
  assert.deepEqual(found, { refused: null, told: ["compact"], wrong: 0 });
});

test("above the threshold all of them, in their order, each once", { timeout: 240_000 }, async () => {
  const found = await withQuota(20, async () => {
    const { clock } = await import("/pkg/testing.js");
    const { patch, kv, told } = await begin({ opLog: true });
    const kept = new Map();
    await fill(kv, "k", 20_000, kept, () => kept.size === 100);
    await patch.opLog.markSynced(Infinity);
    for (let n = 0; n < 5; n++) await kv.set(`brief ${n}`, value(n, 200_000), { ttl: 3_600_000 });
    await crowd(0);
    // Where a write has failed is the limit from now on: what Chromium reports is not what it enforces.
    const full = await failure(() => kv.set("too much", value(1, 9_000_000)));
    const first = told.splice(0);
    await kv.delete("k99");
    kept.delete("k99");
    await holdOff(kv, clock);
    for (let n = 10; n < 99; n++) {
      await kv.delete(`k${n}`);
      kept.delete(`k${n}`);
    }
    const pending = await patch.opLog.pending();
    await patch.opLog.markSynced(pending.slice(0, 50).map(({ id }) => id));
    const before = await kv.count();
    clock.move(3_600_000);
    const again = await begin({ quota: { threshold: 0.01 } });
    for (let waited = 0; waited < 200 && again.told.at(-1) !== "compact"; waited++) await new Promise((resolve) => setTimeout(resolve, 50));
    const left = (await again.patch.opLog.pending()).map(({ id }) => id);
    const isLeft = JSON.stringify(left) === JSON.stringify(pending.slice(50).map(({ id }) => id));
    return { full: full?.code, first, told: again.told, expired: before - (await kv.count()), isLeft, wrong: await wrong(again.kv, kept) };
  });
  const { told, ...rest } = found;
  assert.deepEqual(rest, { full: "StorageQuotaExceeded", first: ["prune-oplog", "compact", "full"], expired: 5, isLeft: true, wrong: 0 });
  // (The engine that prunes collects what has expired when it is closed: mostly, nothing is left to be evicted then.)
  assert.deepEqual(told.filter((action) => action !== "evict-expired"), ["prune-oplog", "compact"]);
  assert.ok([-1, 1].includes(told.indexOf("evict-expired")), `${told}`);
});

for (const encrypted of [false, true]) {
  const which = encrypted ? "an encrypted patch" : "a patch";
  test(`${which} that takes all of the quota itself is not compacted for a write: deleting makes room for that`, { timeout: 240_000 }, () =>
    fillsAll(encrypted),
  );
}

async function fillsAll(encrypted) {
  const work = async () => {
    const { patch, kv, told } = await begin();
    const kept = new Map();
    const full = await fill(kv, "k", 20_000, kept);
    const held = 20_000 * kept.size;
    const wrongWhenFull = await wrong(kv, kept);
    const refused = [];
    for (const key of [...kept.keys()].slice(kept.size / 2)) {
      refused.push(await failure(() => kv.delete(key)));
      kept.delete(key);
    }
    const actions = [...told];
    refused.push(await failure(() => patch.compact()));
    const count = kept.size;
    refused.push(await fill(kv, "more ", 20_000, kept, () => kept.size > 1.25 * count));
    return { full, held, wrongWhenFull, actions, refused: refused.filter(Boolean), wrong: await wrong(kv, kept) };
  };
  const found = await withQuota(12, work, undefined, encrypted);
  const { full, held, ...rest } = found;
  assert.deepEqual(rest, { wrongWhenFull: 0, actions: ["full"], refused: [], wrong: 0 });
  assert.deepEqual([full?.code, full?.remedy], ["StorageQuotaExceeded", "free-space"]);
  assert.match(full.message, /: 200\d\d bytes are needed/);
  // The browser's own count, which is up to 6 MB less once it has tidied up, which it may have done just after it refused.
  assert.ok(held > 5 * MIB && full.usage > 0.95 * held && full.quota > 0, JSON.stringify({ held, full }));
}
