/**
 * Gives the functions that a wasm and its glue have from each other names of a letter or two, in
 * both files. wasm-bindgen's have sixteen random digits each, in both, which no compression takes away:
 * together a seventieth of what goes over the wire. And puts the facade's watch around the engine's exports, and its clock in the
 * place of the platform's.
 *
 * Where there is a part that is loaded later, both import by the name of a hash of all three: nothing goes with what is of another build.
 *
 * usage: shorten-imports.mjs <glue.js> <wasm> [<its later part>]
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { FIRST, SHARED } from "./wasm/split.mjs";

const [jsFile, wasmFile, laterFile] = process.argv.slice(2);
const MODULE = `./${basename(wasmFile, ".wasm")}.js`;
const HASH_CHARS = 12;
const IMPORT_SECTION = 2;
const EXPORT_SECTION = 7;

/** The wasm that is rewritten, and how far. */
let wasm, at;

/** What loads the main wasm, in place of what wasm-bindgen has for every kind of source. */
const LOADING = `let first;
export default async function ({ module_or_path }) {
    const imports = __wbg_get_imports();
    const made = await WebAssembly.instantiate(module_or_path, imports);
    const instance = made.instance ?? made;
    first = { ...imports, FIRST: instance.exports };
    __wbg_finalize_init(instance, undefined);
}

/** Adds the part of the wasm that is loaded later. */
export async function loadLater(module) {
    const made = await WebAssembly.instantiate(module, first);
    Object.assign(wasm, watched((made.instance ?? made).exports));
}
`;

