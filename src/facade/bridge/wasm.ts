import { invalid, PatchStoreError } from "../base/errors.js";
import { describe } from "../base/names.js";
import { Shape, shapeOf } from "../base/shape.js";

/** The result of {@link wasmOf}, ready to be instantiated. */
export type Wasm = WebAssembly.Module | BufferSource;

/** Sources are identified by their methods and properties, since they may come from another realm. */
const isModule = (source: unknown): source is WebAssembly.Module => {
  try {
    return WebAssembly.Module.exports(source as WebAssembly.Module) !== undefined;
  } catch {
    return false;
  }
};
const isResponse = (source: any): source is Response => typeof source?.arrayBuffer === "function" && typeof source.headers?.get === "function";
const isBuffer = (source: unknown): boolean => ArrayBuffer.isView(source) || shapeOf(source) === Shape.ArrayBuffer;
const isPromise = (source: any): source is Promise<unknown> => typeof source?.then === "function";
export const isAddress = (source: any): source is string | URL => typeof source === "string" || typeof source?.href === "string";

/** Throws InvalidArgument if `source` is not a valid source of wasm. */
export function checkSource(source: unknown): void {
  if (isAddress(source) || isPromise(source) || isResponse(source) || isBuffer(source) || isModule(source)) return;
  throw invalid(`source must be a URL, a Response, a promise of one, bytes or a WebAssembly.Module, not ${describe(source)}`);
}

/**
 * Fetches or reads wasm, and compiles a Response with the right type. Throws Unavailable.
 * @param source a source that {@link checkSource} accepts
 */
export async function wasmOf(source: unknown): Promise<Wasm> {
  checkReady();
  let [given, at] = [source, ""];
  try {
    if (isAddress(given)) {
      at = ` from ${String(given)}`;
      given = fileOf(given) ?? fetch(given);
    }
    given = await given;
  } catch (cause) {
    const hint = at.startsWith(" from file:") ? "" : ": is the page offline, or does connect-src in its Content-Security-Policy forbid it?";
    throw unavailable(at, String(cause) + hint, cause);
  }
  if (!isResponse(given)) {
    checkSource(given);
    return given as Wasm;
  }
  if (given.url) at = ` from ${given.url}`;
  return wasmIn(given, at);
}

/** Node's `process`. A page has none, or an imitation without `versions.node`. */
interface Process {
  readonly versions?: { readonly node?: string };
  getBuiltinModule(name: "node:fs"): { readonly promises: { readFile(file: URL): Promise<BufferSource> } };
}

/** The bytes of a file: URL in Node, whose fetch does not support those; undefined otherwise. */
function fileOf(address: string | URL): Promise<BufferSource> | undefined {
  const { process } = globalThis as { process?: Process };
  if (!process?.versions?.node || !String(address).startsWith("file:")) return undefined;
  // Bundlers for pages would try to resolve an import of "node:fs", and fail.
  return process.getBuiltinModule("node:fs").promises.readFile(new URL(address));
}

async function wasmIn(response: Response, at: string): Promise<Wasm> {
  if (!response.ok) throw unavailable(at, `the server answers ${response.status} ${response.statusText}`);
  const type = response.headers.get("content-type") ?? "no type";
  try {
    if (type === "application/wasm") return await WebAssembly.compileStreaming(response);
    const bytes = await response.arrayBuffer();
    const start = new Uint8Array(bytes, 0, Math.min(40, bytes.byteLength));
    // "\0asm"
    if ([0, 97, 115, 109].every((byte, index) => start[index] === byte)) return bytes;
    throw unavailable(
      at,
      `the response is not wasm but ${type}, ${JSON.stringify(new TextDecoder().decode(start))}. A server that lacks the file may answer with its index page: ` +
        `is the app's base path right and, with Vite, is the package in optimizeDeps.exclude?`,
    );
  } catch (cause) {
    throw cause instanceof PatchStoreError ? cause : notCompiled(at, cause);
  }
}

/** The Unavailable error for wasm that could not be compiled or instantiated. */
export function notCompiled(at: string, cause: unknown): PatchStoreError {
  const isForbidden = /CSP|Content.Security.Policy|unsafe-eval/i.test(String(cause));
  const isOther = /import/i.test(String(cause));
  const other = isOther ? "it is of another build of the package than the module that loads it. " : "";
  const hint = isForbidden ? "the page's Content-Security-Policy forbids wasm: its script-src needs 'wasm-unsafe-eval'. " : other;
  return unavailable(at, hint + String(cause), cause);
}

function unavailable(at: string, why: string, cause?: unknown): PatchStoreError {
  return new PatchStoreError("Unavailable", `the wasm could not be loaded${at}: ${why}`, { cause });
}

/** Checks for globals that a simulated browser in tests may lack. */
function checkReady(): void {
  for (const name of ["WebAssembly", "TextDecoder", "TextEncoder"]) {
    if (!(name in globalThis)) throw unavailable("", `this realm has no ${name}`);
  }
}
