/** The steps of the quota policy, by a budget and by a real quota; persistence; and whether eviction is noticed. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

let server, browser, profile;
before(async () => {
  server = await serve();
  profile = await mkdtemp(join(tmpdir(), "patchstore-policy-"));
  browser = await openBrowser({ profile });
});
after(async () => {
  await browser?.close();
  await server?.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
});

const MIB = 1 << 20;

async function newPage(prepare) {
  const page = await pageWithPackage(browser, server.origin, prepare);
  await page.evaluate(() => {
    globalThis.value = (bytes) => {
      const out = new Uint8Array(bytes);
      for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(out.subarray(at, at + 65536));
      return out;
    };
    globalThis.listen = (patch) => {
      const told = [];
      patch.on("quota", (event) => told.push(event));
      return told;
    };
    globalThis.until = async (is, ms = 20_000) => {
      const end = performance.now() + ms;
      while (!is() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
      return is();
    };
  });
  return page;
}

/** Removes the origin's databases behind the package's back, and nothing else. */
async function dropDatabases(page) {
  const client = await page.context().newCDPSession(page);
  await client.send("Storage.clearDataForOrigin", { origin: server.origin, storageTypes: "indexeddb" });
  await client.detach();
}

test("a budget: what grows is refused once nothing is left to be done, what does not goes through", { timeout: 120_000 }, async () => {
  const page = await newPage();
  const found = await page.evaluate(async (maxBytes) => {
    const patch = await lib.openPatch("budget", { quota: { maxBytes } });
    const [kv, told] = [patch.kv("s"), listen(patch)];
    let count = 0, full = null;
    while (full === null && count < 5_000) full = await failure(() => kv.set(`k${count++}`, value(10_000)));
    const actions = told.map((event) => event.action);
    const batch = await failure(() => kv.setMany(Array.from({ length: 300 }, (_, n) => [`b${n}`, value(10_000)])));
    const transaction = await failure(() => patch.transaction(async (tx) => tx.kv("s").set("t", value(3 << 20))));
    const same = await failure(() => kv.set("k0", value(10_000)));
    const less = await failure(() => kv.set("k1", 1));
    for (let n = 2; n < count / 2; n++) await kv.delete(`k${n}`);
    const again = await failure(async () => {
      for (let n = 0; n < count / 3; n++) await kv.set(`more${n}`, value(10_000));
    });
    const held = (await kv.getMany(Array.from({ length: count - 1 }, (_, n) => `k${n}`))).filter(Boolean).length;
    await lib.deletePatchData("budget");
    return { full, count, actions, batch, transaction, same, less, again, held, last: told.at(-1) };
  }, 4 * MIB);
  assert.equal(found.full?.code, "StorageQuotaExceeded", JSON.stringify(found));
  assert.equal(found.full.remedy, "free-space");
  assert.equal(found.full.quota, 4 * MIB);
  assert.ok(found.full.usage > 3.9 * MIB && found.full.usage < 4.1 * MIB, `${found.full.usage}`);
  assert.match(found.full.message, /maxBytes.*: 100\d\d bytes are needed/);
  assert.ok(found.count > 380 && found.count < 425, `${found.count} stored`);
  assert.ok(found.actions.includes("compact"), `${found.actions}`);
  assert.equal(found.actions.at(-1), "full");
  assert.equal(found.batch?.code, "StorageQuotaExceeded");
  assert.equal(found.transaction?.code, "StorageQuotaExceeded");
  assert.deepEqual([found.same, found.less, found.again], [null, null, null]);
  assert.equal(found.held, found.count - 1 - Math.ceil(found.count / 2 - 2));
  await page.close();
});

test("above the threshold, what is dead goes in the background: on open, and while it is written", { timeout: 120_000 }, async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    let patch = await lib.openPatch("threshold");
    for (let n = 0; n < 100; n++) await patch.kv("s").set(`k${n}`, value(40_000));
    for (let n = 0; n < 80; n++) await patch.kv("s").delete(`k${n}`);
    await patch.close();
    patch = await lib.openPatch("threshold", { quota: { maxBytes: 100 << 20 } });
    const quiet = listen(patch);
    // The stricter one counts.
    const other = await lib.openPatch("threshold", { quota: { maxBytes: 1 << 20, threshold: 0.5 } });
    await until(() => quiet.length > 0);
    const opened = [...quiet];
    await Promise.all([patch.close(), other.close()]);
    patch = await lib.openPatch("threshold", { quota: { maxBytes: 10 << 20 } });
    const told = listen(patch);
    for (let n = 0; n < 90; n++) await patch.kv("s").set(`m${n}`, value(100_000));
    await until(() => told.length > 0);
    await lib.deletePatchData("threshold");
    return { opened, told };
  });
  assert.deepEqual(found.opened.map(({ action }) => action), ["compact"]);
  assert.equal(found.opened[0].quota, MIB);
  assert.ok(found.opened[0].usage > MIB / 2, JSON.stringify(found.opened));
  assert.deepEqual(found.told.map(({ action }) => action), ["compact"], JSON.stringify(found.told));
  assert.ok(found.told[0].usage > 0.8 * 10 * MIB);
  await page.close();
});

