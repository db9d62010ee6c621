/** A patch as an earlier library has stored it (tests/fixtures): opened, read, written, tidied up, opened again. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

let server, browser, page;
before(async () => {
  server = await serve();
  browser = await openBrowser();
  page = await pageWithPackage(await browser.newContext(), server.origin);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const linesOf = (name) =>
  readFileSync(new URL(`../fixtures/format-2/${name}`, import.meta.url), "utf8").trimEnd().split("\n");
const RECORDS = linesOf("records.txt").map((line) => line.split(" "));
const SHOWN = linesOf("shown.txt").map((line) => {
  const [kind, name, text] = line.split("\t");
  const [, letter, count] = /^(.)\*(\d+)$/.exec(text) ?? [];
  return { kind, name, value: letter ? letter.repeat(count) : JSON.parse(text) };
});
const PAIRS = SHOWN.filter(({ kind }) => kind === "pair").map(({ name, value }) => [name, value]);
const DOCUMENTS = SHOWN.filter(({ kind }) => kind === "document").map(({ value }) => value);

/** Puts the records in place of those of a new patch; `version` is what all of a kind (`letter`) say that they are of. */
async function store(id, letter, version) {
  await page.evaluate(
    async ([id, records, letter, version]) => {
      await (await lib.openPatch(id)).close();
      const bytesOf = (text) => {
        const hex = text.replaceAll(/\((..)\*(\d+)\)/g, (_, byte, count) => byte.repeat(count));
        return Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16));
      };
      const database = await asked(indexedDB.open(`patchstore_${id}`));
      const transaction = database.transaction(["head", "log", "runs", "blobs"], "readwrite");
      for (const name of database.objectStoreNames) transaction.objectStore(name).clear();
      for (const [name, key, text] of records) {
        const record = bytesOf(text);
        if (record[2] === letter?.charCodeAt(0)) record[3] = version;
        transaction.objectStore(name).put(record, name === "log" ? Number(key) : key);
      }
      await new Promise((resolve) => (transaction.oncomplete = resolve));
      database.close();
    },
    [id, RECORDS, letter, version],
  );
}

/** What a page finds. */
async function found(id) {
  return page.evaluate(async (id) => {
    const patch = await lib.openPatch(id);
    const pairs = [];
    for await (const pair of patch.kv("s").iterate()) pairs.push(pair);
    const documents = await patch.db("d").collection("c").find({});
    await patch.close();
    return { pairs, documents };
  }, id);
}

test("a patch of format 2 is gone on with", { timeout: 60_000 }, async () => {
  await store("fixture");
  assert.deepEqual(await found("fixture"), { pairs: PAIRS, documents: DOCUMENTS });
  await page.evaluate(async () => {
    const patch = await lib.openPatch("fixture");
    await patch.kv("s").set("added", 1);
    await patch.kv("s").delete("both 1");
    await patch.compact();
    await patch.close();
  });
  const pairs = [...PAIRS.filter(([name]) => name !== "both 1"), ["added", 1]].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(await found("fixture"), { pairs, documents: DOCUMENTS });
});

test("what later libraries store is unsupported", { timeout: 60_000 }, async () => {
  for (const letter of "HRDFSB") {
    await store(`later-${letter}`, letter, 3);
    const error = await page.evaluate(async (id) => {
      return failure(async () => {
        const patch = await lib.openPatch(id);
        try {
          await patch.kv("s").getMany(["a", "both 1", "sole", "tail 1", "tail 3", "level 2"]);
        } finally {
          await patch.close();
        }
      });
    }, `later-${letter}`);
    assert.equal(error?.code, "UnsupportedFormat", letter);
  }
});
