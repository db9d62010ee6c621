/** Synchronisation at full size: 100 000 records on each of two devices, by the calls that applications have. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPacked } from "../browser/support/packed.mjs";

const RECORDS = 100_000;
const DIFFERENCES = 10;
/** Of a new device. */
const PAGE = 5_000;
/** What finding and fetching the differences may take. */
const MOST_TRIPS = 20;
const MOST_BYTES = 100_000;

let home, remove, lib;
before(async () => {
  let installed;
  ({ home, installed, remove } = await installPacked());
  lib = await import(pathToFileURL(createRequire(join(home, "app.mjs")).resolve("patchstore")));
});
after(() => remove?.());

const open = (id) => lib.openPatch(id, { backend: "memory", opLog: true });

/** A device that is far away: each call is a trip, whose bytes count, of whatever is asked at once. */
function far({ opLog }) {
  const wire = { trips: 0, bytes: 0 };
  const sent = (bytes) => {
    wire.bytes += bytes.length;
    return bytes;
  };
  const json = (value) => JSON.parse(new TextDecoder().decode(sent(new TextEncoder().encode(JSON.stringify(value)))));
  const entries = (list) => lib.decodeEntries(sent(lib.encodeEntries(list)));
  const ask = (what, of) => {
    wire.trips += 1;
    return of(json(what));
  };
  return {
    wire,
    digests: async (paths) => json(await ask(paths, (paths) => Promise.all(paths.map((path) => opLog.merkle(path))))),
    records: async (paths) => entries((await ask(paths, (paths) => Promise.all(paths.map((path) => opLog.records(path))))).flat()),
    page: async (after) => entries(await ask({ after }, ({ after }) => opLog.records("", { after, limit: PAGE }))),
    apply: async (list) => json(await ask("apply", () => opLog.apply(entries(list)))),
  };
}

/** The paths of the leaves below which two devices differ, a level of the tree in each trip. */
async function differing(near, there) {
  let paths = [""];
  const leaves = [];
  while (paths.length > 0) {
    const theirs = await there.digests(paths);
    const next = [];
    for (const [at, path] of paths.entries()) {
      const [mine, other] = [await near.opLog.merkle(path), theirs[at]];
      if (mine.hash === other.hash) continue;
      const children = Object.keys({ ...mine.children, ...other.children });
      if (children.length === 0) leaves.push(path);
      next.push(...children.filter((child) => mine.children[child] !== other.children[child]));
    }
    paths = next;
  }
  return leaves;
}

const root = async ({ opLog }) => (await opLog.merkle()).hash;

test(`a new device takes ${RECORDS} records from another, and later the ${DIFFERENCES} that differ, in few trips`, async (t) => {
  const [a, b] = [await open("a"), await open("b")];
  const [kv, docs] = [a.kv("s"), a.db("d").collection("notes")];
  const key = (n) => `key ${n}`;
  await kv.setMany(Array.from({ length: RECORDS - 1_000 }, (_, n) => [key(n), { n, text: `value ${n}` }]));
  const ids = await docs.insertMany(Array.from({ length: 1_000 }, (_, n) => ({ n, text: `note ${n}` })));

  // From nothing, by records alone.
  const first = far(a);
  let fetched = 0;
  for (let after; ; ) {
    const page = await first.page(after);
    if (page.length === 0) break;
    const { applied, refused } = await b.opLog.apply(page);
    assert.deepEqual([applied, refused], [page.length, []]);
    fetched += page.length;
    after = page.at(-1).key;
  }
  assert.equal(fetched, RECORDS);
  assert.equal(await root(b), await root(a));
  assert.deepEqual([await b.kv("s").count(), await b.db("d").collection("notes").count()], [RECORDS - 1_000, 1_000]);
  t.diagnostic(`from nothing: ${first.wire.trips} trips, ${first.wire.bytes} bytes`);

  assert.equal(await a.opLog.markSynced(Infinity), RECORDS);

  // What differs: written again, removed, new, on either.
  for (let n = 0; n < 4; n++) await kv.set(key(n * 9_001), { n, text: "changed" });
  await kv.delete(key(77));
  await kv.set("new", "there");
  await docs.update(ids[500], { text: "changed" });
  for (let n = 0; n < 2; n++) await b.kv("s").set(key(n * 9_001 + 5), "changed here");
  await b.kv("s").set("also new", "here");
  const [ofA, ofB] = [await a.opLog.pending(), await b.opLog.pending()];
  assert.equal(new Set([...ofA, ...ofB].map(({ key }) => key)).size, DIFFERENCES);
  assert.notEqual(await root(b), await root(a));

  const there = far(a);
  const leaves = await differing(b, there);
  assert.ok(leaves.length > 0 && leaves.length <= DIFFERENCES, `${leaves.length} leaves`);
  const theirs = await there.records(leaves);
  assert.equal((await b.opLog.apply(theirs)).applied, ofA.length);
  // What it has written itself goes the other way.
  assert.equal((await there.apply(ofB.map(({ id, ...entry }) => entry))).applied, ofB.length);
  assert.equal(await root(b), await root(a));
  t.diagnostic(`${DIFFERENCES} differences: ${there.wire.trips} trips, ${there.wire.bytes} bytes, ${theirs.length} records fetched`);
  assert.ok(there.wire.trips <= MOST_TRIPS, `${there.wire.trips} trips`);
  assert.ok(there.wire.bytes <= MOST_BYTES, `${there.wire.bytes} bytes`);
  for (const patch of [a, b]) {
    assert.deepEqual(await patch.kv("s").get(key(9_001)), { n: 1, text: "changed" });
    assert.equal(await patch.kv("s").get(key(9_006)), "changed here");
    assert.equal(await patch.kv("s").has(key(77)), false);
    assert.equal((await patch.db("d").collection("notes").findOne(ids[500])).text, "changed");
    await patch.close();
  }
});
