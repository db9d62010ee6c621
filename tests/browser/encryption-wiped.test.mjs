/** Once a patch is closed, its keys are in no memory of the wasm any more, and nothing holds on to keys of the browser's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { inEachBrowser } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

async function inFreshPage(browser, work) {
  const server = await serve();
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    await page.evaluate(prepare);
    return await page.evaluate(work);
  } finally {
    await context.close();
    await server.close();
  }
}

/** Sees what memory the wasm has, and what keys are given to the browser. */
async function prepare() {
  const memories = [];
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const real = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await real.apply(WebAssembly, given);
      memories.push((made.instance ?? made).exports.memory);
      return made;
    };
  }
  globalThis.imported = [];
  const { importKey } = SubtleCrypto.prototype;
  SubtleCrypto.prototype.importKey = async function (format, key, ...rest) {
    const raw = [...new Uint8Array(key.buffer, key.byteOffset, key.byteLength)];
    const made = await importKey.call(this, format, key, ...rest);
    imported.push({ raw, made: new WeakRef(made) });
    return made;
  };
  const { Needles } = await import("/tests/browser/support/needles.mjs");
  globalThis.inMemory = (keys) => {
    const needles = new Needles(Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, [[...key].slice(0, 16), [...key].slice(16)]])));
    return [...new Set(memories.flatMap((memory) => [...needles.in(new Uint8Array(memory.buffer))]))].sort();
  };
  globalThis.memories = memories;
  globalThis.lib = await import("/pkg/index.js");
  /** Writes and reads records large and small. */
  globalThis.work = async (patch) => {
    for (let n = 0; n < 20; n++) await patch.kv("s").set(`k${n}`, crypto.getRandomValues(new Uint8Array(30_000)));
    await patch.compact();
    await patch.kv("s").set("small", 1);
  };
  /** The keys of a patch with one slot, by the documents. */
  globalThis.keysOf = async (id, key) => {
    const asked = (request) => new Promise((resolve, reject) => ((request.onsuccess = () => resolve(request.result)), (request.onerror = reject)));
    const database = await asked(indexedDB.open(`patchstore_${id}`));
    const head = new Uint8Array(await asked(database.transaction("head").objectStore("head").get("head")));
    database.close();
    // (One slot of 109 bytes, one data key of 64, names of 33, and what says how many there are.)
    const table = head.slice(head.length - 48 - 209, head.length - 48);
    const open = async (raw, nonce, sealed, aad) => {
      const made = await importKey.call(crypto.subtle, "raw", raw, "AES-GCM", false, ["decrypt"]);
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce, additionalData: aad }, made, sealed));
    };
    const text = (words) => new TextEncoder().encode(words);
    const aad = new Uint8Array([...text("patchstore slot"), ...table.slice(1, 18)]);
    const patchKey = (await open(key, table.slice(18, 30), table.slice(30, 110), aad)).slice(32);
    const base = await importKey.call(crypto.subtle, "raw", patchKey, "HKDF", false, ["deriveBits"]);
    const info = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: text("patchstore data keys") };
    const wrapping = new Uint8Array(await crypto.subtle.deriveBits(info, base, 256));
    const dataKey = await open(wrapping, table.slice(115, 127), table.slice(127, 175), table.slice(111, 115));
    return { patchKey, dataKey };
  };
}

inEachBrowser("the keys of an open patch are in the wasm's memory, and those of a closed one are not", async (browser) => {
  const found = await inFreshPage(browser, async () => {
    const key = crypto.getRandomValues(new Uint8Array(32));
    const id = `wiped-${Math.random()}`;
    const options = { encryption: { key } };
    const patch = await lib.openPatch(id, options);
    await work(patch);
    const keys = { key, ...(await keysOf(id, key)) };
    imported.forEach(({ raw }, at) => (keys[`sealer ${at}`] = raw));
    const open = inMemory(keys);
    const second = await lib.openPatch(id, options);
    await second.keyring.set("another", { key: crypto.getRandomValues(new Uint8Array(32)) });
    await patch.close();
    const half = inMemory(keys);
    await second.close();
    return { memories: memories.length, sealers: imported.length, open, half, closed: inMemory(keys) };
  });
  assert.ok(found.memories > 0 && found.sealers > 0, JSON.stringify(found));
  for (const names of [found.open, found.half]) {
    for (const name of ["dataKey", "patchKey", "sealer 0"]) assert.ok(names.includes(name), `${name} is in memory, or the search finds nothing: ${names}`);
  }
  assert.deepEqual(found.closed, []);
});

inEachBrowser("what a wrong key was tried for leaves no key behind", async (browser) => {
  const found = await inFreshPage(browser, async () => {
    const [key, wrong] = [0, 0].map(() => crypto.getRandomValues(new Uint8Array(32)));
    const id = `wiped-${Math.random()}`;
    const patch = await lib.openPatch(id, { encryption: { key } });
    await work(patch);
    const keys = { wrong, key, ...(await keysOf(id, key)) };
    await patch.close();
    const refused = await lib.openPatch(id, { encryption: { key: wrong } }).catch((error) => error.code);
    return { refused, left: inMemory(keys) };
  });
  assert.deepEqual(found, { refused: "WrongKey", left: [] });
});

// In Chromium alone: only there can a page be given a way to have its garbage collected.
test("a CryptoKey is let go of, and so are those that records were sealed with", async () => {
  const browser = await openBrowser({ args: ["--js-flags=--expose-gc"] });
  const work = async () => {
    let key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    const given = new WeakRef(key);
    const patch = await lib.openPatch(`wiped-${Math.random()}`, { encryption: { key } });
    key = undefined;
    await work(patch);
    const alive = async (refs) => {
      for (let n = 0; n < 20; n++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        gc();
      }
      return refs.filter((ref) => ref.deref() !== undefined).length;
    };
    const refs = imported.map(({ made }) => made);
    const open = await alive(refs);
    await patch.close();
    // The handle is still there.
    return { sealers: refs.length, open, closed: await alive([given, ...refs]), id: patch.status.encrypted };
  };
  const found = await inFreshPage(browser, work).finally(() => browser.close());
  assert.ok(found.sealers > 0 && found.open > 0, JSON.stringify(found));
  assert.deepEqual([found.closed, found.id], [0, true]);
});
