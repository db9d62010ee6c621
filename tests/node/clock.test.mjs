/** `patchstore/testing`: the clock that a test can move, in the packed package. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPacked } from "../browser/support/packed.mjs";

const MOMENT = Date.UTC(2031, 1, 2, 3, 4, 5, 678);
const DAY_MS = 86_400_000;

let remove, clock, lib, patch;
before(async () => {
  let home;
  ({ home, remove } = await installPacked());
  const load = (name) => import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve(name)));
  lib = await load("patchstore");
  // Opened before there is a clock of the test's.
  patch = await lib.openPatch("clock", { backend: "memory" });
  ({ clock } = await load("patchstore/testing"));
});
afterEach(() => clock.reset());
after(async () => {
  await patch?.close();
  await remove?.();
});

/** When documents are said to have come, by each way that they come in, and how they are read. */
async function written() {
  const docs = patch.db("d").collection("c");
  await docs.find();
  const one = await docs.insert({});
  const [many] = await docs.insertMany([{}]);
  const inTransaction = await patch.transaction((tx) => tx.db("d").insert("c", {}));
  const ids = [one, many, inTransaction];
  const read = async () => (await Promise.all(ids.map((id) => docs.findOne(id)))).map((doc) => [doc._created, doc._updated]);
  const created = await read();
  assert.deepEqual(await read(), created, "from a copy");
  clock.move(1);
  await docs.update(one, { a: 1 });
  await docs.replace(many, { a: 1 });
  const updated = await read();
  clock.move(-1);
  return { created, updated };
}

test("it stands still where it is set, and moves by what it is told", async () => {
  clock.set(MOMENT);
  assert.equal(clock.now(), MOMENT);
  const { created, updated } = await written();
  assert.deepEqual(created, [[MOMENT, MOMENT], [MOMENT, MOMENT], [MOMENT, MOMENT]]);
  assert.deepEqual(updated, [[MOMENT, MOMENT + 1], [MOMENT, MOMENT + 1], [MOMENT, MOMENT]]);
  clock.set(new Date(MOMENT + DAY_MS));
  clock.move(-DAY_MS);
  assert.equal((await written()).created[0][0], MOMENT);
});

test("one that runs goes on from where it is moved to", async () => {
  const before = Date.now();
  clock.move(DAY_MS);
  const first = (await written()).created[0][0];
  assert.ok(first >= before + DAY_MS && first < before + DAY_MS + 60_000, `${first - before}`);
  await new Promise((done) => setTimeout(done, 5));
  assert.ok(clock.now() > first);
  clock.move(DAY_MS);
  assert.ok(clock.now() >= before + 2 * DAY_MS);
});

test("reset: the real time, and nothing of it is left", async () => {
  clock.set(MOMENT);
  clock.reset();
  assert.deepEqual(Object.getOwnPropertySymbols(globalThis).map(String).filter((name) => name.includes("patchstore")), []);
  const before = Date.now();
  const [[created]] = (await written()).created;
  assert.ok(created >= before && created <= Date.now(), `${created}`);
  clock.move(0);
  assert.ok(Math.abs(clock.now() - Date.now()) < 1000, "what it was set to is forgotten");
});

test("only moments that a Date can have, and whole milliseconds", () => {
  for (const wrong of [undefined, null, NaN, 0.5, "7", {}, new Date(NaN), 8.64e15 + 1, Infinity]) {
    assert.throws(() => clock.set(wrong), (error) => lib.isPatchStoreError(error) && error.code === "InvalidArgument", `set ${wrong}`);
  }
  for (const wrong of [undefined, null, NaN, 0.5, "7", 8.64e15, Infinity, 2 ** 60]) {
    assert.throws(() => clock.move(wrong), { code: "InvalidArgument" }, `move ${wrong}`);
  }
  clock.set(8.64e15);
  clock.set(-8.64e15);
});
