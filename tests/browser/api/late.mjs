/** Makes Blobs of 7 bytes never arrive, those of 4 after 50 ms, and the package's patience short. Loaded by the test page. */

const REAL_MS = 10_000;

/** @param patience_ms in place of the ten seconds that a call with Blobs has */
export function makeLate(patience_ms = 100) {
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (run, ms, ...args) =>
    setTimeout(run, Math.abs(ms - REAL_MS) < 1000 ? ms - REAL_MS + patience_ms : ms, ...args);
  const { arrayBuffer } = Blob.prototype;
  Blob.prototype.arrayBuffer = function () {
    if (this.size === 7) return new Promise(() => {});
    const read = arrayBuffer.call(this);
    return this.size === 4 ? new Promise((go) => setTimeout(go, 50, read)) : read;
  };
}
