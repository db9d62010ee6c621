/**
 * Bundles the JavaScript of the package around the glue of the wasm: index.js, what it loads later, and the bundles that stand alone.
 *
 * What is loaded later takes what it shares with index.js from there, by its export `shared`: so nothing is twice, and the first
 * load is one file.
 *
 * usage: bundle.mjs <directory of the package>   (after wasm-bindgen)
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { build } from "esbuild";
import { minify } from "terser";

const out = process.argv[2] ?? "pkg";
const common = { bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8", logLevel: "warning" };

/** Loaded with the first call that needs it, by what it begins with. */
const LATER = { lines: "src/facade/stores/later-lines.ts", serve: "src/facade/serve/later.ts", whole: "src/facade/whole.ts" };

/** Those that stand alone, by what they begin with and what they find beside them. */
const ALONE = {
  sandbox: ["src/sandbox/index.ts"],
  plain: ["src/facade/plain.ts"],
  kdf: ["src/facade/kdf.ts"],
  "kdf-worker": ["src/facade/kdf/worker.ts"],
  testing: ["src/facade/testing.ts"],
  "storage-adapter": ["src/facade/storage-adapter.ts", "./index.js"],
  sds: ["src/sds/index.ts", "../facade/index.js"],
};

async function bundleFacade() {
  const raw = "target/parts";
  rmSync(raw, { recursive: true, force: true });
  const entryPoints = { index: "src/facade/index.ts", ...LATER };
  const { metafile } = await build({ ...common, entryPoints, splitting: true, outdir: raw, external: ["./plain.js", "./kdf.js"], metafile: true });
  const chunks = Object.keys(metafile.outputs).map((file) => basename(file)).filter((file) => file.startsWith("chunk-"));
  // (What only later parts share is among these, too: a few hundred bytes.)
  const contents = `export * from "./index.js"; import * as shared from "shared"; export { shared };`;
  const shared = { name: "shared", setup: (build) => sharing(build, raw, chunks) };
  const external = ["plain", "kdf", ...Object.keys(LATER)].map((name) => `./${name}.js`);
  await build({ ...common, stdin: { contents, resolveDir: raw }, plugins: [shared], external, outfile: `${out}/index.js` });
  for (const name of Object.keys(LATER)) writeFileSync(`${out}/${name}.js`, fromIndex(readFileSync(`${raw}/${name}.js`, "utf8"), chunks));
}

/** Resolves "shared": the chunks, by their numbers. */
function sharing(build, resolveDir, chunks) {
  build.onResolve({ filter: /^shared$/ }, () => ({ path: "shared", namespace: "shared" }));
  const contents = chunks.map((chunk, at) => `export * as c${at} from "./${chunk}";`).join("");
  build.onLoad({ filter: /^shared$/, namespace: "shared" }, () => ({ contents, resolveDir }));
}

/** A part whose imports of chunks are of what index.js shares. */
function fromIndex(text, chunks) {
  const taken = (names, chunk) => `const{${names.replaceAll(" as ", ":")}}=$shared.c${chunks.indexOf(chunk)};`;
  const there = text.replace(/import\{([^}]*)\}from"\.\/(chunk-[^"]+)";/g, (_, names, chunk) => taken(names, chunk)).replace(/import"\.\/chunk-[^"]+";/g, "");
  if (/\bchunk-/.test(there)) throw new Error("a part imports a chunk in a way that is not understood");
  return `import{shared as $shared}from"./index.js";${there}`;
}

/** What esbuild leaves: a thirtieth of the JavaScript over the wire. */
async function shrink(name) {
  const file = `${out}/${name}.js`;
  const { code } = await minify(readFileSync(file, "utf8"), { module: true, ecma: 2022, compress: { passes: 3 }, mangle: true });
  // (There the two lie side by side.)
  writeFileSync(file, code.replaceAll('"../facade/index.js"', '"./index.js"'));
}

await bundleFacade();
for (const [name, [entry, ...external]] of Object.entries(ALONE)) await build({ ...common, entryPoints: [entry], external, outfile: `${out}/${name}.js` });
for (const name of ["index", ...Object.keys(LATER), ...Object.keys(ALONE)]) await shrink(name);
