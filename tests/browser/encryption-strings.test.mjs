/**
 * What is given to an encrypted patch, by whatever call, is nowhere to be found: in no store, on no channel, in no name, in nothing
 * that is logged, and in no file of the browser's profile. That the search finds, a plain patch shows; that no call is missing, the
 * package's types do.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openBrowser } from "./support/browser.mjs";
import { declared } from "./support/declared.mjs";
import { Needles } from "./support/needles.mjs";
import { serve } from "./support/server.mjs";
import { drive } from "./support/webdriver.mjs";

const MODULE = `
  const { dataset } = document.documentElement;
  try {
    const { tell } = await import("/tests/browser/support/strings.mjs");
    dataset.answer = JSON.stringify(await tell(dataset.encrypted === "yes"));
  } catch (error) {
    dataset.answer = JSON.stringify({ error: String(error?.stack ?? error), code: error?.code });
  }
`;

const PACKAGE = new URL("../../pkg/", import.meta.url);

/** Calls that are not made here, and why. */
const ELSEWHERE = new Map([
  ["package.encryptPatch", "before it, everything lies on disk in the clear; encryption-convert.test.mjs looks at the stores"],
  ["package.decryptPatch", "the same"],
  ["package.init", "is given no content"],
  ["package.isPatchStoreError", "is given no content"],
  ["package.requestPersistence", "is given no content"],
  ["package.storageEstimate", "is given no content"],
  ...["hash", "size", "type", "from"].map((name) => [`BlobRef.${name}`, "is a value, and stores nothing"]),
  ...["KV", "DB", "Collection"].map((kind) => [`Tx ${kind}.watch`, "is refused in a transaction"]),
]);

/** What of the stores is called in a transaction and by a sandbox, too. */
const INSIDE = { "Tx ": ["KV", "DB", "PatchKV", "PatchDB", "Collection", "Meta", "Tx"], "Sandbox ": ["KV", "DB", "Collection"] };

/** Types of options, of all of whose members use is made. */
const OPTIONS = ["Expiry", "KeyRange", "UpdateOptions", "UpsertOptions", "FindOptions", "WatchOptions", "ImportLinesOptions", "Include", "QueryOperators", "Logic", "Grant", "KvMessage", "DbMessage"];

/** What the types declare and `told` has not used. */
async function missing({ made, named }) {
  const [types, adapter, provider, sandbox] = await Promise.all(["index", "storage-adapter", "sds", "sandbox"].map((name) => declared(new URL(`${name}.d.ts`, PACKAGE))));
  const calls = [];
  for (const [kind, { members, isCalled }] of Object.entries({ ...types, PatchStorageAdapter: adapter.PatchStorageAdapter, PatchPersistenceProvider: provider.PatchPersistenceProvider })) {
    if (!isCalled) continue;
    for (const where of ["", ...Object.keys(INSIDE).filter((where) => INSIDE[where].includes(kind))]) {
      // (A transaction is nowhere but in itself.)
      if (kind !== "Tx" || where !== "") calls.push(...members.map((member) => `${where}${kind.replace(/^Patch(KV|DB)$/, "$1")}.${member}`));
    }
  }
  calls.push(...sandbox.Connection.members.map((member) => `Sandbox Connection.${member}`));
  const options = OPTIONS.flatMap((name) => [...types[name].members, ...types[name].literals.map((literal) => `type:${literal}`)]);
  return {
    calls: calls.filter((call) => !made.includes(call) && !ELSEWHERE.has(call)),
    options: [...options, "transfer", "keyFormat", "scope", "keepTimes"].filter((name) => !named.includes(name)),
  };
}

/** Each: what the page said, once the browser has ended as it should. */
const BROWSERS = {
  async chromium(profile, url, encrypted) {
    const browser = await openBrowser({ profile });
    try {
      const logged = [];
      const page = await browser.newPage();
      page.on("console", (message) => logged.push(message.text()));
      page.on("pageerror", (error) => logged.push(`${error} ${error.stack}`));
      await page.goto(url);
      await page.evaluate((encrypted) => (document.documentElement.dataset.encrypted = encrypted), encrypted);
      await page.addScriptTag({ type: "module", content: MODULE });
      const answer = await page.waitForFunction(() => document.documentElement.dataset.answer, null, { timeout: 120_000 });
      return { logged, ...JSON.parse(await answer.jsonValue()) };
    } finally {
      await browser.close();
    }
  },
  firefox: (profile, url, encrypted) => driven("firefox", { profile }, url, encrypted),
  /** (Under WebDriver it keeps its data nowhere but in memory.) */
  webkit: (_, url, encrypted) => driven("webkit", {}, url, encrypted),
};

async function driven(name, options, url, encrypted) {
  const browser = await drive(name, options);
  try {
    await browser.open(url);
    await browser.run("document.documentElement.dataset.encrypted = arguments[0]", encrypted);
    await browser.module(MODULE);
    for (;;) {
      const answer = await browser.run("return document.documentElement.dataset.answer");
      if (answer) return { logged: [], ...JSON.parse(answer) };
      await sleep(100);
    }
  } finally {
    await browser.quit();
  }
}

/** The names of the places of which something is in a file of `directory`, or in a file's name. */
async function onDisk(directory, needles) {
  const found = new Set();
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    for (const place of needles.in(Buffer.from(entry.name))) found.add(place);
    if (!entry.isFile()) continue;
    const content = await readFile(join(entry.parentPath, entry.name));
    bytes += content.length;
    for (const place of needles.in(content)) found.add(place);
  }
  return { bytes, found: [...found] };
}

for (const [name, run] of Object.entries(BROWSERS)) {
  for (const encrypted of [true, false]) {
    test(`${name}: what is in ${encrypted ? "an encrypted" : "a plain"} patch is ${encrypted ? "not " : ""}found`, { timeout: 180_000 }, async () => {
      const server = await serve();
      const profile = await mkdtemp(join(tmpdir(), "patchstore-strings-"));
      try {
        const told = await run(profile, `${server.origin}/tests/browser/engine/page.html`, encrypted ? "yes" : "no");
        assert.equal(told.error, undefined);
        assert.ok(told.entries > 20 && told.heard > 4 && told.bytes > 500_000, JSON.stringify([told.entries, told.heard, told.bytes]));
        const needles = new Needles(told.places);
        const disk = await onDisk(profile, needles);
        const hasProfile = name !== "webkit";
        // (Chromium compresses what it is given.)
        if (hasProfile) assert.ok(disk.bytes > told.bytes / 2, `the profile is there: ${disk.bytes} bytes for ${told.bytes}`);
        assert.deepEqual(told.said, [], "nothing is said on channels or logged of a patch's content");
        assert.deepEqual([...needles.in(Buffer.from(told.logged.join("\n")))], []);
        const hidden = Object.keys(told.places).sort();
        if (encrypted) {
          assert.deepEqual([told.inStores, disk.found], [[], []]);
          assert.ok(hidden.length > 300, `${hidden.length} places`);
          assert.deepEqual(await missing(told), { calls: [], options: [] });
        } else if (!hasProfile) {
          // (What was overwritten is there no longer.)
          assert.ok(told.inStores.length > 200, `${told.inStores.length} places`);
        } else {
          const [stored, found] = [hidden, disk.found.sort()].map((places) => places.filter((place) => !place.startsWith("brief: ")));
          assert.deepEqual(found, stored.filter((place) => !/^(asked|refused): /.test(place)), "on disk");
        }
      } finally {
        await server.close();
        await rm(profile, { recursive: true, force: true, maxRetries: 5 });
      }
    });
  }
}
