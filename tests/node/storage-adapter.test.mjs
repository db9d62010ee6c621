/** The packed storage adapter in Node, on an imitation of IndexedDB. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { installPacked } from "../browser/support/packed.mjs";

const run = promisify(execFile);
const FAKE = pathToFileURL(createRequire(import.meta.url).resolve("fake-indexeddb/auto"));

let home, installed, remove;
before(async () => {
  ({ home, installed, remove } = await installPacked());
});
after(() => remove?.());

/** What a script prints that Node runs in the project. */
async function printed(name, script) {
  await writeFile(join(home, name), `import "${FAKE}";\n${script}`);
  return (await run(process.execPath, [name], { cwd: home, timeout: 20_000 })).stdout;
}

test("it is the package's: one class of errors, one engine for both", async () => {
  const script = `
    import { openPatch, PatchStoreError } from "patchstore";
    import { PatchStorageAdapter } from "patchstore/storage-adapter";
    const adapter = new PatchStorageAdapter();
    const error = await adapter.getAllKeys().catch((error) => error);
    await adapter.initialize("a");
    const patch = await openPatch("a");
    void adapter.put("k", { n: 1n, gone: undefined });
    const { records } = await patch.stats();
    await Promise.all([adapter.close(), patch.close()]);
    console.log(error instanceof PatchStoreError, records);`;
  assert.equal(await printed("one.mjs", script), "true 1\n");
  const bundle = await build({
    stdin: { contents: `export * from "patchstore/storage-adapter"`, resolveDir: home },
    bundle: true, format: "esm", write: false, metafile: true, external: ["./lines.js", "./serve.js", "./whole.js", "./plain.js", "./kdf.js"], logLevel: "silent",
  });
  const inputs = Object.keys(bundle.metafile.inputs).map((path) => path.split("/").at(-1));
  assert.deepEqual(inputs.sort(), ["<stdin>", "index.js", "storage-adapter.js"]);
});

test("importing it needs no IndexedDB, and the constructor opens nothing", async () => {
  await writeFile(
    join(home, "bare.mjs"),
    `import { PatchStorageAdapter } from "patchstore/storage-adapter";
     const adapter = new PatchStorageAdapter();
     const read = await adapter.get("k");
     const write = adapter.put("k", 1).catch(({ code }) => code);
     const failed = await adapter.initialize("a").catch(({ code }) => code);
     console.log(JSON.stringify([read ?? null, failed, await write]));`,
  );
  const { stdout } = await run(process.execPath, ["bare.mjs"], { cwd: home, timeout: 20_000 });
  assert.deepEqual(JSON.parse(stdout), [null, "Unavailable", "Unavailable"]);
});

test("the README's example runs, and prints what it stored", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, example] = readme.match(/### A storage adapter for sync clients[\s\S]*?```js\n([\s\S]*?)```/);
  const stdout = await printed("readme.mjs", `${example}\nconsole.log(id, pending);`);
  assert.match(stdout, /^todo:1 \{ value: \{ text: 'milk', done: undefined \} \}\ntodo:2 \{ value: \{ text: 'bread' \} \}\n/);
  assert.match(stdout, /\n1 \[ \{ opType: 'PUT', key: 'todo:2', id: 1, synced: 0 \} \]\n$/);
});

test("its types are there for those who import them", async () => {
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  assert.deepEqual(manifest.exports["./storage-adapter"], { types: "./storage-adapter.d.ts", default: "./storage-adapter.js" });
  const types = await readFile(join(installed, "storage-adapter.d.ts"), "utf8");
  assert.match(types, /export declare class PatchStorageAdapter/);
  assert.doesNotMatch(await readFile(join(installed, "index.d.ts"), "utf8"), /internals/);
});