test("in memory, too", { timeout: 60_000 }, async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("memory", { backend: "memory", quota: { maxBytes: 100_000 } });
    const told = listen(patch);
    await patch.kv("s").set("a", value(60_000));
    const full = await failure(() => patch.kv("s").set("b", value(60_000)));
    await patch.kv("s").delete("a");
    await patch.kv("s").set("b", value(60_000));
    return { full, actions: told.map(({ action }) => action) };
  });
  assert.equal(found.full?.code, "StorageQuotaExceeded");
  assert.ok(found.actions.includes("full"), `${found.actions}`);
  await page.close();
});

test("a real quota: steps above the threshold, then refusal; deleting works still", { timeout: 240_000 }, async () => {
  const own = await mkdtemp(join(tmpdir(), "patchstore-quota-"));
  const narrow = await openBrowser({ profile: own });
  try {
    const page = await pageWithPackage(narrow, server.origin, async (page) => {
      const client = await page.context().newCDPSession(page);
      await client.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 20 << 20 });
    });
    const found = await page.evaluate(async () => {
      const value = (bytes) => {
        const out = new Uint8Array(bytes);
        for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(out.subarray(at, at + 65536));
        return out;
      };
      const patch = await lib.openPatch("real");
      const told = [];
      patch.on("quota", (event) => told.push(event));
      let count = 0, full = null;
      while (full === null && count < 5_000) full = await failure(() => patch.kv("s").set(`k${count++}`, value(20_000)));
      const failed = [];
      for (let n = 0; n < count / 2; n++) {
        const refused = await failure(() => patch.kv("s").delete(`k${n}`));
        if (refused) failed.push(refused.message);
      }
      failed.push(await failure(() => patch.compact()), await failure(() => patch.kv("s").set("more", value(20_000))));
      const full_at = told.length;
      // What failed once is the limit from now on, whatever the browser reports: looked at on opening.
      for (let n = 0; n < 40; n++) await patch.kv("s").set(`more${n}`, value(20_000));
      await patch.close();
      const again = await lib.openPatch("real", { quota: { threshold: 0.1 } });
      again.on("quota", (event) => told.push(event));
      for (let waited = 0; waited < 100 && told.at(-1).action !== "compact"; waited++) await new Promise((resolve) => setTimeout(resolve, 100));
      const held = await again.kv("s").count();
      return { told, full, full_at, held, count, failed, estimate: await lib.storageEstimate() };
    });
    assert.equal(found.full?.code, "StorageQuotaExceeded", JSON.stringify(found.full));
    assert.match(found.full.message, /: 200\d\d bytes are needed/);
    assert.ok(found.full.usage > 0 && found.full.quota > 0);
    const actions = found.told.map(({ action }) => action);
    // (Then the background may compact, too.)
    const early = actions.slice(0, found.full_at);
    assert.equal(early.filter((action) => action !== "compact").at(-1), "full", JSON.stringify(found.told));
    assert.equal(actions.at(-1), "compact", JSON.stringify(found.told));
    assert.ok(found.told.at(-1).quota < 40 << 20, "the limit is what is enforced, not what is reported");
    assert.ok(found.told.length < 12, `no storm: ${actions}`);
    assert.deepEqual(found.failed, [null, null]);
    assert.ok(found.estimate.ratio > 0 && found.estimate.ratio === found.estimate.usage / found.estimate.quota);
  } finally {
    await narrow.close();
    await rm(own, { recursive: true, force: true, maxRetries: 5 });
  }
});

test("persistence is asked for only when the app says so, and its answer is told", { timeout: 60_000 }, async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    let asked = 0, answer = true;
    StorageManager.prototype.persist = async () => (asked++, answer);
    const patch = await lib.openPatch("persisted", { backend: "memory" });
    const before = [patch.status.persisted, asked];
    const asking = await lib.openPatch("asks", { backend: "memory", quota: { persist: true } });
    await until(() => asking.status.persisted !== null);
    const granted = [patch.status.persisted, asking.status.persisted, asked];
    await lib.openPatch("asks not again", { backend: "memory", quota: { persist: true } });
    const again = asked;
    answer = false;
    const refused = [await lib.requestPersistence(), patch.status.persisted];
    StorageManager.prototype.persist = async () => { throw new TypeError("opaque"); };
    const threw = await lib.requestPersistence();
    return { before, granted, again, refused, threw };
  });
  assert.deepEqual(found, { before: [null, 0], granted: [true, true, 1], again: 1, refused: [false, false], threw: false });
  await page.close();
});

