/** Files that are removed behind the browser's back, those in which Chromium keeps large values and those that a user has chosen: who reads them is told. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

let server, profile;

before(async () => {
  profile = await mkdtemp(join(tmpdir(), "patchstore-lost-file-"));
  server = await serve();
});
after(async () => {
  await server?.close();
  if (profile) await rm(profile, { recursive: true, force: true });
});

/** Runs `body` in a page of the profile's browser, which is closed then. */
async function inPage(body) {
  const browser = await openBrowser({ profile });
  try {
    const page = await pageWithPackage(browser, server.origin);
    return await page.evaluate(body);
  } finally {
    await browser.close();
  }
}

/** Removes the files of large values; how many there were. */
async function loseFiles() {
  const entries = await readdir(profile, { recursive: true, withFileTypes: true });
  const kept = (entry) => entry.isFile() && /\.indexeddb\.blob[/\\]/.test(join(entry.parentPath ?? entry.path, entry.name));
  const files = entries.filter(kept).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  await Promise.all(files.map((file) => rm(file)));
  return files.length;
}

test("a large value whose file is gone is an error, and the others are there", async () => {
  await inPage(async () => {
    const patch = await lib.openPatch("a");
    const large = Array.from({ length: 40_000 }, () => Math.random().toString(36)).join("");
    await patch.kv("s").set("large", large);
    await patch.kv("s").set("small", 1);
    await patch.flush();
    await patch.close();
  });
  assert.ok((await loseFiles()) > 0, "Chromium keeps it in a file");
  const found = await inPage(async () => {
    const late = (ms) => new Promise((_, reject) => setTimeout(() => reject(new Error("it hangs")), ms));
    const patch = await lib.openPatch("a");
    const kv = patch.kv("s");
    const read = () => failure(() => Promise.race([kv.get("large"), late(10_000)]));
    const found = [await read(), await read()];
    await kv.set("small", 2);
    return { found, small: await kv.get("small") };
  });
  for (const error of found.found) {
    assert.ok(error.own, error.message);
    assert.equal(error.code, "Unavailable", error.message);
  }
  assert.equal(found.small, 2);
});

test("a chosen file that is gone is not put, and leaves nothing", async () => {
  const files = ["small", "large"].map((name) => join(profile, `${name}.bin`));
  for (const [at, mib] of [1, 40].entries()) {
    await writeFile(files[at], "");
    await truncate(files[at], mib << 20);
  }
  const browser = await openBrowser();
  try {
    const page = await pageWithPackage(browser, server.origin);
    await page.evaluate(() => document.body.append(Object.assign(document.createElement("input"), { type: "file", multiple: true })));
    await page.locator("input").setInputFiles(files);
    await Promise.all(files.map((file) => rm(file)));
    const { errors, blobBytes } = await page.evaluate(async () => {
      const patch = await lib.openPatch("a");
      const chosen = [...document.querySelector("input").files];
      const errors = [];
      for (const file of chosen) errors.push(await failure(() => patch.blobs.put(file)));
      return { errors, blobBytes: (await patch.stats()).blobBytes };
    });
    assert.equal(errors.length, 2);
    for (const error of errors) {
      assert.equal(error?.code, "NotStorable", JSON.stringify(error));
      assert.equal(error.message, "the Blob could not be read");
    }
    assert.equal(blobBytes, 0);
  } finally {
    await browser.close();
  }
});
