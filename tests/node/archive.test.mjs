/**
 * What a large patch takes of the wasm's memory on its way out and in, in Node, on an imitation of IndexedDB. MIB says how large (1024: as by hand, in minutes).
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import "fake-indexeddb/auto";
import { installPacked } from "../browser/support/packed.mjs";
import { watchWasmMemory } from "../browser/support/wasm-memory.mjs";

const MIB = Number(process.env.MIB ?? 96);
const MOST_MIB = 64;

const wasmBytes = watchWasmMemory();
const wasmMib = () => wasmBytes() / 2 ** 20;

let remove, lib;
before(async () => {
  const installed = await installPacked();
  remove = installed.remove;
  lib = await import(pathToFileURL(createRequire(join(installed.home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

/** Bytes that LZ4 finds nothing in. */
function noise(length, seed) {
  const words = new Uint32Array(length / 4);
  for (let at = 0, state = seed || 1; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer);
}

test(`${MIB} MiB are exported and imported in less than ${MOST_MIB} MiB of wasm memory`, { timeout: 3_600_000 }, async () => {
  const patch = await lib.openPatch("large");
  const kv = patch.kv("s");
  // Half of it in small values, half in large ones.
  const [small, large] = [2048, 512 * 1024];
  for (let part = 0; part < MIB; part += 2) {
    await kv.set(`large ${part}`, noise(large, 2 * part + 1));
    await kv.set(`large ${part + 1}`, noise(large, 2 * part + 2));
    const bytes = noise(1024 * 1024, part + 77_777);
    await kv.setMany(Array.from({ length: 512 }, (_, n) => [`small ${part} ${n}`, bytes.slice(n * small, (n + 1) * small)]));
  }
  await patch.close();
  const stocked = wasmMib();
  const archive = [];
  let taken = 0;
  const began = performance.now();
  for await (const bytes of await lib.exportPatch("large")) {
    taken += bytes.length;
    archive.push(Buffer.from(bytes));
  }
  const exported = performance.now();
  const peak = wasmMib();
  // What was freed is not counted twice: handed over as it is, part by part.
  let at = 0;
  const stream = new ReadableStream({ pull: (controller) => (at < archive.length ? controller.enqueue(new Uint8Array(archive[at++])) : controller.close()) });
  const { records } = await lib.importPatch("again", stream);
  const imported = performance.now();
  console.log(`archive: ${MIB} MiB, ${(taken / 2 ** 20).toFixed(0)} MiB in the stream; wasm memory ${stocked} MiB after writing, ${peak} MiB after the export, ${wasmMib()} MiB after the import; ` +
    `${(MIB * 1000 / (exported - began)).toFixed(0)} MiB/s out, ${(MIB * 1000 / (imported - exported)).toFixed(0)} MiB/s in`);
  assert.equal(records, MIB + MIB / 2 * 512);
  assert.ok(taken >= MIB * 2 ** 20);
  assert.ok(wasmMib() < MOST_MIB, `${wasmMib()} MiB`);
  const again = await lib.openPatch("again");
  for (const n of [0, MIB - 1]) assert.deepEqual(await again.kv("s").get(`large ${n}`), noise(large, n % 2 ? 2 * (n - 1) + 2 : 2 * n + 1));
  await again.close();
});

test("an export is of its beginning, while its own page writes and compacts", async () => {
  const patch = await lib.openPatch("p");
  const kv = patch.kv("s");
  await kv.setMany(Array.from({ length: 500 }, (_, n) => [`${n}`, { round: 0, text: "x".repeat(1000) + Math.random() }]));
  for (let n = 0; n < 6; n++) await kv.set(`large ${n}`, noise(600_000, n));
  await patch.compact();
  const reader = (await lib.exportPatch("p")).getReader();
  const parts = [];
  for (let round = 1; ; round++) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    await kv.setMany(Array.from({ length: 500 }, (_, n) => [`${n}`, { round }]));
    await kv.set(`large ${round % 6}`, 1);
    await patch.compact();
  }
  assert.ok(parts.length > 10);
  await lib.importPatch("q", new Blob(parts));
  const copy = await lib.openPatch("q");
  const entries = await copy.kv("s").entries();
  assert.equal(entries.length, 506);
  for (const [key, value] of entries) assert.ok(key.startsWith("large") ? value.length === 600_000 : value.round === 0, key);
  await Promise.all([patch.close(), copy.close()]);
});
