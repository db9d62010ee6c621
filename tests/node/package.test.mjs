/** The packed package in Node: its wasm comes from its own file, and patches in memory are whole ones. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { installPacked } from "../browser/support/packed.mjs";

const run = promisify(execFile);
const MEMORY = { backend: "memory" };

let home, installed, remove, lib;
before(async () => {
  ({ home, installed, remove } = await installPacked());
  lib = await import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

let opened = 0;
const open = () => lib.openPatch(`in node ${(opened += 1)}`, MEMORY);

/** What a script prints as JSON that Node runs in the project. */
async function printed(name, script) {
  await writeFile(join(home, name), script);
  const { stdout } = await run(process.execPath, [name], { cwd: home, timeout: 20_000 });
  return JSON.parse(stdout);
}

test("pairs", async () => {
  const patch = await open();
  const kv = patch.kv("s");
  const value = { at: new Date(7), set: new Set([1n]), bytes: new Uint8Array([1, 2]), nothing: undefined };
  await kv.set("k", value);
  for (const times of [1, 2]) assert.deepEqual(await kv.get("k"), value, `read ${times}`);
  assert.equal(await kv.update("n", (n = 40) => n + 2), 42);
  await kv.setMany([["a", 1], ["b", 2]]);
  assert.deepEqual(await kv.entries({ lt: "c" }), [["a", 1], ["b", 2]]);
  assert.equal(await kv.delete("a"), true);
  assert.equal(await kv.get("a"), undefined);
  await assert.rejects(kv.set("f", () => {}), { code: "NotStorable" });
  await patch.close();
  await assert.rejects(kv.get("k"), { code: "Closed" });
});

test("documents", async () => {
  const patch = await open();
  const films = patch.db("d").collection("films");
  const id = await films.insert({ title: "M", year: 1931 });
  // (More than one slice, so that a later task is waited for.)
  await films.insertMany(Array.from({ length: 2500 }, (_, n) => ({ title: `T${n}`, year: 1900 + (n % 100), tags: [n] })));
  const { _created, ...found } = await films.findOne(id);
  assert.deepEqual(found, { _id: id, _updated: _created, title: "M", year: 1931 });
  assert.equal(await films.update(id, { year: 1932 }), true);
  const sorted = await films.find({ year: 1932 }, { sort: { title: 1 }, limit: 2 });
  assert.deepEqual(sorted.map(({ title }) => title), ["M", "T1032"]);
  assert.equal(await films.count({ year: 1999 }), 25);
  await patch.compact();
  assert.equal((await films.find()).length, 2501);
  await films.drop();
  assert.equal(await films.count(), 0);
  await patch.close();
});

test("transactions: whole or not at all", async () => {
  const patch = await open();
  const kv = patch.kv("accounts");
  await kv.setMany([["a", 10], ["b", 0]]);
  const move = (amount) =>
    patch.transaction(async (tx) => {
      const [a, b] = await tx.kv("accounts").getMany(["a", "b"]);
      await tx.kv("accounts").setMany([["a", a - amount], ["b", b + amount]]);
      await new Promise((done) => setTimeout(done, 1));
      if (a < amount) throw new Error("not enough");
    });
  await Promise.all([move(3), move(4)]);
  await assert.rejects(move(5), /not enough/);
  assert.deepEqual(await kv.getMany(["a", "b"]), [3, 7]);
  await patch.close();
});

test("message objects", async () => {
  const patch = await open();
  const [kv, db] = [patch.kvObject({ node: "n" }), patch.dbObject({ node: "n" })];
  assert.deepEqual(await kv.send({ set: ["count", 3] }), { op: "set", key: "count", ok: true });
  assert.deepEqual(await kv.send("get count"), { op: "get", key: "count", value: 3, found: true });
  assert.equal(await patch.node("n").kv.get("count"), 3);
  const { id } = await db.send({ type: "insert", collection: "c", doc: { n: 1 } });
  assert.equal((await patch.node("n").db.findOne("c", id)).n, 1);
  const refused = await kv.send({ get: 5 });
  assert.equal(refused.code, "InvalidArgument");
  await patch.close();
});

test("watches, and what is told of commits", async () => {
  const patch = await open();
  const [values, commits] = [[], []];
  const stop = patch.kv("s").watch("k", (value) => values.push(value));
  patch.on("change", ({ remote, scopes }) => commits.push([remote, scopes]));
  const until = async (done) => {
    while (!done()) await new Promise((later) => setTimeout(later, 1));
  };
  await patch.kv("s").set("k", { n: 1 });
  await until(() => values.length === 1);
  await patch.kv("s").delete("k");
  await until(() => values.length === 2);
  stop();
  await patch.kv("s").set("k", 3);
  await until(() => commits.length === 3);
  assert.deepEqual(values, [{ n: 1 }, undefined]);
  assert.deepEqual(commits[0], [false, [{ name: "s" }]]);
  await patch.close();
});

