/** The README's examples of synchronisation, run as they stand there, between two patches in memory. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPacked } from "../browser/support/packed.mjs";

let remove, lib, sending, pulling;
before(async () => {
  const installed = await installPacked();
  remove = installed.remove;
  lib = await import(pathToFileURL(createRequire(join(installed.home, "app.mjs")).resolve("patchstore")));
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, part] = readme.match(/### Synchronisation with other devices\n([\s\S]*?)\n### /);
  [sending, pulling] = [...part.matchAll(/```js\n([\s\S]*?)```/g)].map(([, example]) => example);
});
after(() => remove?.());

let opened = 0;
const open = () => lib.openPatch(`synced ${(opened += 1)}`, { backend: "memory", opLog: true });

/** What a device runs, with `ask` in the place of a connection to another one; `asked` counts what went over it. */
function pullOf({ opLog }, other) {
  const asked = { merkle: 0, records: 0, entries: 0 };
  async function ask(call, path) {
    asked[call] += 1;
    const answer = await other.opLog[call](path);
    if (call === "merkle") return structuredClone(answer);
    asked.entries += answer.length;
    return lib.decodeEntries(lib.encodeEntries(answer));
  }
  const pull = new Function("opLog", "ask", `${pulling}\nreturn pull;`)(opLog, ask);
  return { pull, asked };
}

const all = async (patch) => new Map(await patch.kv("s").entries());

test("what waits on one device is sent to another, and no longer waits", async () => {
  const [here, there] = [await open(), await open()];
  await there.kv("s").set("theirs", 2);
  const bytes = lib.encodeEntries(await there.opLog.pending());
  await here.kv("s").setMany([["a", 1], ["b", new Date(7)]]);
  const body = sending.replace(/^import .*\n/, "").replace(/openPatch\([^)]*\)/, "here");
  const names = ["here", "send", "bytes", "encodeEntries", "decodeEntries"];
  const run = new Function(...names, `return (async () => {${body}\nreturn { applied, refused };})();`);
  const sent = [];
  const found = await run(here, (each) => sent.push(each), bytes, lib.encodeEntries, lib.decodeEntries);
  assert.deepEqual(found, { applied: 1, refused: [] });
  assert.equal(await here.opLog.count(), 0);
  assert.equal((await there.opLog.apply(lib.decodeEntries(sent[0]))).applied, 2);
  assert.deepEqual(await all(there), new Map([["theirs", 2], ["a", 1], ["b", new Date(7)]]));
  assert.deepEqual(await all(here), await all(there));
});

test("a device pulls what it lacks, and what was removed elsewhere, and no more than that", async () => {
  const [here, there] = [await open(), await open()];
  const count = 2_000;
  await there.kv("s").setMany(Array.from({ length: count }, (_, n) => [`k${n}`, n]));

  const first = pullOf(here, there);
  await first.pull();
  assert.equal((await all(here)).size, count, "a device that is new");
  assert.deepEqual([first.asked.records, first.asked.entries], [1, count], "all of it at once");

  // Changed there, removed there, both alone in their leaf or not, and written here.
  for (let n = 0; n < 10; n++) await there.kv("s").set(`k${n * 100}`, "changed");
  for (let n = 0; n < 10; n++) await there.kv("s").delete(`k${n * 100 + 50}`);
  await here.kv("s").set("mine", 1);
  const again = pullOf(here, there);
  await again.pull();
  assert.deepEqual(await all(here), new Map([...(await all(there)), ["mine", 1]]));
  assert.ok(again.asked.entries < 60 && again.asked.merkle < 60, JSON.stringify(again.asked));

  const back = pullOf(there, here);
  await back.pull();
  assert.deepEqual(await all(there), await all(here));
  const [{ hash }, other] = [await here.opLog.merkle(), await there.opLog.merkle()];
  assert.equal(hash, other.hash);
  const last = pullOf(here, there);
  await last.pull();
  assert.deepEqual(last.asked, { merkle: 1, records: 0, entries: 0 }, "nothing differs");
});

test("a device pulls what was removed where nothing else lives, and something else differs", async () => {
  const [here, there] = [await open(), await open()];
  await there.kv("s").setMany([["changed", 1], ["removed", 1], ["kept", 1]]);
  await pullOf(here, there).pull();
  await there.kv("s").set("changed", 2);
  await there.kv("s").delete("removed");
  await pullOf(here, there).pull();
  assert.deepEqual(await all(here), new Map([["changed", 2], ["kept", 1]]));
});

test("a device pulls that everything was removed elsewhere", async () => {
  const [here, there] = [await open(), await open()];
  await there.kv("s").setMany(Array.from({ length: 50 }, (_, n) => [`k${n}`, n]));
  await pullOf(here, there).pull();
  await there.kv("s").clear();
  await pullOf(here, there).pull();
  assert.deepEqual(await all(here), new Map());
  // Nor does it come back.
  await pullOf(there, here).pull();
  assert.deepEqual(await all(there), new Map());
});
