/** The error codes that only the browser itself can bring about: provoked for real. */
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
  profile = await mkdtemp(join(tmpdir(), "patchstore-errors-"));
  server = await serve();
  browser = await openBrowser({ profile });
});
after(async () => {
  await browser?.close();
  await server?.close();
  if (profile) await rm(profile, { recursive: true, force: true });
});

const newPage = (prepare) => pageWithPackage(browser, server.origin, prepare);

test("Unavailable: no IndexedDB; memory only when asked for", async () => {
  const page = await newPage((page) =>
    page.addInitScript(() => Object.defineProperty(globalThis, "indexedDB", { value: undefined })),
  );
  const none = await page.evaluate(() => failure(() => lib.openPatch("a")));
  assert.equal(none.code, "Unavailable");
  assert.ok(none.own && none.message.length > 10, none.message);
  const memory = await page.evaluate(async () => {
    const patch = await lib.openPatch("a", { backend: "memory" });
    await patch.kv("s").set("k", 1);
    return patch.kv("s").get("k");
  });
  assert.equal(memory, 1);
  await page.close();
});

test("Blocked: a pending deletion holds the database", async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const held = await asked(indexedDB.open("patchstore_held", 1));
    indexedDB.deleteDatabase("patchstore_held"); // waits for `held`, which does not give way
    const start = performance.now();
    const found = await failure(() => lib.openPatch("held", { openTimeoutMs: 400 }));
    const waited = performance.now() - start;
    held.close();
    return { ...found, waited };
  });
  assert.equal(found.code, "Blocked");
  assert.equal(found.remedy, "retry");
  assert.ok(found.waited < 8000, `${found.waited}`);
  await page.close();
});

test("UnsupportedFormat: a foreign database, and one of a later version, stay as they were", async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const foreign = indexedDB.open("patchstore_foreign", 1);
    foreign.onupgradeneeded = () => foreign.result.createObjectStore("kv").put("mine", "key");
    (await asked(foreign)).close();
    const later = indexedDB.open("patchstore_later", 7);
    later.onupgradeneeded = () => later.result.createObjectStore("log");
    (await asked(later)).close();
    const codes = [await failure(() => lib.openPatch("foreign")), await failure(() => lib.openPatch("later"))];
    const database = await asked(indexedDB.open("patchstore_foreign"));
    const kept = await asked(database.transaction("kv").objectStore("kv").get("key"));
    const shape = [database.version, [...database.objectStoreNames]];
    database.close();
    return { codes: codes.map((found) => found?.code), kept, shape };
  });
  assert.deepEqual(found, {
    codes: ["UnsupportedFormat", "UnsupportedFormat"],
    kept: "mine",
    shape: [1, ["kv"]],
  });
  await page.close();
});

test("Corrupt and UnsupportedFormat: a damaged head and one of a later format are left alone", async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("damaged");
    await patch.kv("s").set("k", "v");
    await patch.close();
    const database = await asked(indexedDB.open("patchstore_damaged"));
    const store = () => database.transaction("head", "readwrite").objectStore("head");
    const head = await asked(store().get("head"));
    const outcomes = [];
    for (const [at, value] of [[20, head[20] ^ 1], [3, 9]]) {
      const bad = Uint8Array.from(head);
      bad[at] = value;
      await asked(store().put(bad, "head"));
      outcomes.push((await failure(() => lib.openPatch("damaged")))?.code);
      const after = await asked(store().get("head"));
      outcomes.push(after.every((byte, i) => byte === bad[i]));
    }
    await asked(store().put(head, "head"));
    database.close();
    const again = await lib.openPatch("damaged");
    outcomes.push(await again.kv("s").get("k"));
    await again.close();
    return outcomes;
  });
  assert.deepEqual(found, ["Corrupt", true, "UnsupportedFormat", true, "v"]);
  await page.close();
});

test("Corrupt: a damaged page is reported, never returned", async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("page");
    await patch.kv("s").setMany(Array.from({ length: 3000 }, (_, i) => [`key-${i}`, `value ${i}`]));
    await patch.compact();
    await patch.close();
    const database = await asked(indexedDB.open("patchstore_page"));
    const runs = () => database.transaction("runs", "readwrite").objectStore("runs");
    for (const id of await asked(runs().getAllKeys())) {
      const record = await asked(runs().get(id));
      if (record[2] !== "S".charCodeAt(0)) continue;
      record[40] ^= 16;
      await asked(runs().put(record, id));
    }
    database.close();
    const again = await lib.openPatch("page");
    const found = await failure(() => again.kv("s").get("key-0"));
    await again.kv("other").set("k", 1);
    await again.close();
    return found;
  });
  assert.equal(found.code, "Corrupt");
  assert.equal(found.remedy, "restore");
  await page.close();
});

test("ConnectionLost: the origin's data cleared under an open patch", async () => {
  const page = await newPage();
  await page.evaluate(async () => {
    globalThis.patch = await lib.openPatch("cut");
    globalThis.ended = new Promise((resolve) => patch.on("closed", ({ reason }) => resolve(reason)));
    await patch.kv("s").set("k", 1);
  });
  const client = await page.context().newCDPSession(page);
  await client.send("Storage.clearDataForOrigin", { origin: server.origin, storageTypes: "indexeddb" });
  const found = await page.evaluate(async () => {
    const late = new Promise((resolve) => setTimeout(resolve, 8000, "nothing"));
    const write = await Promise.race([failure(() => patch.kv("s").set("k", 2)), late]);
    const reason = await Promise.race([ended, late]);
    const again = await lib.openPatch("cut");
    const left = await again.kv("s").get("k");
    await again.close();
    return { code: write?.code, reason, left };
  });
  assert.ok(["ConnectionLost", "Closed"].includes(found.code), JSON.stringify(found));
  assert.ok(["lost", "deleted", "versionchange"].includes(found.reason), JSON.stringify(found));
  assert.equal(found.left, undefined);
  await page.close();
});
