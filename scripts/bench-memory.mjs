/**
 * Measures what a large content takes of the wasm's memory, in headless Chromium on a profile on disk: put by a stream, read by one, exported
 * and imported. Prints times and the wasm's memory after each step.
 *
 *   MIB=1024   how large (default 256)
 *   KEYED=1    in an encrypted patch
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { openBrowser } from "../tests/browser/support/browser.mjs";
import { serve } from "../tests/browser/support/server.mjs";
import { commitAtHand } from "./bench/commit.mjs";

const MIB = Number(process.env.MIB ?? 256);
const target = fileURLToPath(new URL("../target/bench", import.meta.url));

/** Runs in the page, which tells of each step. */
async function work({ mib, isKeyed }) {
  const { watchWasmMemory } = await import("/tests/browser/support/wasm-memory.mjs");
  const wasmBytes = watchWasmMemory();
  const lib = await import("/pkg/index.js");
  const step = async (name, bytes, run) => {
    const began = performance.now();
    const result = await run();
    const seconds = (performance.now() - began) / 1000;
    const wasm = wasmBytes() / 2 ** 20;
    await globalThis.told({ name, seconds, mbPerSecond: bytes / 1e6 / seconds, wasm });
    return result;
  };
  const keys = isKeyed ? { encryption: { key: new Uint8Array(32).fill(1) } } : {};
  const part = new Uint8Array(1 << 20);
  for (let at = 0; at < part.length; at += 65_536) crypto.getRandomValues(part.subarray(at, at + 65_536));
  const size = mib << 20;
  const source = () => {
    let given = 0;
    return new ReadableStream({
      pull(controller) {
        if (given === mib) return controller.close();
        part[0] = given++;
        controller.enqueue(part.slice());
      },
    });
  };
  const patch = await lib.openPatch("large", keys);
  await step("opened", 0, async () => {});
  const ref = await step("put by a stream", size, () => patch.blobs.put(source()));
  await patch.kv("s").set("k", ref);
  await step("read by a stream", size, async () => {
    const reader = (await patch.blobs.stream(ref)).getReader();
    let read = 0;
    for (let next; !(next = await reader.read()).done; ) read += next.value.length;
    if (read !== ref.size) throw new Error(`${read} bytes were read`);
  });
  await patch.close();
  const file = await (await navigator.storage.getDirectory()).getFileHandle("archive", { create: true });
  await step("exported to a file", size, async () => (await lib.exportPatch("large", keys)).pipeTo(await file.createWritable()));
  await step("imported from it", size, async () => lib.importPatch("again", (await file.getFile()).stream(), keys));
  const again = await lib.openPatch("again", keys);
  await step("read by a stream", size, async () => {
    const reader = (await again.blobs.stream(ref)).getReader();
    let read = 0;
    for (let next; !(next = await reader.read()).done; ) read += next.value.length;
    if (read !== ref.size) throw new Error(`${read} bytes were read`);
  });
}

await mkdir(target, { recursive: true });
const profile = await mkdtemp(`${target}/profile-`);
const server = await serve();
const browser = await openBrowser({ profile });
try {
  const { commit } = commitAtHand();
  console.log(`${MIB} MiB${process.env.KEYED ? ", encrypted" : ""}, ${new Date().toISOString()}, commit ${commit}`);
  const page = await browser.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  await page.exposeFunction("told", ({ name, seconds, mbPerSecond, wasm }) =>
    console.log(`${name.padEnd(20)} ${seconds.toFixed(1).padStart(7)} s ${mbPerSecond.toFixed(0).padStart(5)} MB/s, wasm memory ${wasm.toFixed(1)} MiB`),
  );
  await page.evaluate(work, { mib: MIB, isKeyed: Boolean(process.env.KEYED) });
} finally {
  await browser.close();
  await server.close();
  await rm(profile, { recursive: true, force: true });
}
