/** Forty Blobs of 25 MiB, on a disk: nothing passes through wasm, and they are there after a restart. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

const MIB = 1024 * 1024;

let server, profile;

before(async () => {
  profile = await mkdtemp(join(tmpdir(), "patchstore-blobs-"));
  server = await serve();
});
after(async () => {
  await server?.close();
  if (profile) await rm(profile, { recursive: true, force: true });
});

/** Runs `body` in a page of the profile's browser, which is closed then. */
async function inPage(body, ...args) {
  const browser = await openBrowser({ profile });
  try {
    const page = await pageWithPackage(browser, server.origin);
    return await page.evaluate(`import("/tests/browser/api/blobs.mjs").then((kit) => (${body})(kit, ...${JSON.stringify(args)}))`);
  } finally {
    await browser.close();
  }
}

test("many large ones are written, read and held together, and wasm does not grow", async () => {
  const written = await inPage(async ({ large, wasmBytes }) => {
    const patch = await lib.openPatch("a");
    const kv = patch.kv("s");
    await kv.set("first", 1);
    const before = wasmBytes();
    const beganMs = performance.now();
    // (Chromium has no room for forty that are made of bytes of their own at once, whoever stores them.)
    const content = new Blob([large(0, 25 * 1024 * 1024)]);
    for (let n = 0; n < 40; n++) await kv.set(`k${n}`, { n, blob: new Blob([content, String(n)], { type: "a/b" }) });
    const tookMs = performance.now() - beganMs;
    await patch.close();
    return { grown: wasmBytes() - before, tookMs };
  });
  const read = await inPage(async ({ bytesOf, wasmBytes }) => {
    const patch = await lib.openPatch("a");
    const kv = patch.kv("s");
    await kv.get("first");
    const before = wasmBytes();
    const beganMs = performance.now();
    const found = [];
    for (let n = 0; n < 40; n++) found.push(await kv.get(`k${n}`));
    const tookMs = performance.now() - beganMs;
    const same = [];
    const bytes = 25 * 1024 * 1024;
    for (const { n, blob } of found) {
      same.push(blob.type === "a/b" && (await blob.slice(bytes).text()) === String(n) && (n % 10 > 0 || (await bytesOf(blob.slice(0, bytes), 0, bytes))));
    }
    const { liveBytes } = await patch.stats();
    return { grown: wasmBytes() - before, tookMs, same, liveBytes };
  });
  assert.deepEqual(read.same, Array(40).fill(true));
  assert.ok(written.grown < 8 * MIB && read.grown < 8 * MIB, JSON.stringify({ written, read }));
  assert.ok(read.liveBytes >= 1000 * MIB, JSON.stringify(read));
});
