/** Keeps hold of the memories of all wasm that is instantiated later: browsers leave them out of their counts. */
const memories = new Set();

function keep(exports) {
  for (const value of Object.values(exports)) if (value instanceof WebAssembly.Memory) memories.add(value);
}

for (const name of ["instantiate", "instantiateStreaming"]) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (source, imports = {}) => {
    const result = await original.call(WebAssembly, source, imports);
    Object.values(imports).forEach(keep);
    keep((result.instance ?? result).exports);
    return result;
  };
}

export const wasmBytes = () => [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
