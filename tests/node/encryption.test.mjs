/** The README's recipe for encrypted patches, run as it stands there, on an imitation of IndexedDB. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import "fake-indexeddb/auto";
import { installPacked } from "../browser/support/packed.mjs";

let remove, lib, calls, recipe;
before(async () => {
  const installed = await installPacked();
  remove = installed.remove;
  lib = await import(pathToFileURL(createRequire(join(installed.home, "app.mjs")).resolve("patchstore")));
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, part] = readme.match(/### Encryption\n([\s\S]*?)\n### /);
  [calls, recipe] = [...part.matchAll(/```js\n([\s\S]*?)```/g)].map(([, example]) => example.replaceAll(/^import .*\n/gm, ""));
});
after(() => remove?.());

/** The recipe's functions, in a page that is imitated: what is asked is answered in this order, and `page.pass` lets time go by. */
function inPage(answers = []) {
  const page = { asked: [], listeners: [], timers: new Map(), now: 0 };
  const world = {
    isPatchStoreError: lib.isPatchStoreError,
    listPatches: lib.listPatches,
    openPatch: lib.openPatch,
    ask: async (question) => (page.asked.push(question), answers.shift()),
    addEventListener: (event, listener) => page.listeners.push([event, listener]),
    setInterval: (work) => (page.timers.set(work, work), work),
    clearInterval: (timer) => page.timers.delete(timer),
    Date: { now: () => page.now },
  };
  page.pass = async (minutes) => {
    page.now += minutes * 60_000;
    for (const work of page.timers.values()) await work();
  };
  const body = `${recipe.replaceAll("export ", "")}\nreturn { unlock, addRecoveryKey, lockOnIdle };`;
  return { page, ...new Function(...Object.keys(world), body)(...Object.values(world)) };
}

test("who has no patch chooses a passphrase, and is asked again where it is wrong", async () => {
  const { page, unlock } = inPage(["correct horse", "wrong", "correct horse"]);
  const made = await unlock("a");
  assert.equal(made.status.encrypted, true);
  await made.close();
  assert.deepEqual(page.asked, ["Choose a passphrase"], "empty as it is, it is there");
  const again = await unlock("a");
  await again.close();
  assert.deepEqual(page.asked.slice(1), ["Passphrase or recovery key", "That is not it. Once more"]);
});

test("a recovery key opens it, too, and other errors are no reason to ask again", async () => {
  const { unlock, addRecoveryKey } = inPage(["a passphrase"]);
  const patch = await unlock("b");
  await patch.kv("s").set("k", "kept");
  const text = await addRecoveryKey(patch);
  assert.match(text, /^[0-9a-f]{64}$/);
  assert.deepEqual(await patch.keyring.names(), ["main", "recovery"]);
  await patch.close();
  const found = await inPage([text]).unlock("b");
  assert.equal(await found.kv("s").get("k"), "kept");
  await found.close();
  await (await lib.openPatch("plain")).close();
  await assert.rejects(inPage(["p"]).unlock("plain"), { code: "NotEncrypted" });
});

test("it locks when nobody has touched the page for so long", async () => {
  const { page, unlock, lockOnIdle } = inPage(["p"]);
  const patch = await unlock("c");
  let locked = 0;
  lockOnIdle(patch, 5, () => (locked += 1));
  await page.pass(4);
  for (const [event, listener] of page.listeners) if (event === "keydown") listener();
  await page.pass(4);
  assert.equal(locked, 0);
  await patch.kv("s").set("k", 1);
  await page.pass(2);
  assert.deepEqual([locked, page.timers.size], [1, 0]);
  assert.throws(() => patch.kv("s"), { code: "Closed" });
});

test("the calls do what is said beside them", async () => {
  await (await lib.openPatch("notes")).close();
  const { copyPatch, decryptPatch, encryptPatch, openPatch } = lib;
  const world = { copyPatch, decryptPatch, encryptPatch, openPatch, passphrase: "one", another: "two", key: crypto.getRandomValues(new Uint8Array(32)) };
  const said = [];
  const body = calls.replace(/^(await encryptPatch\(.*\));/m, `$1; said.push((await openPatch("notes").catch(({ code }) => code)));`).replace(/^(patch\.status\.encrypted|await patch\.keyring\.names\(\));/gm, "said.push($1);");
  await new Function("said", ...Object.keys(world), `return (async () => {${body}})();`)(said, ...Object.values(world));
  assert.deepEqual(said, [true, ["main", "recovery"], "Encrypted"]);
  await (await lib.openPatch("notes")).close();
  const infos = await lib.listPatches();
  assert.deepEqual(infos.filter(({ id }) => id.startsWith("diary")), ["diary", "diary-2"].map((id) => ({ id, bytes: null, encrypted: true })));
  const opened = [["diary", { passphrase: world.another }], ["diary-2", { key: world.key }]];
  for (const [id, encryption] of opened) await (await lib.openPatch(id, { encryption })).close();
  await assert.rejects(lib.openPatch("diary", { encryption: { passphrase: world.passphrase } }), { code: "WrongKey" });
});
