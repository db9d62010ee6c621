/** Deleting a patch that frozen tabs and pages in the back-forward cache have open, and browsers that die meanwhile. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./support/chromium-process.mjs";
import { openTab, prepare } from "./support/lifecycle.mjs";
import { ask } from "./support/realms.mjs";
import { serve } from "./support/server.mjs";

let server, profile;
before(async () => {
  // Pages that fetched what must not be stored stay out of the back-forward cache.
  server = await serve(undefined, { "cache-control": "max-age=60" });
  profile = await mkdtemp(join(tmpdir(), "patchstore-lifecycle-"));
});
after(async () => {
  await server?.close();
  if (profile) await rm(profile, { recursive: true, force: true, maxRetries: 5 });
});

async function inBrowser(work) {
  const { context, kill } = await run(profile);
  try {
    return await work(context, kill);
  } finally {
    await kill();
  }
}

/** Freezes a hidden page, and makes sure that it is: its timers stand still. */
async function freeze(page) {
  await page.evaluate(() => {
    globalThis.froze = new Promise((resolve) => document.addEventListener("freeze", resolve, { once: true }));
    globalThis.ticks = 0;
    setInterval(() => ticks++, 10);
  });
  const client = await page.context().newCDPSession(page);
  await client.send("Page.setWebLifecycleState", { state: "frozen" });
  await page.evaluate(() => froze);
  const ticks = () => page.evaluate(() => globalThis.ticks);
  const first = await ticks();
  await sleep(1500);
  assert.equal(await ticks(), first, "the page is frozen");
  return () => client.send("Page.setWebLifecycleState", { state: "active" });
}

const remake = async (id) => {
  const began = performance.now();
  const deleted = await outcome(lib.deletePatchData(id));
  const patch = await lib.openPatch(id);
  const count = await outcome(patch.kv("s").count());
  await patch.kv("s").set("new", 1);
  await patch.close();
  return { deleted, count, inTime: performance.now() - began < 9_000, names: await names() };
};

test("a frozen tab holds up neither the deletion nor the next opening", { timeout: 90_000 }, () =>
  inBrowser(async (context) => {
    const [frozen, other] = [await openTab(context, server.origin), await openTab(context, server.origin)];
    await frozen.evaluate(() => open("p").then((patch) => patch.kv("s").set("old", 1)));
    await other.bringToFront();
    const thaw = await freeze(frozen);
    const found = await other.evaluate(remake, "p");
    assert.deepEqual(found, { deleted: true, count: 0, inTime: true, names: ["patchstore_p"] });
    await thaw();
    assert.deepEqual(await ask(() => frozen.evaluate(() => ended.p ?? []), (all) => all.length > 0, 10_000), ["deleted"]);
    assert.equal(await frozen.evaluate(async () => (await open("p")).kv("s").keys().then(String)), "new");
  }));

test("what a frozen tab keeps from going is gone with a later listing", { timeout: 90_000 }, () =>
  inBrowser(async (context) => {
    const [frozen, other] = [await openTab(context, server.origin), await openTab(context, server.origin)];
    await frozen.evaluate(() => open("q").then((patch) => patch.kv("s").set("old", 1)));
    await other.bringToFront();
    await freeze(frozen);
    const found = await other.evaluate(async () => [
      await outcome(lib.deletePatchData("q")), (await lib.listPatches()).some(({ id }) => id === "q"),
      await lib.hasPatchData("q"), await outcome(lib.deletePatchData("q")), (await names()).includes("patchstore_q"),
    ]);
    assert.deepEqual(found, [true, false, false, false, true]);
    await frozen.close();
    const isGone = () => other.evaluate(async () => {
      await lib.listPatches();
      return !(await names()).includes("patchstore_q");
    });
    assert.equal(await ask(isGone, Boolean, 10_000), true);
  }));

for (const without of [[], ["BroadcastChannel"]]) {
  test(`a page in the back-forward cache${without.length ? ", deaf" : ""}`, { timeout: 90_000 }, () =>
    inBrowser(async (context) => {
      const id = `b${without.length}`;
      const [page, other] = [await openTab(context, server.origin, { without }), await openTab(context, server.origin)];
      await page.evaluate(async (id) => {
        globalThis.restored = false;
        addEventListener("pageshow", ({ persisted }) => (restored ||= persisted));
        await (await open(id)).kv("s").set("old", 1);
      }, id);
      await page.goto(`${server.origin}/tests/browser/api/page.html`);
      const found = await other.evaluate(remake, id);
      assert.deepEqual([found.deleted, found.count, found.inTime], [true, 0, true]);
      await page.goBack({ waitUntil: "commit" });
      await ask(() => page.evaluate(() => document.readyState), (state) => state === "complete");
      if (await page.evaluate(() => globalThis.restored ?? false)) {
        assert.deepEqual(await ask(() => page.evaluate((id) => ended[id] ?? [], id), (all) => all.length > 0, 10_000), ["deleted"]);
      } else {
        await page.evaluate(async () => void (globalThis.lib = await import("/pkg/index.js")));
        await page.evaluate(prepare);
      }
      assert.equal(await page.evaluate(async (id) => (await open(id)).kv("s").keys().then(String), id), "new");
    }));
}

test("killed in the midst of deletions and copies: whole or not there", { timeout: 240_000 }, async () => {
  const seen = new Set();
  for (const ms of [0, 5, 15, 30, 60, 120, 250]) {
    await inBrowser(async (context, kill) => {
      const page = await openTab(context, server.origin);
      await page.evaluate(async () => {
        await lib.deletePatchData("new");
        const patch = await open("kept");
        await patch.kv("s").setMany(Array.from({ length: 2000 }, (_, n) => [`k${n}`, `${n}`.repeat(100)]));
        const doomed = await lib.openPatch("doomed");
        await doomed.kv("s").setMany(Array.from({ length: 2000 }, (_, n) => [`k${n}`, `${n}`.repeat(100)]));
        await doomed.close();
      });
      await page.evaluate(() => void [lib.deletePatchData("doomed"), lib.copyPatch("kept", "new")]);
      await sleep(ms);
      await kill();
    });
    await inBrowser(async (context) => {
      const page = await openTab(context, server.origin);
      const found = await page.evaluate(async () => {
        const listed = (await lib.listPatches()).map(({ id }) => id);
        const out = { listed, has: {}, counts: {} };
        for (const id of ["kept", "doomed", "new"]) {
          out.has[id] = await outcome(lib.hasPatchData(id));
          if (!listed.includes(id)) continue;
          const patch = await lib.openPatch(id);
          out.counts[id] = await patch.kv("s").count();
          await patch.close();
        }
        out.again = await outcome(lib.deletePatchData("doomed"));
        return out;
      });
      assert.equal(found.counts.kept, 2000);
      for (const id of ["doomed", "new"]) {
        const isListed = found.listed.includes(id);
        assert.equal(found.has[id], isListed, id);
        if (isListed) assert.equal(found.counts[id], 2000, id);
        seen.add(`${id} ${isListed}`);
      }
      assert.equal(found.again, found.listed.includes("doomed"));
    });
  }
  console.log([...seen].join());
});
