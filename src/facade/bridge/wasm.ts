import { invalid, PatchStoreError } from "../base/errors.js";
import { describe } from "../base/names.js";
import { Shape, shapeOf } from "../base/shape.js";

/** What {@link wasmOf} has made ready to be instantiated. */
export type Wasm = WebAssembly.Module | BufferSource;

/** Kinds of sources are told by what they can do: they may be of another realm. */
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
const isAddress = (source: any): source is string | URL => typeof source === "string" || typeof source?.href === "string";

/** Throws InvalidArgument for what wasm cannot come from. */
export function checkSource(source: unknown): void {
  if (isAddress(source) || isPromise(source) || isResponse(source) || isBuffer(source) || isModule(source)) return;
  throw invalid(`source must be a URL, a Response, a promise of one, bytes or a WebAssembly.Module, not ${describe(source)}`);
}

/**
 * Fetches, or reads, and compiles wasm.
 * @param source as {@link checkSource} lets pass
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

/** Node's; a page has none, or something of that name which knows of no Node. */
interface Process {
  readonly versions?: { readonly node?: string };
  getBuiltinModule(name: "node:fs"): { readonly promises: { readFile(file: URL): Promise<BufferSource> } };
}

/** The bytes of a file, in Node, which fetches none; undefined anywhere else, and of any other address. */
function fileOf(address: string | URL): Promise<BufferSource> | undefined {
  const { process } = globalThis as { process?: Process };
  if (!process?.versions?.node || !String(address).startsWith("file:")) return undefined;
  // (An import of "node:fs" is what bundlers of pages would follow, and fail at.)
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

/** Why wasm could not be compiled or instantiated. */
export function notCompiled(at: string, cause: unknown): PatchStoreError {
  const isForbidden = /CSP|Content.Security.Policy|unsafe-eval/i.test(String(cause));
  const hint = isForbidden ? "the page's Content-Security-Policy forbids wasm: its script-src needs 'wasm-unsafe-eval'. " : "";
  return unavailable(at, hint + String(cause), cause);
}

function unavailable(at: string, why: string, cause?: unknown): PatchStoreError {
  return new PatchStoreError("Unavailable", `the wasm could not be loaded${at}: ${why}`, { cause });
}

/** What a test's imitation of a browser may lack. */
function checkReady(): void {
  for (const name of ["WebAssembly", "TextDecoder", "TextEncoder"]) {
    if (!(name in globalThis)) throw unavailable("", `this realm has no ${name}`);
  }
}
