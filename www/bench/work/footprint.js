/** What is taken up, in bytes. */
import { wasmBytes } from "../wasm.js";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** As the browser counts the origin, which holds this database alone (in the page: nearly alone). */
export const bytesOnDisk = {
  id: "disk",
  title: "bytes on disk (15 500 documents)",
  unit: "bytes",
  needs: "puts",
  times: 1,
  async run({ store, noted }) {
    // (WebKitGTK tells nothing of it under WebDriver.)
    if (!navigator.storage?.estimate) return;
    await store.settled?.();
    await sleep(1000);
    noted((await navigator.storage.estimate()).usage);
  },
};

/** Of the page and its workers, after a garbage collection, with the database open and all of it read once. */
export const memory = {
  id: "memory",
  title: "JS + wasm memory, all read once",
  unit: "bytes",
  needs: "all-cold",
  times: 1,
  async run({ system, noted }) {
    if (!globalThis.crossOriginIsolated || !performance.measureUserAgentSpecificMemory) return;
    const { bytes } = await performance.measureUserAgentSpecificMemory();
    noted(bytes + wasmBytes() + ((await system.wasmBytes?.()) ?? 0));
  },
};
