/** Prints what the package weighs over the wire, and fails when that is above the budget. */
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/**
 * What is aimed at, 180 KiB; missed by a sixth since patches can be listed, copied and deleted, reads and commits are faster, every
 * size is bounded, large work goes in slices, pieces and memory are given back, tabs take turns, Blobs lie beside values, what must
 * hold is asserted, and with format 2, and since what is lacked is loaded together. A fifth more came with the op-log and merging, with what
 * expires, with meta and what storage adapters keep, and with the care for space. A tenth more is encryption: ciphers (8 KB of code), sealing
 * and key slots (25 KB), opening by a key and WebCrypto (15 KB). Query operators are a fiftieth. An eighth more came
 * with paging, includes and distinct values (14 KB), live queries (11 KB), writes that read and schemas (8 KB), and the catalog (5 KB).
 * Archives are a twenty-fifth (16 KB), contents as much (17 KB), lines of JSON a hundredth (4 KB).
 */
const AIM_BROTLI_BYTES = 184_320;
const BUDGET_BROTLI_BYTES = 462_848;
/** Of what a sandbox loads, which has no wasm in it. */
const SANDBOX_BUDGET_GZIP_BYTES = 6144;

const pkg = new URL("../pkg/", import.meta.url);
const weighed = (name) => {
  const bytes = readFileSync(new URL(name, pkg));
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  return {
    name,
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params: quality }).length,
  };
};
const rows = ["index.js", "patchstore_bg.wasm"].map(weighed);
const sandbox = weighed("sandbox.js");
const besides = ["storage-adapter.js", "sds.js"].map(weighed);
const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
rows.push({ name: "together", raw: sum("raw"), gzip: sum("gzip"), brotli: sum("brotli") });

const line = (cells) => cells.map((cell, at) => (at ? String(cell).padStart(10) : cell.padEnd(28))).join("");
// Fetched by the first import, or with the first passphrase.
const later = ["plain.js", "patchstore_import_bg.wasm", "kdf.js", "kdf-worker.js", "patchstore_kdf_bg.wasm"].map(weighed);
console.log(line(["size, bytes", "raw", "gzip", "brotli"]));
for (const { name, raw, gzip, brotli } of [...rows, sandbox, ...besides, ...later]) console.log(line([name, raw, gzip, brotli]));

const { brotli } = rows.at(-1);
const share = ((100 * brotli) / BUDGET_BROTLI_BYTES).toFixed(1);
console.log(`size: ${brotli} of ${BUDGET_BROTLI_BYTES} bytes of brotli (${share} %); aimed at: ${AIM_BROTLI_BYTES}`);
console.log(`size: sandbox.js ${sandbox.gzip} of ${SANDBOX_BUDGET_GZIP_BYTES} bytes of gzip`);
if (brotli > BUDGET_BROTLI_BYTES || sandbox.gzip > SANDBOX_BUDGET_GZIP_BYTES) {
  console.error("size: above the budget");
  process.exit(1);
}