test("policies that make no sense are refused", { timeout: 60_000 }, async () => {
  const page = await newPage();
  const codes = await page.evaluate(async () => {
    const bad = [{ threshold: 0 }, { threshold: 1.1 }, { threshold: NaN }, { threshold: "1" }, { maxBytes: 0 }, { maxBytes: -1 },
      { maxBytes: Infinity }, { maxBytes: NaN }, { maxBytes: 1n }, { persist: 1 }, { other: 1 }, null, 1, "x", []];
    return Promise.all(bad.map(async (quota) => (await failure(() => lib.openPatch("bad", { quota })))?.code));
  });
  assert.deepEqual([...new Set(codes)], ["InvalidArgument"], `${codes}`);
  const fine = await page.evaluate(async () => {
    const quota = { threshold: 1, maxBytes: 0.5, persist: undefined };
    return failure(async () => (await lib.openPatch("fine", { backend: "memory", quota })).close());
  });
  assert.equal(fine, null);
  await page.close();
});

test("data that the browser has dropped are missed, those that were deleted are not", { timeout: 120_000 }, async () => {
  const evicted = (page, id) =>
    page.evaluate(async (id) => {
      const patch = await lib.openPatch(id);
      const { evicted } = patch.status;
      await patch.close();
      return evicted;
    }, id);
  const fill = (page, id) =>
    page.evaluate(async (id) => {
      const patch = await lib.openPatch(id);
      await patch.kv("s").set("k", 1);
      await patch.close();
    }, id);
  const [page, other] = [await newPage(), await newPage()];
  assert.equal(await evicted(page, "gone"), false, "new");
  assert.equal(await evicted(page, "gone"), false, "empty");
  await fill(page, "gone");
  assert.equal(await evicted(page, "gone"), false, "there");
  await fill(page, "deleted");
  await fill(other, "deleted elsewhere");
  await page.evaluate(() => lib.deletePatchData("deleted"));
  await other.evaluate(() => lib.deletePatchData("deleted elsewhere"));
  await dropDatabases(page);
  for (const from of [page, other]) assert.equal(await evicted(from, "gone"), true, "in every page, until there are data");
  assert.equal(await evicted(page, "deleted"), false);
  assert.equal(await evicted(page, "deleted elsewhere"), false);
  assert.equal(await evicted(page, "never"), false);
  await fill(page, "gone");
  assert.equal(await evicted(other, "gone"), false, "data again");
  // Deleted right before it is opened elsewhere, again and again.
  for (let n = 0; n < 10; n++) {
    await fill(page, "back");
    await page.evaluate(() => lib.deletePatchData("back"));
    assert.equal(await evicted(other, "back"), false, `round ${n}`);
  }
  // Open while it goes.
  await page.evaluate(async () => {
    globalThis.patch = await lib.openPatch("gone");
    globalThis.closed = new Promise((resolve) => globalThis.patch.on("closed", ({ reason }) => resolve(reason)));
    return patch.kv("s").get("k");
  });
  await dropDatabases(other);
  assert.equal(await evicted(other, "gone"), true);
  // Deleted in a worker, which has no localStorage.
  await fill(page, "by a worker");
  const inWorker = await page.evaluate(async () => {
    const source = `onmessage = async ({ data }) => {
      const lib = await import(data);
      postMessage(await lib.deletePatchData("by a worker"));
    }`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    worker.postMessage(new URL("/pkg/index.js", location).href);
    return new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
  });
  assert.equal(inWorker, true);
  assert.equal(await evicted(page, "by a worker"), false);
  assert.deepEqual(await page.evaluate(async () => (await lib.listPatches({ prefix: "" })).map(({ id }) => id)
    .filter((id) => id.startsWith("patchstore-deleted"))), []);
  // Where localStorage is denied or full, nothing is noticed, and nothing fails.
  const denied = await newPage();
  await denied.evaluate(() => {
    Object.defineProperty(globalThis, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } });
  });
  await fill(denied, "denied");
  assert.equal(await evicted(denied, "denied"), false);
  assert.equal(await denied.evaluate(() => lib.deletePatchData("denied")), true);
  await Promise.all([page, other, denied].map((page) => page.close()));
});
