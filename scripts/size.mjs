/**
 * Prints what the package weighs over the wire, and fails when that is above the budget.
 *
 * usage: size.mjs                what each file weighs, and what a page downloads at first
 *        size.mjs --by-feature   which features the wasm consists of, its largest functions, and the generic ones of which there are most copies
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { account, brotli, copies } from "./size/account.mjs";

/** What an application downloads at first, with encryption, op-log, documents and blobs in it: what is aimed at, 225 KiB, and what it must not pass,
 * which may only become less. How it came to that: docs/PERFORMANCE.md, "What an application downloads". */
const AIM_BROTLI_BYTES = 230_400;
const BUDGET_BROTLI_BYTES = 387_072;
/** Of what a sandbox loads, which has no wasm in it. */
const SANDBOX_BUDGET_GZIP_BYTES = 6144;

/** Loaded by the first `openPatch`. */
const FIRST = ["index.js", "patchstore_bg.wasm"];
/** Subpaths of their own. */
const BESIDES = ["sandbox.js", "storage-adapter.js", "sds.js"];
/** Loaded by the first call that needs it: for lines of JSON, for a sandbox, for work on whole patches, for an import, with a passphrase. */
const LATER = ["lines.js", "serve.js", "whole.js", "patchstore_later_bg.wasm", "plain.js", "patchstore_import_bg.wasm", "kdf.js", "kdf-worker.js", "patchstore_kdf_bg.wasm"];

const pkg = new URL("../pkg/", import.meta.url);
const named = new URL("../target/named/", import.meta.url);
/** The parts of the wasm that `--by-feature` is about. */
const PARTS = { "wasm by feature, bytes": "patchstore_bg.wasm", "its later part": "patchstore_later_bg.wasm" };

const line = (cells) => cells.map((cell, at) => (at ? String(cell).padStart(13) : cell.padEnd(34))).join("");

function weighed(name) {
  const bytes = readFileSync(new URL(name, pkg));
  return { name, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli(bytes) };
}

function sumOf(name, rows) {
  const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
  return { name, raw: sum("raw"), gzip: sum("gzip"), brotli: sum("brotli") };
}

function printFiles() {
  const first = FIRST.map(weighed);
  const [together, besides, later] = [sumOf("at first, together", first), BESIDES.map(weighed), LATER.map(weighed)];
  console.log(line(["size, bytes", "raw", "gzip", "brotli"]));
  for (const { name, raw, gzip, brotli } of [...first, together, ...later, ...besides]) console.log(line([name, raw, gzip, brotli]));
  const [sandbox] = besides;
  const share = ((100 * together.brotli) / BUDGET_BROTLI_BYTES).toFixed(1);
  console.log(`size: ${together.brotli} of ${BUDGET_BROTLI_BYTES} bytes of brotli at first (${share} %); aimed at: ${AIM_BROTLI_BYTES}`);
  console.log(`size: sandbox.js ${sandbox.gzip} of ${SANDBOX_BUDGET_GZIP_BYTES} bytes of gzip`);
  if (together.brotli <= BUDGET_BROTLI_BYTES && sandbox.gzip <= SANDBOX_BUDGET_GZIP_BYTES) return;
  console.error("size: above the budget");
  process.exit(1);
}

function printFeatures() {
  const all = [];
  for (const [title, file] of Object.entries(PARTS)) {
    const { rows, functions } = account(readFileSync(new URL(file, pkg)), readFileSync(new URL(file, named)));
    all.push(...functions);
    const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
    console.log(line([title, "raw", "brotli, est.", "functions"]));
    for (const { feature, bytes, brotli, count } of rows) console.log(line([feature, bytes, brotli, count]));
    console.log(line(["together", sum("bytes"), sum("brotli"), sum("count")]), "\n");
  }
  const functions = all.sort((a, b) => b.bytes - a.bytes);
  console.log("the largest functions");
  for (const { name, feature, bytes } of functions.slice(0, 40)) console.log(`${String(bytes).padStart(7)}  ${feature}: ${name.slice(0, 160)}`);
  console.log("\ngeneric functions, by what their copies take beyond the largest");
  for (const { origin, bytes, count, largest } of copies(functions).slice(0, 25)) console.log(`${String(bytes - largest).padStart(7)}  ${count} × ${origin.slice(0, 160)}`);
}

if (process.argv.includes("--by-feature")) printFeatures();
else printFiles();
