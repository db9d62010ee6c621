/** Keeps hold of the memory of all wasm that is instantiated from now on; gives what tells how much the largest has, in bytes. Runs in Node and in pages. */
export function watchWasmMemory() {
  const memories = [];
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original.apply(WebAssembly, given);
      memories.push((made.instance ?? made).exports.memory);
      return made;
    };
  }
  return () => Math.max(...memories.map(({ buffer }) => buffer.byteLength));
}
