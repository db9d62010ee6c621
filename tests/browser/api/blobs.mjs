/** Large contents for Blobs. Loaded by the test page. */

const LARGE_BYTES = 100_000;

/** Bytes that differ from seed to seed and do not repeat for a while. */
export function large(seed, bytes = LARGE_BYTES) {
  const out = new Uint8Array(bytes);
  for (let at = 0, state = seed + 1; at < bytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[at] = state >>> 24;
  }
  return out;
}

/** Whether a Blob has that content. */
export async function bytesOf(blob, seed, bytes = LARGE_BYTES) {
  const [found, wanted] = [new Uint8Array(await blob.arrayBuffer()), large(seed, bytes)];
  return found.length === wanted.length && found.every((byte, at) => byte === wanted[at]);
}

let memory;
const { instantiateStreaming, instantiate } = WebAssembly;
for (const [name, make] of Object.entries({ instantiateStreaming, instantiate })) {
  WebAssembly[name] = async (...args) => {
    const made = await make.apply(WebAssembly, args);
    memory ??= (made.instance ?? made).exports.memory;
    return made;
  };
}

/** How large the memory of the package's wasm is; this module must have been loaded before it. */
export const wasmBytes = () => memory.buffer.byteLength;
