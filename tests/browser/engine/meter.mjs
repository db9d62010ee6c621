/** Put into a page before anything else: counts what reaches IndexedDB, and keeps hold of the
 *  wasm's memory. Runs in the page: refers to nothing of this module. */
export function meter() {
  const counts = { transactions: 0, requests: 0, bytesWritten: 0, bytesRead: 0 };
  let memory;
  const sizeOf = (value) => {
    if (value instanceof Uint8Array) return value.byteLength;
    if (Array.isArray(value)) return value.reduce((sum, item) => sum + sizeOf(item), 0);
    return 0;
  };
  const wrap = (prototype, name, before) => {
    const original = prototype[name];
    prototype[name] = function (...args) {
      before.apply(this, args);
      const result = original.apply(this, args);
      if (result instanceof IDBRequest) {
        result.addEventListener("success", () => (counts.bytesRead += sizeOf(result.result)));
      }
      return result;
    };
  };
  wrap(IDBDatabase.prototype, "transaction", () => counts.transactions++);
  for (const name of ["get", "getAll", "getAllKeys", "getKey", "delete", "count", "openKeyCursor"]) {
    wrap(IDBObjectStore.prototype, name, () => counts.requests++);
  }
  for (const name of ["put", "add"]) {
    wrap(IDBObjectStore.prototype, name, (value) => {
      counts.requests++;
      counts.bytesWritten += sizeOf(value);
    });
  }
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const result = await original.apply(WebAssembly, args);
      memory = (result.instance ?? result).exports.memory;
      return result;
    };
  }
  globalThis.meter = {
    /** What was counted since the last call. */
    take: () => {
      const taken = { ...counts };
      for (const name of Object.keys(counts)) counts[name] = 0;
      return taken;
    },
    /** Bytes of the wasm's memory. */
    memoryBytes: () => memory.buffer.byteLength,
  };
}
