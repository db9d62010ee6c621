import { makeError } from "../base/errors.js";
import { decodeExact, placeExact } from "../values/exact/decode.js";
import loadGlue, { register } from "./glue.js";
import { onPanic } from "./trap.js";
import type { WasmSource } from "../base/types.js";
import { checkSource, isAddress, notCompiled, wasmOf } from "./wasm.js";

let loading: Promise<void> | undefined;

/** Where the later part of the wasm is loaded from, if not from beside this file. */
export let laterSource: WasmSource | undefined;

/**
 * Loads the wasm once; in Node, from the package's own file. After a failure the next call tries again.
 * @param source from where, if not from beside the module
 * @param later from where the part of it is loaded that not every page needs, `patchstore_later_bg.wasm`, once it is needed. Default: where `source` is an address that
 *   ends in `patchstore_bg.wasm`, from beside that; otherwise from beside the module
 * @throws PatchStoreError code Unavailable | InvalidArgument
 */
export async function init(source?: WasmSource, later?: WasmSource): Promise<void> {
  if (source !== undefined) checkSource(source);
  if (later !== undefined) checkSource(later);
  laterSource = later ?? besides(source) ?? laterSource;
  loading ??= load(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** The address of the later part beside that of the first. */
function besides(source: WasmSource | undefined): string | undefined {
  if (!isAddress(source)) return undefined;
  const [first, later] = [/\bpatchstore_bg\.wasm(?=$|[?#])/, "patchstore_later_bg.wasm"];
  return first.test(String(source)) ? String(source).replace(first, later) : undefined;
}

async function load(source: WasmSource | undefined): Promise<void> {
  const wasm = await wasmOf(source ?? new URL("patchstore_bg.wasm", import.meta.url));
  await loadGlue({ module_or_path: wasm }).catch((cause: unknown) => {
    throw notCompiled("", cause);
  });
  register(makeError, { decodeExact, placeExact }, onPanic);
}
