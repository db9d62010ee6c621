/** The packed tarball, where people put it: a Vite project, a plain page, Node. */
import { deepEqual, equal, match } from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as vite from "vite";
import { openBrowser } from "./support/browser.mjs";
import { installPacked } from "./support/packed.mjs";
import { serve } from "./support/server.mjs";

const run = promisify(execFile);
const repository = fileURLToPath(new URL("../..", import.meta.url));

/** What the app of both pages does: it counts its loads and keeps documents of every kind. */
const APP = `
import { openPatch, isPatchStoreError } from "patchstore";
const patch = await openPatch("package-test");
const loads = await patch.kv("counter").update("loads", (n = 0) => n + 1);
const db = patch.db("things");
if (loads === 1) await db.insertMany("things", [{ at: 0, set: new Set([1n]) }, { at: 1, deep: { u: undefined } }]);
const things = await db.find("things");
const refused = await patch.kv("counter").set("f", () => {}).catch((e) => isPatchStoreError(e) && e.code);
const plain = indexedDB.open("plain", 1);
plain.onupgradeneeded = () => plain.result.createObjectStore("kv").put(7, "1:s:k");
await new Promise((done) => (plain.onsuccess = done));
const { imported, kept } = await patch.importPlain("plain");
await patch.close();
globalThis.outcome = {
  loads,
  ats: things.map(({ at }) => at),
  set: [...things[0].set].map(String),
  hasUndefined: "u" in things[1].deep,
  refused,
  imported,
  kept,
};
`;

let home, installed, remove, browser;

before(async () => {
  ({ home, installed, remove } = await installPacked());
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await remove?.();
});

/** Loads a page twice, and says what its app found each time. */
async function twoLoads(origin) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  const outcomes = [];
  for (let load = 0; load < 2; load++) {
    await page.goto(origin);
    await page.waitForFunction(() => globalThis.outcome !== undefined, null, { timeout: 20_000 }).catch((error) => {
      throw new Error(`the page did nothing: ${complaints.join("; ") || error.message}`);
    });
    outcomes.push(await page.evaluate(() => globalThis.outcome));
  }
  await context.close();
  deepEqual(complaints, []);
  return outcomes;
}

function checkLoads(outcomes) {
  const same = { ats: [0, 1], set: ["1"], hasUndefined: true, refused: "NotStorable" };
  deepEqual(outcomes, [{ loads: 1, imported: 1, kept: 0, ...same }, { loads: 2, imported: 0, kept: 1, ...same }]);
}

/** Lets a project in the temporary directory use this repository's Vite. */
async function viteProject(name) {
  const project = join(home, name);
  await mkdir(join(project, "node_modules"), { recursive: true });
  const vite = dirname(createRequire(import.meta.url).resolve("vite/package.json"));
  await symlink(vite, join(project, "node_modules", "vite"));
  await cp(installed, join(project, "node_modules", "patchstore"), { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await writeFile(
    join(project, "vite.config.js"),
    `export default { logLevel: "error" };`,
  );
  await writeFile(
    join(project, "index.html"),
    `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>`,
  );
  await writeFile(join(project, "main.js"), APP);
  return project;
}

test("a Vite project builds it, and the built page keeps its data", async () => {
  const project = await viteProject("built");
  await vite.build({ root: project, logLevel: "error", build: { target: "es2022" } });
  const assets = await readdir(join(project, "dist", "assets"));
  equal(assets.filter((file) => file.endsWith(".wasm")).length, 4, `all wasm files among ${assets}`);
  const server = await serve(join(project, "dist"));
  try {
    checkLoads(await twoLoads(`${server.origin}/index.html`));
  } finally {
    await server.close();
  }
});

test("Vite's development server serves it", async () => {
  const project = await viteProject("served");
  const server = await vite.createServer({ root: project, logLevel: "error", server: { host: "127.0.0.1", port: 0 } });
  try {
    await server.listen();
    checkLoads(await twoLoads(server.resolvedUrls.local[0]));
  } finally {
    await server.close();
  }
});

test("a plain page uses it without a bundler", async () => {
  const site = join(home, "plain");
  await mkdir(site);
  await cp(installed, join(site, "patchstore"), { recursive: true });
  await writeFile(
    join(site, "index.html"),
    `<!doctype html><link rel="icon" href="data:,">
     <script type="importmap">{ "imports": { "patchstore": "./patchstore/index.js" } }</script>
     <script type="module" src="main.js"></script>`,
  );
  await writeFile(join(site, "main.js"), APP);
  const server = await serve(site);
  try {
    checkLoads(await twoLoads(`${server.origin}/index.html`));
  } finally {
    await server.close();
  }
});

test("the README's first example does what it shows", async () => {
  const readme = await readFile(join(repository, "README.md"), "utf8");
  const [, example] = readme.match(/## A first example\n\n```html\n([\s\S]*?)```/);
  const site = join(home, "example");
  await cp(installed, join(site, "node_modules", "patchstore"), { recursive: true });
  await writeFile(join(site, "index.html"), example);
  const server = await serve(site);
  const page = await browser.newPage();
  try {
    for (const visit of [1, 2]) {
      await page.goto(`${server.origin}/index.html`);
      await page.waitForFunction((n) => document.querySelectorAll("#notes li").length === n, visit);
      equal(await page.locator("#visits").innerText(), String(visit));
      match(await page.locator("#notes li").first().innerText(), new RegExp(`^Visit number ${visit}, .*[0-9]`));
    }
  } finally {
    await page.close();
    await server.close();
  }
});

test("importing it in Node touches no global of a browser", async () => {
  await writeFile(
    join(home, "bare.mjs"),
    `const touched = [];
     const names = ["window", "document", "self", "navigator", "location", "indexedDB", "IDBKeyRange",
       "BroadcastChannel", "localStorage", "caches", "Worker", "fetch", "WebAssembly", "requestIdleCallback"];
     for (const name of names) {
       Object.defineProperty(globalThis, name, {
         configurable: true,
         get() { touched.push(name); throw new Error("touched " + name); },
       });
     }
     const library = await import("patchstore");
     console.log(JSON.stringify({ touched, names: Object.keys(library).sort() }));`,
  );
  const { stdout } = await run(process.execPath, ["bare.mjs"], { cwd: home });
  const { touched, names } = JSON.parse(stdout);
  deepEqual(touched, []);
  for (const name of ["PatchStoreError", "init", "isPatchStoreError", "openPatch"]) {
    equal(names.includes(name), true, `${name} is exported`);
  }
});

test("the tarball holds what it says, and nothing of the workshop", async () => {
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  equal(manifest.type, "module");
  deepEqual(manifest.sideEffects, ["./lines.js", "./serve.js", "./whole.js"]);
  equal(manifest.dependencies, undefined);
  const expected = [...manifest.files, "README.md", "package.json"].sort();
  deepEqual((await readdir(installed)).sort(), expected);
  match(await readFile(join(installed, "LICENSE-APACHE"), "utf8"), /Apache License/);
});