test("two handles on one patch, which lasts as long as the process", async () => {
  const [one, other] = [await lib.openPatch("shared", MEMORY), await lib.openPatch("shared", MEMORY)];
  await one.kv("s").set("k", 1);
  assert.equal(await other.kv("s").get("k"), 1);
  await Promise.all([one.close(), other.close()]);
  const again = await lib.openPatch("shared", MEMORY);
  assert.equal(await again.kv("s").get("k"), 1);
  await again.close();
});

test("without an IndexedDB the default storage is Unavailable, and memory is never chosen silently", async () => {
  assert.equal(typeof globalThis.indexedDB, "undefined");
  for (const options of [undefined, { backend: "indexeddb" }]) {
    await assert.rejects(lib.openPatch("a", options), { name: "PatchStoreError", code: "Unavailable", message: /IndexedDB/ });
  }
  await assert.rejects(lib.listPatches(), { code: "Unavailable" });
});

test("init reads files, and says which one it could not read", async () => {
  const script = (source) => `
    import { init, openPatch } from "patchstore";
    const error = await init(${source}).then(() => undefined, (error) => error);
    const patch = await openPatch("a", { backend: "memory" });
    await patch.copyNode("none", "other");
    console.log(JSON.stringify([error?.code ?? null, error?.message ?? null, patch.status.backend]));`;
  const wasm = pathToFileURL(join(installed, "patchstore_bg.wasm"));
  assert.deepEqual(await printed("given.mjs", script(`new URL("${wasm}")`)), [null, null, "memory"]);
  const [code, message, backend] = await printed("missing.mjs", script(`"file:///nowhere/at/all/patchstore_bg.wasm"`));
  assert.equal(code, "Unavailable");
  assert.match(message, /file:\/\/\/nowhere\/at\/all\/patchstore_bg\.wasm.*ENOENT/);
  assert.doesNotMatch(message, /offline/);
  assert.equal(backend, "memory", "the next call tries again, from the package's own file");
});

test("what is open in memory does not keep the process alive", async () => {
  // (That `printed` returns says so.)
  const script = `
    import { openPatch } from "patchstore";
    const patch = await openPatch("a", { backend: "memory" });
    await patch.kv("s").set("k", 1);
    patch.kv("s").watch("k", () => {});
    console.log(await patch.kv("s").get("k"));`;
  assert.equal(await printed("open.mjs", script), 1);
});

test("the README's example for Node prints what it says", async () => {
  const readme = await readFile(join(installed, "README.md"), "utf8");
  const [, example, printedText] = readme.match(/## In Node[\s\S]*?```js\n([\s\S]*?)```\n\nprints `(.*)`/);
  await writeFile(join(home, "readme.mjs"), example);
  const { stdout } = await run(process.execPath, ["readme.mjs"], { cwd: home, timeout: 20_000 });
  assert.equal(stdout.trim(), printedText);
});

test("bundlers of pages find nothing of Node's in it", async () => {
  const entry = join(home, "page.mjs");
  await writeFile(entry, `import { openPatch } from "patchstore"; openPatch("a");`);
  const bundled = { entryPoints: [entry], bundle: true, format: "esm", platform: "browser", write: false, logLevel: "silent" };
  const { warnings, errors, metafile } = await build({ ...bundled, external: ["./plain.js", "./kdf.js"], metafile: true });
  assert.deepEqual([...warnings, ...errors], []);
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports.map(({ path }) => path));
  assert.deepEqual(imports.filter((path) => path.startsWith("node:") || path === "fs"), []);
});

test("a bundle for Node that has the wasm beside it", async () => {
  const directory = join(home, "bundled");
  await writeFile(
    join(home, "server.mjs"),
    `import { openPatch } from "patchstore";
     const patch = await openPatch("a", { backend: "memory" });
     await patch.kv("s").set("k", "bundled");
     console.log(JSON.stringify([await patch.kv("s").get("k"), (await patch.stats()).records]));`,
  );
  await build({
    entryPoints: [join(home, "server.mjs")],
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["./plain.js", "./kdf.js"],
    outfile: join(directory, "server.mjs"),
    logLevel: "error",
  });
  for (const name of ["patchstore_bg.wasm", "patchstore_later_bg.wasm"]) await cp(join(installed, name), join(directory, name));
  const { stdout } = await run(process.execPath, ["server.mjs"], { cwd: directory });
  assert.deepEqual(JSON.parse(stdout), ["bundled", 1]);
  await rm(directory, { recursive: true });
});
