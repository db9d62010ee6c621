/**
 * The browser killed at random moments while one tab puts contents, has records hold them and lets go of them, and another one collects:
 * by SIGKILL to all its processes. What a record holds is here, whole, and so is all that is listed. KILLS says how often. (WebKit
 * keeps nothing on disk where it is driven; in Firefox nothing tells of each value as it is stored.)
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
/** A kill comes this late at most, ms after a record was told to hold its content. */
const LATEST_MS = 1500;

/** Each: starts it on a profile; what opens a page, and what kills it. */
const START = {
  async Chromium(profile) {
    const { context, kill } = await run(profile);
    return { newPage: () => context.newPage(), kill };
  },
};

/** Runs in the page: what there is, and what of it is wrong. */
async function look() {
  const lib = await import("/pkg/index.js");
  const patch = (globalThis.patch = await lib.openPatch("kill-contents"));
  const found = { n: 0, held: 0, listed: 0, wrong: [] };
  const isWhole = async (hash) => {
    const blob = await patch.blobs.get(hash);
    if (blob === undefined) return false;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === hash;
  };
  for (const [key, { n, ref }] of await patch.kv("held").entries()) {
    found.n = Math.max(found.n, n);
    found.held += 1;
    if (!(await isWhole(ref.hash))) found.wrong.push(`${key} holds ${ref.hash}`);
  }
  for await (const { hash, held } of patch.blobs.list()) {
    found.listed += 1;
    if (!(await isWhole(hash))) found.wrong.push(`${hash} is listed, held: ${held}`);
  }
  return found;
}

/** Runs in the page: puts contents of one to three pieces, each by a pair that held another one before. Tells of each. */
async function put(first) {
  const { patch } = globalThis;
  for (let n = first; ; n++) {
    const bytes = new Uint8Array(400_000 + ((n * 577_777) % 2_400_000));
    for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    const ref = await patch.blobs.put(n % 2 ? bytes : new Blob([bytes]).stream());
    await patch.kv("held").set(`${n % 5}`, { n, ref });
    await globalThis.told(n);
    // (The one before may have gone, so the same is put by both.)
    if (n % 3 === 0) await patch.kv("held").set("again", { n, ref: await patch.blobs.put(bytes) });
  }
}

/** Runs in the page. */
async function collect() {
  const lib = await import("/pkg/index.js");
  const patch = await lib.openPatch("kill-contents");
  for (;;) await patch.compact();
}

for (const [name, launch] of Object.entries(START)) {
  test(`${name} killed ${KILLS} times while contents are put and collected`, { timeout: 60_000 + KILLS * 30_000 }, async () => {
    const profile = await mkdtemp(join(tmpdir(), "patchstore-kill-"));
    const server = await serve();
    let [promised, listed, browser] = [0, 0];
    try {
      for (let round = 0; round <= KILLS; round++) {
        browser = await launch(profile);
        const page = await browser.newPage();
        await page.goto(`${server.origin}/tests/browser/engine/page.html`);
        const found = await page.evaluate(look);
        assert.deepEqual(found.wrong, [], `after ${round} kills`);
        assert.ok(found.n >= promised, `after ${round} kills: ${promised} is lost, ${found.n} is there`);
        listed += found.listed;
        if (round === KILLS) break;
        const other = await page.context().newPage();
        await other.goto(`${server.origin}/tests/browser/engine/page.html`);
        const begun = new Promise((begun) => {
          void page
            .exposeFunction("told", (n) => {
              promised = n;
              begun();
            })
            .then(() => page.evaluate(put, found.n + 1))
            .catch(() => {});
        });
        other.evaluate(collect).catch(() => {});
        await begun;
        await sleep(Math.random() * LATEST_MS);
        await browser.kill();
        browser = undefined;
      }
      console.log(`kill-contents: ${name}, ${promised} held in turn, ${listed} listed`);
      assert.ok(promised >= KILLS && listed > 0);
    } finally {
      await browser?.kill();
      await server.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}
