/**
 * Fails when the engine's wasm imports something that may throw and does not catch it: the exception would unwind
 * the wasm, and end every patch of the page. Such imports are declared with `catch`. The others are listed here,
 * with why they do not throw.
 *
 * usage: throwing-imports.mjs   (after scripts/build)
 */
import { readFileSync } from "node:fs";

const ALLOWED = {
  "These look at a value, and run no code of the page's.": [
    "!x", "typeof(x) === 'function'", "x === null", "x === undefined", "x.length", "x[x >>> 0]", "typeof(val) === 'object' && val !== null", "x[x >>> 0] = x",
    "typeof(obj) === 'number' ? obj : undefined", "typeof(obj) === 'string' ? obj : undefined", "typeof(v) === 'boolean' ? v : undefined",
    "typeof globalThis === 'undefined' ? undefined : globalThis", "typeof global === 'undefined' ? undefined : global",
    "typeof self === 'undefined' ? undefined : self", "typeof window === 'undefined' ? undefined : window",
    "x", "parseFloat(text)", "ArrayBuffer.isView(x)",
    // Of what the storage or the facade gave, which is no proxy.
    "Array.isArray(x)",
    // A view of wasm's own memory that has just been made for it.
    "Uint8Array.prototype.set.call(bytes, x)",
    // Of a buffer that WebCrypto or a Blob gave; of our own arrays.
    "new Uint8Array(x)", "x.fill(x, x >>> 0, x >>> 0)", "x.subarray(x >>> 0, x >>> 0)",
  ],
  "Arrays and objects of our own: browsers end the page where there is no memory for these.": [
    "new Array()", "new Object()", "Array.of(x)", "Array.of(x, x)", "Array.of(x, x, x)", "Array.of(x, x, x, x)", "Array.of(x, x, x, x, x)", "x.push(x)", "x.flat(x)",
  ],
  "A few numbers, an error's text, a name that the source spells; a nonce, a key, what a record is bound to.": ["new Float64Array(numbers)", "new Uint8Array(bytes)", "new Error(text)", "new RangeError(text)", "text"],
  "IndexedDB's and the channels' own objects, in states in which these do not throw by their specifications.": [
    "x.close()", "x.contains(text)", "x.objectStoreNames", "x.autoIncrement", "x.data", "x.autoIncrement = x !== 0", "x.error", "x.target", "x.transaction", "x.type", "x.name",
    "x.port1", "x.port2", "x.preventDefault()", "x.onabort = x", "x.onclose = x", "x.oncomplete = x", "x.onerror = x", "x.onmessage = x", "x.onsuccess = x",
    "x.onupgradeneeded = x", "x.onversionchange = x",
  ],
  "Clocks, timers and promises, without which nothing goes on at all.": [
    // (Of a test's clock, too.)
    "nowMs()", "performance.now()", "setTimeout(x, x >>> 0)", "clearTimeout(x)", "x.queueMicrotask", "queueMicrotask(x)",
    "Promise.resolve(x)", "Promise.reject(x)", "x.then(x)", "x.then(x, x)", "new Promise(cb0)",
  ],
  "Asynchronous: what they throw rejects.": ["reclaim.js", "listed.js", "isListed(text)", "held.js", "heldLocks(text)"],
  "Parts of the glue.": ["makeMutClosure", "x._wbg_cb_unref()", "*.__wrap(x)", "table"],
  "Meant: there is no going on.": ["throw new Error(text)", "throw x"],
};

const glue = readFileSync(new URL("../target/glue/patchstore.js", import.meta.url), "utf8");
const imports = /^function __wbg_get_imports\(\) \{\n([\s\S]*?)^\}/m.exec(glue)?.[1] ?? "";
const bodies = [...imports.matchAll(/^        \S+: function\([^)]*\) \{\n([\s\S]*?)^        \},/gm)].map(([, body]) => body);
const snippets = [...glue.matchAll(/^import .* from ["']\.\/snippets\/.*\/(.*)["']/gm)].map(([, file]) => file);
const caught = imports.split("return handleError(").length - 1;

/** What an import does, with its arguments' names taken out. */
function essence(body) {
  if (/^\s*\/\/ Cast intrinsic/.test(body)) {
    if (body.includes("makeMutClosure(")) return "makeMutClosure";
    return body.includes("getStringFromWasm0") ? "text" : "x";
  }
  if (body.includes("wasm.") && body.includes("table.set(")) return "table";
  const instance = /result = arg0 instanceof \w+;/.test(body);
  if (instance) return "x instanceof *";
  const line = /const ret = (.*);|^\s*((?:arg0|throw|clearTimeout|queueMicrotask|Uint8Array).*);/m.exec(body);
  return (line?.[1] ?? line?.[2] ?? body.trim())
    .replace(/getStringFromWasm0\([^)]*\)/g, "text")
    .replace(/getArrayU8FromWasm0\([^)]*\)/g, "bytes")
    .replace(/getArrayF64FromWasm0\([^)]*\)/g, "numbers")
    .replace(/\barg\d+\b/g, "x")
    .replace(/\w+\.__wrap/, "*.__wrap");
}

const allowed = new Set(Object.values(ALLOWED).flat());
const found = new Set([...bodies.map(essence), ...snippets]);
const unknown = [...found].filter((each) => !allowed.has(each));
// A glue of another shape, in which nothing is found, would pass.
if (bodies.length < 40 || caught < 20) throw new Error(`${bodies.length} imports and ${caught} that catch: the glue is not understood`);
if (unknown.length > 0) {
  console.error(`imports that may throw and do not catch it (see ${process.argv[1]}):\n  ${unknown.join("\n  ")}`);
  process.exit(1);
}
const stale = [...allowed].filter((each) => !found.has(each));
if (stale.length > 0) console.log(`imports: no longer there, but still listed: ${stale.join(", ")}`);
console.log(`imports: ${caught} catch what is thrown, ${bodies.length} do not throw`);
