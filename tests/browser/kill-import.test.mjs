/**
 * The browser killed at random moments while it imports a patch, by SIGKILL to all its processes: the patch is there whole, or not at all. KILLS says
 * how often. (WebKit keeps nothing on disk where it is driven.)
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

const KILLS = Number(process.env.KILLS ?? 8);
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

/** Runs in the page. */
async function look() {
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
  const found = { whole: 0, none: 0, other: 0 };
  for (const { id } of await lib.listPatches()) {
    if (id === "p") continue;
    const is = (await lib.hasPatchData(id)) ? ((await digestOf(id)) === expected ? "whole" : "other") : "none";
    found[is] += 1;
    await lib.deletePatchData(id);
  }
  // From now on it is imported, again and again.
  (async () => {
    for (let n = 0; ; n++) await lib.importPatch(`q${Date.now()} ${n}`, await lib.exportPatch("p"));
  })();
  return found;
}

for (const [name, launch] of Object.entries(START)) {
  test(`${name} killed ${KILLS} times while it imports a patch`, { timeout: 60_000 + KILLS * 30_000 }, async () => {
    const profile = await mkdtemp(join(tmpdir(), "patchstore-kill-"));
    const server = await serve();
    const ends = { whole: 0, none: 0, other: 0 };
    let browser;
    try {
      for (let round = 0; round <= KILLS; round++) {
        browser = await launch(profile);
        const page = await browser.newPage();
        await page.goto(`${server.origin}/tests/browser/engine/page.html`);
        const found = await page.evaluate(look);
        for (const end of Object.keys(ends)) ends[end] += found[end];
        assert.equal(ends.other, 0, `after ${round} kills`);
        await sleep(Math.random() * LATEST_MS);
        await browser.kill();
        browser = undefined;
      }
      console.log(`kill-import: ${name}, ${JSON.stringify(ends)}`);
    } finally {
      await browser?.kill();
      await server.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}
