import { PatchStoreError, makeError } from "./errors.js";
import loadGlue, { register } from "./glue.js";
import { decodeExact, placeExact } from "./exact/decode.js";
import { onPanic } from "./trap.js";
import type { WasmSource } from "./types.js";

let loading: Promise<void> | undefined;

/** Loads the wasm, once; after a failure the next call tries again. */
export async function init(source?: WasmSource): Promise<void> {
  loading ??= load(source).catch((cause: unknown) => {
    loading = undefined;
    throw new PatchStoreError("Unavailable", `the wasm cannot be loaded: ${String(cause)}`, {
      cause,
    });
  });
  return loading;
}

async function load(source: WasmSource | undefined): Promise<void> {
  await loadGlue({
    module_or_path: source ?? new URL("patchstore_bg.wasm", import.meta.url),
  });
  register(makeError, { decodeExact, placeExact }, onPanic);
}
