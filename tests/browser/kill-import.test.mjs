/**
 * The browser killed at random moments while it imports a patch, by SIGKILL to all its processes: the patch is there whole, or not at all. KILLS says
 * how often. Every second time, the rest of the archive does not come, so that the import certainly is half-done. (WebKit keeps nothing on disk where it is driven.)
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./support/chromium-process.mjs";
import { openPages } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

const KILLS = Number(process.env.KILLS ?? 5);
/** A kill comes this late at most, ms after the first import was begun. */
const LATEST_MS = 900;

/** Each: starts it on a profile; what opens a page, and what kills it. */
const START = {
  async Chromium(profile) {
    const { context, kill } = await run(profile);
    return { newPage: () => context.newPage(), kill };
  },
  async Firefox(profile) {
    const browser = await openPages("firefox", { profile });
    return { newPage: async () => (await browser.newContext()).newPage(), kill: browser.kill };
  },
};

/** Runs in the page, before the library is loaded: what there is of imported patches, as databases, with how many records of each. */
async function lying() {
  const asked = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const found = {};
  for (const { name } of await indexedDB.databases()) {
    if (!name.startsWith("patchstore_q")) continue;
    const database = await asked(indexedDB.open(name));
    const reading = database.transaction(["runs", "blobs"]);
    const counts = ["runs", "blobs"].map((store) => asked(reading.objectStore(store).count()));
    found[name.slice("patchstore_".length)] = (await Promise.all(counts)).reduce((sum, count) => sum + count);
    database.close();
  }
  return found;
}

/** Runs in the page: what has become of the imports. Of those that were killed half-done there is nothing, and they can be done again. */
async function look(lies) {
  globalThis.lib = await import("/pkg/index.js");
  const digestOf = async (id) => {
    const patch = await lib.openPatch(id);
    const text = JSON.stringify(await patch.kv("s").entries(), (_, value) => (ArrayBuffer.isView(value) ? Array.from(value.subarray(0, 9)) : value));
    await patch.close();
    return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).join(" ");
  };
  if (!(await lib.hasPatchData("p"))) {
    const patch = await lib.openPatch("p");
    await patch.kv("s").setMany(Array.from({ length: 3000 }, (_, n) => [`${n}`, { n, text: `${Math.random()}`.repeat(20) }]));
    for (let n = 0; n < 20; n++) await patch.kv("s").set(`large ${n}`, new Uint8Array(300_000).map(() => 256 * Math.random()));
    await patch.close();
  }
  const expected = await digestOf("p");
  const found = { whole: 0, half: 0, none: 0, wrong: [] };
  const listed = new Set((await lib.listPatches()).map(({ id }) => id));
  for (const [id, records] of Object.entries(lies)) {
    if (listed.has(id) && (await lib.hasPatchData(id))) {
      found.whole += 1;
      if ((await digestOf(id)) !== expected) found.wrong.push(`${id} is there, and another one`);
    } else {
      found[records > 0 ? "half" : "none"] += 1;
      await lib.importPatch(id, await lib.exportPatch("p"));
      if ((await digestOf(id)) !== expected) found.wrong.push(`${id}, imported again, is another one`);
    }
    await lib.deletePatchData(id);
  }
  return found;
}

/** Runs in the page: imports again and again. Or once, `part` of the archive, whose rest does not come: resolves when it waits for that. */
async function begin({ round, part }) {
  const copy = () => lib.exportPatch("p");
  if (part === undefined) {
    void (async () => {
      for (let n = 0; ; n++) await lib.importPatch(`q${round} ${n}`, await copy());
    })();
    return;
  }
  const chunks = [];
  for (const reader = (await copy()).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    // (Small ones, so that none is the most of it.)
    for (let at = 0; at < value.length; at += 65_536) chunks.push(value.slice(at, at + 65_536));
  }
  const some = chunks.slice(0, Math.max(1, Math.floor(part * chunks.length)));
  await new Promise((waits) => {
    const pull = (controller) => {
      if (some.length > 0) return controller.enqueue(some.shift());
      waits();
      return new Promise(() => {});
    };
    void lib.importPatch(`q${round}`, new ReadableStream({ pull }, { highWaterMark: 0 }));
  });
}

for (const [name, launch] of Object.entries(START)) {
  test(`${name} killed ${KILLS} times while it imports a patch`, { timeout: 120_000 + KILLS * 60_000 }, async () => {
    const profile = await mkdtemp(join(tmpdir(), "patchstore-kill-"));
    const server = await serve();
    const ends = { whole: 0, half: 0, none: 0 };
    let browser;
    try {
      for (let round = 0; round <= KILLS; round++) {
        browser = await launch(profile);
        const page = await browser.newPage();
        await page.goto(`${server.origin}/tests/browser/engine/page.html`);
        const found = await page.evaluate(look, await page.evaluate(lying));
        for (const end of Object.keys(ends)) ends[end] += found[end];
        assert.deepEqual(found.wrong, [], `after ${round} kills`);
        // Half of them at any moment, the others certainly in the midst of one.
        // (Firefox lists no databases any more once it was killed while it made one: there, all of them.)
        const isAnytime = round % 2 === 1 && name !== "Firefox";
        await page.evaluate(begin, { round, part: isAnytime ? undefined : 0.2 + 0.75 * Math.random() });
        await sleep(Math.random() * (isAnytime ? LATEST_MS : 50));
        await browser.kill();
        browser = undefined;
      }
      console.log(`kill-import: ${name}, ${JSON.stringify(ends)}`);
      assert.ok(ends.half > 0, "none was killed half-done");
    } finally {
      await browser?.kill();
      await server.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}
