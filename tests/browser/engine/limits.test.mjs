/** What the engine must hold at size: opening, memory, write amplification, requests per call. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "../support/browser.mjs";
import { serve } from "../support/server.mjs";
import { meter } from "./meter.mjs";

const MIB = 1 << 20;
let server, browser, profile;

before(async () => {
  profile = await mkdtemp(join(tmpdir(), "patchstore-limits-"));
  server = await serve();
  browser = await openBrowser({ profile });
});
after(async () => {
  await browser?.close();
  await server?.close();
  if (profile) await rm(profile, { recursive: true, force: true });
});

/** Runs `work` in a page of its own, with a fresh instance of the wasm. */
async function inPage(work, argument) {
  const page = await browser.newPage();
  try {
    await page.addInitScript(`(${meter})()`);
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    return await page.evaluate(`(async () => {
      const lib = await import("/pkg/index.js");
      return (${work})(lib, ${JSON.stringify(argument)});
    })()`);
  } finally {
    await page.close();
  }
}

/** Prose-like text out of 128 made-up words, by a small generator. */
const TEXT = `(seed, length) => {
  let text = "", x = (seed * 2654435761 + 12345) >>> 0;
  while (text.length < length) {
    x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0;
    text += ((x % 128) * 7919 + 46656).toString(36) + " ";
  }
  return text.slice(0, length);
}`;

test("opening reads as much with 1 000 000 records as with 10 000", async () => {
  const fill = async (lib, { id, records, text }) => {
    const make = eval(text);
    const patch = await lib.openPatch(id);
    const kv = patch.kv("many");
    for (let from = 0; from < records; from += 50_000) {
      const count = Math.min(50_000, records - from);
      await kv.setMany(Array.from({ length: count }, (_, i) => [`key-${from + i}`, make(from + i, 80)]));
    }
    await patch.compact();
    const { records: stored } = await patch.stats();
    await patch.close();
    return stored;
  };
  const open = async (lib, { id, key }) => {
    await lib.init();
    meter.take();
    const patch = await lib.openPatch(id);
    const opened = meter.take();
    const value = await patch.kv("many").get(key);
    const got = meter.take();
    await patch.close();
    return { opened, got, length: value?.length };
  };
  const found = {};
  for (const records of [10_000, 1_000_000]) {
    const id = `open-${records}`;
    assert.equal(await inPage(fill.toString(), { id, records, text: TEXT }), records);
    found[records] = await inPage(open.toString(), { id, key: `key-${records - 7}` });
    assert.equal(found[records].length, 80);
    // One reads; another, without requests, looks at the shape of the stores.
    assert.equal(found[records].opened.transactions, 2);
    assert.ok(found[records].opened.requests <= 4, JSON.stringify(found[records].opened));
    assert.ok(found[records].got.requests <= 3, JSON.stringify(found[records].got));
  }
  const [small, large] = [found[10_000].opened, found[1_000_000].opened];
  assert.equal(large.requests, small.requests);
  assert.ok(large.bytesRead <= 4096 + 2 * small.bytesRead, `${large.bytesRead} and ${small.bytesRead} bytes`);
});

const makeDoc = `(make, i) => ({ n: i, name: "document " + i, group: i % 100, text: make(i, 210) })`;

test("100 000 documents: write amplification of inserts and of 25 000 updates", async () => {
  const work = async (lib, { text, doc }) => {
    const make = eval(text), docOf = eval(doc);
    const count = 100_000;
    const patch = await lib.openPatch("documents");
    const db = patch.db("docs");
    const docs = Array.from({ length: count }, (_, i) => docOf(make, i));
    const user = docs.reduce((sum, d) => sum + JSON.stringify(d).length, 0);
    meter.take();
    const ids = await db.insertMany("docs", docs);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const inserted = meter.take().bytesWritten;
    let updated = 0, x = 1;
    for (let round = 0; round < count / 400; round++) {
      await Promise.all(Array.from({ length: 100 }, () => {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        const i = x % count;
        const changes = docOf(make, i + count + round);
        updated += JSON.stringify(changes).length;
        return db.update("docs", ids[i], changes);
      }));
    }
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const rewritten = meter.take().bytesWritten;
    const left = await db.count("docs");
    await patch.close();
    return { inserts: inserted / user, updates: rewritten / updated, left };
  };
  const { inserts, updates, left } = await inPage(work.toString(), { text: TEXT, doc: makeDoc });
  console.log(`write amplification: ${inserts.toFixed(2)} for inserts, ${updates.toFixed(2)} for random updates`);
  assert.equal(left, 100_000);
  assert.ok(inserts <= 3, `inserts ${inserts}`);
  assert.ok(updates <= 10, `updates ${updates}`);
});

test("scanning 100 000 documents keeps the wasm's memory under 40 MiB", async () => {
  const work = async (lib) => {
    const patch = await lib.openPatch("documents", { cacheBytes: 8 * 1024 * 1024 });
    const db = patch.db("docs");
    const memory = [];
    for (let round = 0; round < 3; round++) {
      const found = await db.find("docs");
      if (found.length !== 100_000) throw new Error(`found ${found.length}`);
      memory.push(meter.memoryBytes());
    }
    await patch.close();
    return memory;
  };
  const memory = await inPage(work.toString());
  console.log(`wasm memory after each scan: ${memory.map((b) => (b / MIB).toFixed(1)).join(", ")} MiB`);
  assert.ok(memory.every((bytes) => bytes < 40 * MIB), `${memory}`);
  // What a scan read is given up again: more scans take (next to) no more.
  assert.ok(memory[2] <= memory[0] + 2 * MIB, `${memory}`);
});

test("requests per call", async () => {
  const work = async (lib) => {
    const patch = await lib.openPatch("requests");
    const kv = patch.kv("s");
    await kv.set("warm", 1);
    meter.take();
    for (let i = 0; i < 100; i++) await kv.get("warm");
    const gets = meter.take();
    for (let i = 0; i < 10; i++) await kv.set(`k${i}`, i);
    const sets = meter.take();
    await Promise.all(Array.from({ length: 5000 }, (_, i) => kv.set(`m${i}`, { i, text: "x".repeat(60) })));
    const many = meter.take();
    await patch.close();
    return { gets, sets, many };
  };
  const { gets, sets, many } = await inPage(work.toString());
  // The look at the log once in a while is not a get's.
  assert.ok(gets.transactions <= 1, JSON.stringify(gets));
  assert.ok(sets.transactions >= 10 && sets.transactions <= 11, JSON.stringify(sets));
  assert.ok(sets.requests <= 20 + 3, JSON.stringify(sets));
  assert.ok(many.transactions <= 12, JSON.stringify(many));
});
