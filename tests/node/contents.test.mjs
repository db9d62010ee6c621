/**
 * What contents take of the wasm's memory while many are put and read at once, in Node, on an imitation of IndexedDB.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import "fake-indexeddb/auto";
import { installPacked } from "../browser/support/packed.mjs";
import { watchWasmMemory } from "../browser/support/wasm-memory.mjs";

const MIB = 2 ** 20;
const COUNT = 100;
/** What the wasm's memory may be: a quarter of what is put. */
const MOST_MIB = 48;

const wasmBytes = watchWasmMemory();
const wasmMib = () => wasmBytes() / MIB;

let remove, lib;
before(async () => {
  const installed = await installPacked();
  remove = installed.remove;
  lib = await import(pathToFileURL(createRequire(join(installed.home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

const bytesOf = (n) => new Uint8Array(2 * MIB).fill(n).map((byte, at) => (at % 4096 === 0 ? at >> 12 : byte));
const streamOf = (bytes) => {
  let at = 0;
  return new ReadableStream({ pull: (controller) => (at < bytes.length ? controller.enqueue(bytes.slice(at, (at += 100_000))) : controller.close()) });
};

for (const [what, encryption] of [["a patch", undefined], ["an encrypted patch", { key: new Uint8Array(32).fill(1) }]]) {
  test(`${COUNT} contents of 2 MiB at once take less than ${MOST_MIB} MiB of wasm memory in ${what}`, { timeout: 600_000 }, async () => {
    const patch = await lib.openPatch(what, { encryption });
    for (const source of [(bytes) => bytes, streamOf]) {
      const from = source === streamOf ? COUNT : 0;
      const refs = await Promise.all(Array.from({ length: COUNT }, (_, n) => patch.blobs.put(source(bytesOf(from + n)))));
      await patch.kv("s").set(`${from}`, refs);
      const found = await Promise.all(refs.slice(0, 40).map(async (ref) => new Uint8Array(await (await patch.blobs.get(ref)).arrayBuffer())));
      for (const [n, bytes] of found.entries()) assert.ok(Buffer.from(bytes).equals(Buffer.from(bytesOf(from + n))), `${n}`);
    }
    console.log(`contents: wasm memory ${wasmMib()} MiB, in ${what}`);
    assert.ok(wasmMib() < MOST_MIB, `${wasmMib()} MiB`);
    await patch.close();
  });
}
