import { makeError } from "../base/errors.js";
import { decodeExact, placeExact } from "../values/exact/decode.js";
import loadGlue, { register } from "./glue.js";
import { onPanic } from "./trap.js";
import type { WasmSource } from "../base/types.js";
import { checkSource, notCompiled, wasmOf } from "./wasm.js";

let loading: Promise<void> | undefined;

/** Loads the wasm once; in Node, from the package's own file. After a failure the next call tries again. */
export async function init(source?: WasmSource): Promise<void> {
  if (source !== undefined) checkSource(source);
  loading ??= load(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(source: WasmSource | undefined): Promise<void> {
  const wasm = await wasmOf(source ?? new URL("patchstore_bg.wasm", import.meta.url));
  await loadGlue({ module_or_path: wasm }).catch((cause: unknown) => {
    throw notCompiled("", cause);
  });
  register(makeError, { decodeExact, placeExact }, onPanic);
}
