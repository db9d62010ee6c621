/**
 * Plants each bug of tests/node/mutants.mjs in a copy of the sources, bundles the package's JavaScript from it around the wasm that is built, and runs
 * a test in Node on the result: every one must be caught. Arguments choose mutants by parts of their names.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { MUTANTS } from "../tests/node/mutants.mjs";
import { plant } from "./mutants/planting.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const built = `${root}target/mutants-bundles`;
const FACADE = "../facade/index.js";
/** What a bug keeps from ending is caught. */
const TIMEOUT_MS = 180_000;
const wanted = process.argv.slice(2);

/** Bundles a copy of the sources with the bugs in it. */
function build(edits) {
  rmSync(built, { recursive: true, force: true });
  mkdirSync(`${built}/target`, { recursive: true });
  cpSync(`${root}src`, `${built}/src`, { recursive: true });
  symlinkSync(`${root}target/glue`, `${built}/target/glue`);
  plant(built, { edits });
  const bundle = (entry, outfile) =>
    buildSync({ entryPoints: [`${built}/src/${entry}`], outfile, bundle: true, format: "esm", target: "es2022", external: ["./plain.js", "./kdf.js", FACADE], logLevel: "error" });
  bundle("facade/index.ts", `${built}/pkg/index.js`);
  bundle("sds/index.ts", `${built}/pkg/sds.js`);
  writeFileSync(`${built}/pkg/sds.js`, readFileSync(`${built}/pkg/sds.js`, "utf8").replaceAll(`"${FACADE}"`, '"./index.js"'));
  for (const name of ["patchstore_bg.wasm", "patchstore_later_bg.wasm"]) copyFileSync(`${root}pkg/${name}`, `${built}/pkg/${name}`);
}

/** The tests that fail on what was bundled. (What they leave open then is ended by force.) */
function failing(test) {
  const env = { ...process.env, PATCHSTORE_PACKAGE: `${built}/pkg` };
  const { status, stdout } = spawnSync(process.execPath, ["--test", "--test-force-exit", "--test-reporter=tap", `tests/node/${test}.test.mjs`], { cwd: root, encoding: "utf8", env, timeout: TIMEOUT_MS });
  if (!/^TAP version/.test(stdout)) throw new Error(`the tests do not run\n${stdout.slice(-3000)}`);
  if (status === null) return ["it does not end"];
  return status === 0 ? [] : [...stdout.matchAll(/^ *not ok \d+ - (.*)$/gm)].map(([, name]) => name);
}

const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
let caught = 0;
build([]);
for (const test of new Set(chosen.map(({ test }) => test))) {
  const names = failing(test);
  if (names.length > 0) throw new Error(`the sources fail without a planted bug: ${names.join("; ")}`);
}
for (const { name, test, edits } of chosen) {
  build(edits);
  const names = failing(test);
  if (names.length > 0) caught += 1;
  console.log(names.length === 0 ? `SURVIVED  ${name}` : `caught    ${name}: by "${names[0]}"`);
}
console.log(`mutants of bundles: ${caught} of ${chosen.length} caught`);
if (caught < chosen.length) process.exitCode = 1;
