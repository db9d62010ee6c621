/**
 * The browser killed at random moments while it converts a patch, by SIGKILL to all its processes: the patch is whole, encrypted
 * or not, and if it is, nothing lies in the clear once it was opened. KILLS says how often. (WebKit keeps nothing on disk where it is
 * driven.)
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
/** A kill comes this late at most, ms after a conversion was begun. */
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

/** Runs in the page. */
async function look() {
  globalThis.lib = await import("/pkg/index.js");
  globalThis.key = { key: new Uint8Array(32).fill(7) };
  const asked = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const shows = async () => {
    const database = await asked(indexedDB.open("patchstore_p"));
    let found = false;
    for (const name of database.objectStoreNames) {
      for (const value of await asked(database.transaction(name).objectStore(name).getAll())) {
        const parts = Array.isArray(value) ? value : [value];
        for (const part of parts) {
          const bytes = part instanceof Blob ? await part.arrayBuffer() : part;
          found ||= new TextDecoder("latin1").decode(bytes).includes("recognisable");
        }
      }
    }
    database.close();
    return found;
  };
  const isNew = !(await lib.hasPatchData("p"));
  const lay = !isNew && (await shows());
  const patch = await lib.openPatch("p").catch((error) => {
    if (error.code !== "Encrypted") throw error;
    return lib.openPatch("p", { encryption: key });
  });
  const { encrypted } = patch.status;
  if (isNew) {
    await patch.kv("s").setMany(Array.from({ length: 3000 }, (_, n) => [`${n}`, { n, text: `recognisable ${Math.random()}`.repeat(20) }]));
    for (let n = 0; n < 20; n++) await patch.kv("s").set(`large ${n}`, new Uint8Array(300_000).map(Math.random));
    await patch.kv("s").set("blob", new Blob(["recognisable ".repeat(30_000)]));
  }
  for (let n = 0; encrypted && n < 100 && (await shows()); n++) await new Promise((resolve) => setTimeout(resolve, 50));
  const all = JSON.stringify(await patch.kv("s").entries(), (_, value) => (ArrayBuffer.isView(value) ? Array.from(value.subarray(0, 9)) : value));
  const text = all + (await (await patch.kv("s").get("blob")).text());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).join(" ");
  await patch.close();
  const found = { digest, encrypted, lay: lay && encrypted, shows: encrypted && (await shows()) };
  // From now on it is converted, again and again.
  (async () => {
    for (let is = encrypted; ; is = !is) await (is ? lib.decryptPatch : lib.encryptPatch)("p", key);
  })();
  return found;
}

for (const [name, launch] of Object.entries(START)) {
  test(`${name} killed ${KILLS} times while it converts a patch`, { timeout: 60_000 + KILLS * 30_000 }, async () => {
    const profile = await mkdtemp(join(tmpdir(), "patchstore-kill-"));
    const server = await serve();
    const ends = { encrypted: 0, plain: 0, lay: 0 };
    let browser, first;
    try {
      for (let round = 0; round <= KILLS; round++) {
        browser = await launch(profile);
        const page = await browser.newPage();
        await page.goto(`${server.origin}/tests/browser/engine/page.html`);
        const found = await page.evaluate(look);
        first ??= found.digest;
        assert.equal(found.digest, first, `after ${round} kills`);
        assert.equal(found.shows, false, `after ${round} kills`);
        ends[found.encrypted ? "encrypted" : "plain"] += 1;
        ends.lay += found.lay;
        await sleep(Math.random() * LATEST_MS);
        await browser.kill();
        browser = undefined;
      }
      console.log(`kill-convert: ${name}, ${JSON.stringify(ends)}; something lay in the clear ${ends.lay} times`);
    } finally {
      await browser?.kill();
      await server.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}
