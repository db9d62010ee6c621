/** Writes the types (pkg/index.d.ts, testing.d.ts and storage-adapter.d.ts have every exported one in one file) and messages.schema.json, and
 * looks whether package.json is of the same version as the crate. */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";
import { messagesSchema } from "./messages-schema.mjs";

const root = new URL("..", import.meta.url).pathname;

/** Where the package's main module declares what it exports, by name. */
const mainTypes = new Map();

/**
 * The declarations behind the exports of an emitted index.d.ts, each with its comments, and
 * those that they refer to, which are not exported. What the main module exports, the other ones import from it.
 */
function flatDeclarations(index) {
  const program = ts.createProgram([index], {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  });
  const checker = program.getTypeChecker();
  const resolved = (symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const isOwn = (declaration) => declaration.getSourceFile().fileName.startsWith(`${root}target/types/`);

  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(index))).map(resolved);
  const isInternal = (symbol) => symbol.getJsDocTags().some(({ name }) => name === "internal");
  const wanted = new Set(exported.filter((symbol) => !isInternal(symbol)));
  const isExported = new Set(wanted);
  const placeOf = (symbol) => symbol.declarations?.[0]?.getSourceFile().fileName;
  const isMain = mainTypes.size === 0;
  if (isMain) for (const symbol of wanted) mainTypes.set(symbol.name, placeOf(symbol));
  const isElsewhere = (symbol) => !isMain && !isExported.has(symbol) && mainTypes.get(symbol.name) === placeOf(symbol);
  const imported = new Set();
  const texts = [];
  // A Set hands out what is added while it is walked.
  for (const symbol of wanted) {
    for (const declaration of symbol.declarations.filter(isOwn)) {
      // (A constant's words are around it.)
      const whole = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
      const text = whole.getFullText().trim();
      texts.push(isExported.has(symbol) ? text : text.replace(/^export /m, ""));
      const visit = (node) => {
        if (ts.isTypeReferenceNode(node) && ts.isIdentifier(node.typeName)) {
          const target = resolved(checker.getSymbolAtLocation(node.typeName));
          const isParameter = target.flags & ts.SymbolFlags.TypeParameter;
          const isOurs = !isParameter && target.declarations?.some(isOwn);
          if (isOurs) isElsewhere(target) ? imported.add(target.name) : wanted.add(target);
        }
        ts.forEachChild(node, visit);
      };
      visit(declaration);
    }
  }
  if (imported.size > 0) texts.unshift(`import type { ${[...imported].sort().join(", ")} } from "./index.js";`);
  // Without this line a declaration file exports all that it declares.
  return [...texts, "export {};"].join("\n\n") + "\n";
}

/** Fails when the file does not compile by itself. */
function checkAlone(file) {
  const program = ts.createProgram([file], {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.esnext.disposable.d.ts"],
    module: ts.ModuleKind.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
    strict: true,
    noEmit: true,
  });
  const found = ts
    .getPreEmitDiagnostics(program)
    .map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
  if (found.length > 0) throw new Error(`${file} does not stand alone:\n${found.join("\n")}`);
}

const types = `${root}pkg/index.d.ts`;
writeFileSync(types, flatDeclarations(`${root}target/types/index.d.ts`));
checkAlone(types);

for (const name of ["testing", "storage-adapter"]) {
  const partTypes = `${root}pkg/${name}.d.ts`;
  writeFileSync(partTypes, flatDeclarations(`${root}target/types/${name}.d.ts`));
  checkAlone(partTypes);
}

for (const name of ["sandbox", "sds"]) {
  const partTypes = `${root}pkg/${name}.d.ts`;
  copyFileSync(`${root}src/${name}/${name}.d.ts`, partTypes);
  checkAlone(partTypes);
}

writeFileSync(`${root}pkg/messages.schema.json`, JSON.stringify(await messagesSchema(), null, 2) + "\n");

const metadata = JSON.parse(
  execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1", "--offline"], { cwd: root }),
);
const crate = metadata.packages.find(({ name }) => name === "patchstore");
const manifest = JSON.parse(readFileSync(`${root}pkg/package.json`, "utf8"));
for (const name of ["name", "version", "description", "keywords", "license"]) {
  const [here, there] = [manifest[name], crate[name]].map((value) => JSON.stringify(value));
  if (here !== there) throw new Error(`pkg/package.json has the ${name} ${here}, Cargo.toml ${there}`);
}

// Bundlers of apps find the parts by exactly these expressions.
for (const [file, part] of [
  ["index.js", /new URL\("patchstore_bg\.wasm",\s*import\.meta\.url\)/],
  ["index.js", /new URL\("patchstore_later_bg\.wasm",\s*import\.meta\.url\)/],
  ["index.js", /import\("\.\/lines\.js"\)/],
  ["index.js", /import\("\.\/serve\.js"\)/],
  ["index.js", /import\("\.\/whole\.js"\)/],
  ["lines.js", /^import\{shared as \w+\}from"\.\/index\.js";/],
  ["serve.js", /^import\{shared as \w+\}from"\.\/index\.js";/],
  ["whole.js", /^import\{shared as \w+\}from"\.\/index\.js";/],
  ["index.js", /import\("\.\/plain\.js"\)/],
  ["index.js", /import\("\.\/kdf\.js"\)/],
  ["kdf.js", /new Worker\(new URL\("kdf-worker\.js",\s*import\.meta\.url\)/],
  ["kdf.js", /new URL\("patchstore_kdf_bg\.wasm",\s*import\.meta\.url\)/],
  ["kdf-worker.js", /new URL\("patchstore_kdf_bg\.wasm",\s*import\.meta\.url\)/],
  ["storage-adapter.js", /^import\{[^}]*\}from"\.\/index\.js";/],
  ["sds.js", /^import\{[^}]*\}from"\.\/index\.js";/],
  ["plain.js", /new URL\("patchstore_import_bg\.wasm",\s*import\.meta\.url\)/],
]) {
  if (!part.test(readFileSync(`${root}pkg/${file}`, "utf8"))) throw new Error(`pkg/${file} lacks ${part}: bundlers find nothing`);
}