function varint() {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = wasm[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
}

function leb128(value) {
  const out = [];
  for (; value > 127; value = Math.floor(value / 128)) out.push((value & 127) | 128);
  return Buffer.from([...out, value]);
}

function name() {
  const length = varint();
  return wasm.toString("utf8", at, (at += length));
}

const text = (string) => Buffer.concat([leb128(Buffer.byteLength(string)), Buffer.from(string)]);

/** Steps over the description of an import; see "Import Section" of the WebAssembly specification. */
function skipDescription() {
  const kind = wasm[at++];
  const limits = () => {
    const flags = wasm[at++];
    varint();
    if (flags & 1) varint();
  };
  if (kind === 0) varint();
  else if (kind === 1) at++, limits();
  else if (kind === 2) limits();
  else if (kind === 3) at += 2;
  else if (kind === 4) at++, varint();
  else throw new Error(`an import of the unknown kind ${kind}`);
}

/** What modules are called from which the wasm imports. */
const modules = {};
const names = new Map();

function rewrittenImports() {
  const count = varint();
  const parts = [leb128(count)];
  for (let index = 0; index < count; index++) {
    const module = name();
    const field = name();
    const start = at;
    skipDescription();
    if (module === MODULE && !names.has(field)) names.set(field, `i${names.size.toString(36)}`);
    const short = module === MODULE ? names.get(field) : field;
    parts.push(text(modules[module] ?? module), text(short), wasm.subarray(start, at));
  }
  return Buffer.concat(parts);
}

const exported = new Map();

function rewrittenExports() {
  const count = varint();
  const parts = [leb128(count)];
  for (let index = 0; index < count; index++) {
    const field = name();
    const start = at++;
    varint();
    // Whoever measures the memory finds it by its name; what the parts share has short ones.
    if (field !== "memory" && !field.startsWith(SHARED)) exported.set(field, `e${exported.size.toString(36)}`);
    parts.push(text(exported.get(field) ?? field), wasm.subarray(start, at));
  }
  return Buffer.concat(parts);
}

/** A wasm with short names. */
function shortened(bytes) {
  wasm = bytes;
  at = 8;
  const out = [wasm.subarray(0, at)];
  while (at < wasm.length) {
    const start = at;
    const id = wasm[at++];
    const end = varint() + at;
    if (id === IMPORT_SECTION || id === EXPORT_SECTION) {
      const section = id === IMPORT_SECTION ? rewrittenImports() : rewrittenExports();
      out.push(Buffer.from([id]), leb128(section.length), section);
    } else {
      out.push(wasm.subarray(start, end));
    }
    at = end;
  }
  return Buffer.concat(out);
}

let js = readFileSync(jsFile, "utf8");
const files = [wasmFile, laterFile].filter((file) => file !== undefined);
if (laterFile !== undefined) {
  const all = createHash("sha256").update(js);
  for (const file of files) all.update(readFileSync(file));
  const hash = all.digest("base64url").slice(0, HASH_CHARS);
  Object.assign(modules, { [MODULE]: hash, [FIRST]: `${hash}1` });
}
for (const file of files) writeFileSync(file, shortened(readFileSync(file)));

for (const [long, short] of names) {
  const parts = js.split(new RegExp(`(?<![\\w$])${long.replaceAll("$", "\\$")}(?![\\w$])`));
  if (parts.length !== 2) throw new Error(`${long} is ${parts.length - 1} times in ${jsFile}`);
  js = parts.join(short);
}
js = js.replace(/(?<![\w$])wasm\.([\w$]+)/g, (whole, long) => (exported.has(long) ? `wasm.${exported.get(long)}` : whole));

/** Replaces what is there once, as the version of wasm-bindgen writes it that this was made for. */
function replaceOnce(found, by) {
  const parts = js.split(found);
  if (parts.length !== 2) throw new Error(`${jsFile} has ${found} ${parts.length - 1} times, not once`);
  js = parts.join(by);
}

if (basename(jsFile) === "patchstore.js") {
  // Nothing calls wasm but through what watches for its being left halfway.
  replaceOnce("wasm = instance.exports;", "wasm = watched(instance.exports);");
  // Nor does the engine ask for the time of day but where a test can turn it.
  replaceOnce("const ret = Date.now();", "const ret = nowMs();");
  // The facade has fetched or compiled it (`bridge/wasm.ts`), and loads it once. It frees what it has made, and disposes of nothing.
  const loading = js.indexOf("async function __wbg_load(");
  if (loading < 0 || !js.includes("export { initSync, __wbg_init as default };", loading)) throw new Error(`${jsFile} does not load the wasm as it did`);
  js = js.slice(0, loading) + LOADING.replace("FIRST", JSON.stringify(modules[FIRST]));
  replaceOnce(`"${MODULE}": import0`, `${JSON.stringify(modules[MODULE])}: import0`);
  js = js.replace(/^if \(Symbol\.dispose\) .*\n/gm, "");
  js = `import { nowMs } from "../../src/facade/base/clock.ts";\nimport { watched } from "../../src/facade/bridge/trap.ts";\n${js}`;
}

// Importing makes nothing of the platform's, which a server or a test's imitation of a browser may not have.
const decoder = "cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });";
replaceOnce(`let ${decoder}\ncachedTextDecoder.decode();\n`, "let cachedTextDecoder;\n");
replaceOnce("return cachedTextDecoder.decode(bytes);", `if (cachedTextDecoder === undefined) ${decoder}\n    return cachedTextDecoder.decode(bytes);`);
const encoder = /const cachedTextEncoder = new TextEncoder\(\);\n\nif \(!\('encodeInto' in cachedTextEncoder\)\) \{\n[\s\S]*?\n\}\n/;
if (!encoder.test(js)) throw new Error(`${jsFile} has no encoder of texts where it was`);
js = js.replace(encoder, "let cachedTextEncoder;\nfunction textEncoder() {\n    return (cachedTextEncoder ??= new TextEncoder());\n}\n");
js = js.replaceAll("cachedTextEncoder.encode", "textEncoder().encode");
if (/^(?:const|let|var) .*\bnew (?!Map\b|Set\b|FinalizationRegistry\b)\w+/m.test(js)) throw new Error(`${jsFile} makes something when it is imported`);
writeFileSync(jsFile, js);
if (laterFile !== undefined) {
  const types = jsFile.replace(/\.js$/, ".d.ts");
  writeFileSync(types, `${readFileSync(types, "utf8")}\nexport function loadLater(module: WebAssembly.Module | BufferSource): Promise<void>;\n`);
}
