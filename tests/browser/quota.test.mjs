/** A used-up quota, for real: reported, survived, and left behind by deleting and compacting. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

let server;
before(async () => {
  server = await serve();
});
after(() => server?.close());

/** Runs `work` in a page of a new profile: a quota counts if it is set before the first write. */
async function withQuota(quotaMib, work, argument) {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-quota-"));
  const browser = await openBrowser({ profile });
  try {
    const page = await pageWithPackage(browser, server.origin, async (page) => {
      const client = await page.context().newCDPSession(page);
      const quotaSize = quotaMib << 20;
      await client.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize });
    });
    await page.evaluate(prepare);
    return await page.evaluate(work, argument);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

function prepare() {
  /** Bytes that cannot be compressed and tell which write they are of. */
  globalThis.value = (n, bytes) => {
    const out = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(out.subarray(at, at + 65536));
    new DataView(out.buffer).setUint32(0, n);
    return out;
  };
  globalThis.number = (bytes) => (bytes ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : null);
}

/** Fills a patch by awaited writes, reads all back in a new handle, deletes half, and goes on. */
async function fillAndFree({ bytes, keys }) {
  let patch = await lib.openPatch("quota");
  const expected = new Map();
  let full = null, count = 0;
  while (full === null && count < 20_000) {
    const key = `key-${count % keys}`;
    full = await failure(() => patch.kv("s").set(key, value(count, bytes)));
    if (full === null) expected.set(key, count++);
  }
  const wrong = async () => {
    await patch.close();
    patch = await lib.openPatch("quota");
    let wrong = 0;
    for (const [key, n] of expected) if (number(await patch.kv("s").get(key)) !== n) wrong++;
    return wrong + Math.abs((await patch.kv("s").count()) - expected.size);
  };
  const failed = [];
  const attempt = async (what, call) => {
    const found = await failure(call);
    if (found) failed.push(`${what}: ${found.code} ${found.message}`);
    return found === null;
  };
  const wrongWhenFull = await wrong();
  const stored = expected.size;
  for (const key of [...expected.keys()].filter((_, at) => at % 2)) {
    if (await attempt(`delete ${key}`, () => patch.kv("s").delete(key))) expected.delete(key);
  }
  await attempt("compact", () => patch.compact());
  for (let more = 0; more < stored / 4; more++) {
    const key = `more-${more}`;
    if (await attempt(`set ${key}`, () => patch.kv("s").set(key, value(more, bytes)))) expected.set(key, more);
  }
  return { full, count, stored, wrongWhenFull, failed, wrongAtLast: await wrong() };
}

for (const [what, quotaMib, work] of [
  ["large values", 20, { bytes: 200_000, keys: Infinity }],
  ["values of 20 KB", 12, { bytes: 20_000, keys: Infinity }],
  ["small values", 8, { bytes: 1_000, keys: Infinity }],
]) {
  test(`a quota of ${quotaMib} MiB used up by ${what}`, { timeout: 240_000 }, async () => {
    const found = await withQuota(quotaMib, fillAndFree, work);
    assert.equal(found.full?.code, "StorageQuotaExceeded", JSON.stringify(found));
    assert.equal(found.full.remedy, "free-space");
    assert.ok(found.full.usage > 1 << 20 && found.full.quota > 0, JSON.stringify(found.full));
    assert.ok(found.stored * work.bytes > (quotaMib << 20) / 4, `${found.stored} stored`);
    assert.equal(found.wrongWhenFull, 0, "what was acknowledged is there");
    assert.deepEqual(found.failed, [], "deleting and compacting make room");
    assert.equal(found.wrongAtLast, 0, "what was acknowledged is there, and what was deleted is not");
  });
}

// Little data, of which the log and the browser's own log keep many dead versions.
test("a quota of 8 MiB and many small updates", { timeout: 240_000 }, async () => {
  const found = await withQuota(8, fillAndFree, { bytes: 1_000, keys: 500 });
  assert.ok(found.full === null || found.full.code === "StorageQuotaExceeded", JSON.stringify(found));
  assert.equal(found.stored, 500);
  assert.equal(found.wrongWhenFull, 0, "what was acknowledged is there");
  assert.deepEqual(found.failed, [], "deleting and compacting make room");
  assert.equal(found.wrongAtLast, 0);
  console.log(`many small updates: ${found.count} before the quota of 8 MiB was reported as used up, if it was`);
});

/** Saves one document again and again, then rests: what failed, what is there, what it takes on the disk. */
async function saveAgain({ bytes, saves }) {
  let patch = await lib.openPatch("saved");
  const failed = [];
  let most = 0;
  for (let n = 0; n < saves; n++) {
    const found = await failure(() => patch.kv("s").set("document", value(n, bytes)));
    if (found) failed.push(`save ${n}: ${found.code} ${found.message}`);
    if (n % 10 === 9) most = Math.max(most, (await navigator.storage.estimate()).usage);
  }
  let usage = Infinity;
  for (let waited = 0; waited < 60 && usage > bytes * 1.25 + (8 << 20); waited++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    usage = (await navigator.storage.estimate()).usage;
  }
  const { garbageBytes } = await patch.stats();
  await patch.close();
  patch = await lib.openPatch("saved");
  const last = number(await patch.kv("s").get("document"));
  return { failed, most, usage, garbageBytes, last };
}

test("a quota of 60 MiB and a document of 2 MiB that is saved again and again", { timeout: 240_000 }, async () => {
  const bytes = 2 << 20;
  const found = await withQuota(60, saveAgain, { bytes, saves: 100 });
  assert.deepEqual(found.failed, []);
  assert.equal(found.last, 99);
  assert.ok(found.usage <= bytes * 1.25 + (8 << 20), `${found.usage} bytes at rest`);
  assert.ok(found.garbageBytes <= bytes / 4 + (8 << 20), `${found.garbageBytes} bytes of garbage`);
  console.log(`saved again and again: ${found.most} bytes at work, ${found.usage} at rest`);
});
