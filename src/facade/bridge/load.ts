import { makeError } from "../base/errors.js";
import { decodeExact, placeExact } from "../values/exact/decode.js";
import loadGlue, { register } from "./glue.js";
import { onPanic } from "./trap.js";
import type { WasmSource } from "../base/types.js";
import { checkSource, isAddress, notCompiled, wasmOf, type Wasm } from "./wasm.js";

let loading: Promise<void> | undefined;

/** Has what {@link init} said of the later part of the wasm; undefined: it is beside this file. */
export let laterWasm: (() => Promise<Wasm>) | undefined;

/**
 * Loads the wasm once; in Node, from the package's own file. After a failure the next call tries again.
 * @param source from where, if not from beside the module
 * @param later from where the part of it is loaded that not every page needs, `patchstore_later_bg.wasm`, once it is needed. Default: where `source` is an address that
 *   ends in `patchstore_bg.wasm`, from beside that; otherwise from beside the module. What is at an address is asked for again if that failed
 * @throws PatchStoreError code Unavailable | InvalidArgument
 */
export async function init(source?: WasmSource, later?: WasmSource): Promise<void> {
  if (source !== undefined) checkSource(source);
  if (later !== undefined) checkSource(later);
  const said = later ?? (loading === undefined ? besides(source) : undefined);
  if (said !== undefined) laterWasm = wasmFrom(said);
  loading ??= load(source).catch((error: unknown) => {
    loading = undefined;
    // The next call may find the wasm elsewhere.
    if (later === undefined) laterWasm = undefined;
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

/** What is at an address is asked for when it is needed, and again if that failed; anything else can be read only once. */
function wasmFrom(source: WasmSource): () => Promise<Wasm> {
  if (isAddress(source)) {
    // (The page's own address may be another one then.)
    const { document, location } = globalThis as { document?: Document; location?: Location };
    const base = document?.baseURI ?? location?.href;
    const at = base !== undefined && URL.canParse?.(source, base) ? new URL(source, base) : source;
    return () => wasmOf(at);
  }
  const read = wasmOf(source);
  read.catch(() => {});
  return () => read;
}

async function load(source: WasmSource | undefined): Promise<void> {
  const wasm = await wasmOf(source ?? new URL("patchstore_bg.wasm", import.meta.url));
  await loadGlue({ module_or_path: wasm }).catch((cause: unknown) => {
    throw notCompiled("", cause);
  });
  register(makeError, { decodeExact, placeExact }, onPanic);
}
