/**
 * What operations cost in counts, which no clock can blur: transactions, requests and bytes that reach
 * IndexedDB. A look at the log, once in a while, reads: so what writes is counted apart.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, browser, profile;

before(async () => {
  profile = await mkdtemp(join(tmpdir(), "patchstore-cost-"));
  server = await serve();
  browser = await openBrowser({ profile });
});
after(async () => {
  await browser?.close();
  await server?.close();
  if (profile) await rm(profile, { recursive: true, force: true });
});

/** Put into a page before anything else. Runs in the page: refers to nothing of this module. */
function ledger() {
  let entry;
  const start = () => (entry = { reading: 0, writing: 0, requests: {}, bytesWritten: 0 });
  start();
  const wrap = (prototype, name, before) => {
    const original = prototype[name];
    prototype[name] = function (...args) {
      before.apply(this, args);
      return original.apply(this, args);
    };
  };
  const bytesOf = (value) => (ArrayBuffer.isView(value) ? value.byteLength : Array.isArray(value) ? value.reduce((sum, one) => sum + bytesOf(one), 0) : 0);
  wrap(IDBDatabase.prototype, "transaction", (_, mode) => (mode === "readwrite" ? entry.writing++ : entry.reading++));
  const names = ["get", "getAll", "getKey", "getAllKeys", "getAllRecords", "count", "openCursor", "openKeyCursor", "put", "add", "delete", "clear"];
  for (const name of names.filter((name) => name in IDBObjectStore.prototype)) {
    wrap(IDBObjectStore.prototype, name, function (value) {
      const key = `${this.transaction.mode === "readwrite" ? "" : "r:"}${this.name}.${name}`;
      entry.requests[key] = (entry.requests[key] ?? 0) + 1;
      if (name === "put" || name === "add") entry.bytesWritten += bytesOf(value);
    });
  }
  /** What `work` costs, with what it gives. */
  globalThis.costOf = async (work) => {
    start();
    const own = entry;
    const result = await work();
    start();
    return { ...own, result };
  };
}

/** Runs `work`, which refers to nothing of this module, in a page of its own. */
async function inPage(work, argument) {
  const page = await browser.newPage();
  try {
    await page.addInitScript(`(${ledger})()`);
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    return await page.evaluate(
      `(async () => (${work})(await import("/pkg/index.js"), ${JSON.stringify(argument)}))()`,
    );
  } finally {
    await page.close();
  }
}

/** The requests of writing transactions. */
const written = ({ requests }) => Object.fromEntries(Object.entries(requests).filter(([name]) => !name.startsWith("r:")));
const sum = (requests) => Object.values(requests).reduce((total, count) => total + count, 0);

test("a warm read makes no request", async () => {
  const costs = await inPage(async (lib) => {
    const patch = await lib.openPatch("warm");
    const [kv, documents] = [patch.kv("s"), patch.db("d").collection("c")];
    await kv.set("a", { text: "a" });
    const ids = await documents.insertMany(Array.from({ length: 200 }, (_, n) => ({ n })));
    await kv.get("a");
    await documents.find();
    const works = {
      get: () => kv.get("a"),
      absent: () => kv.get("b"),
      document: () => documents.findOne(ids[7]),
      "1 000 gets": () => Promise.all(Array.from({ length: 1000 }, () => kv.get("a"))),
      "read all": () => documents.find(),
      equality: () => documents.find({ n: 7 }),
    };
    const costs = {};
    for (const [name, work] of Object.entries(works)) costs[name] = await costOf(work);
    await patch.close();
    return costs;
  });
  assert.deepEqual(costs.get.result, { text: "a" });
  assert.equal(costs["read all"].result.length, 200);
  for (const [name, { reading, writing, requests }] of Object.entries(costs)) {
    assert.deepEqual({ reading, writing, requests }, { reading: 0, writing: 0, requests: {} }, name);
  }
});

test("an awaited write is one transaction with one record, and reads nothing", async () => {
  const costs = await inPage(async (lib) => {
    const patch = await lib.openPatch("single");
    const [kv, documents] = [patch.kv("s"), patch.db("d").collection("c")];
    const id = await documents.insert({ n: 0 });
    await kv.set("a", 0);
    const works = {
      set: () => kv.set("a", "x".repeat(100)),
      insert: () => documents.insert({ text: "x".repeat(100) }),
      update: () => documents.update(id, { text: "x".repeat(100) }),
      "kv update": () => kv.update("a", () => "x".repeat(100)),
    };
    const costs = {};
    for (const [name, work] of Object.entries(works)) costs[name] = await costOf(work);
    await patch.close();
    return costs;
  });
  for (const [name, cost] of Object.entries(costs)) {
    const { "log.put": put = 0, "log.add": add = 0, ...others } = written(cost);
    assert.equal(cost.writing, 1, name);
    assert.equal(put + add, 1, name);
    assert.deepEqual(others, {}, name);
    console.log(`${name} of 100 bytes: ${cost.bytesWritten} bytes written`);
    assert.ok(cost.bytesWritten <= 340, `${name}: ${cost.bytesWritten} bytes for 100`);
  }
});

test("writes issued at once share few transactions", async () => {
  const { sets, inserts } = await inPage(async (lib) => {
    // A patch for each: together they would fill the log, and its flush would count too.
    const patches = [await lib.openPatch("sets-at-once"), await lib.openPatch("inserts-at-once")];
    const [kv, documents] = [patches[0].kv("s"), patches[1].db("d").collection("c")];
    const text = "x".repeat(100);
    const times = (work) => () => Promise.all(Array.from({ length: 5000 }, (_, n) => work(n))).then(() => {});
    const sets = await costOf(times((n) => kv.set(`key ${n}`, { n, text })));
    const inserts = await costOf(times((n) => documents.insert({ n, text })));
    for (const patch of patches) await patch.close();
    return { sets, inserts };
  });
  for (const [name, cost] of Object.entries({ sets, inserts })) {
    console.log(`5 000 ${name} at once: ${cost.writing} transactions, ${JSON.stringify(written(cost))}, ${cost.bytesWritten} bytes`);
    assert.ok(cost.writing <= 5, `${name}: ${cost.writing} transactions`);
    assert.ok(sum(written(cost)) <= 15, `${name}: ${JSON.stringify(written(cost))}`);
    assert.ok(cost.bytesWritten <= 5000 * 280, `${name}: ${cost.bytesWritten} bytes`);
  }
});

test("10 000 documents inserted together are a run written ahead and one frame", async () => {
  const { cost, bytes } = await inPage(async (lib) => {
    const patch = await lib.openPatch("bulk");
    const docs = Array.from({ length: 10_000 }, (_, n) => ({ n, group: `group ${n % 100}`, text: `${n} `.repeat(50).slice(0, 200) }));
    const cost = await costOf(() => patch.db("d").insertMany("c", docs).then(({ length }) => length));
    await patch.close();
    return { cost, bytes: JSON.stringify(docs).length };
  });
  assert.equal(cost.result, 10_000);
  console.log(`10 000 documents: ${cost.writing} transactions, ${JSON.stringify(written(cost))}, ${(cost.bytesWritten / bytes).toFixed(2)} bytes for each`);
  assert.ok(cost.writing <= 6, `${cost.writing} transactions`);
  assert.ok(sum(written(cost)) <= 60, JSON.stringify(written(cost)));
  assert.ok(cost.bytesWritten <= bytes, `${cost.bytesWritten} of ${bytes} bytes`);
});

test("the first get after reopening makes at most three requests, however much is there", async () => {
  const key = await inPage(async (lib) => {
    const patch = await lib.openPatch("cold");
    for (let from = 0; from < 20_000; from += 5000) {
      await patch.kv("s").setMany(Array.from({ length: 5000 }, (_, n) => [`key ${from + n}`, { n: from + n, text: "x".repeat(100) }]));
    }
    await patch.compact();
    await patch.close();
    return "key 12345";
  });
  // A look at the log may fall into one measurement; not into each of three.
  const costs = [];
  for (let time = 0; time < 3; time++) {
    costs.push(await inPage(async (lib, key) => {
      const patch = await lib.openPatch("cold");
      const cost = await costOf(() => patch.kv("s").get(key));
      await patch.close();
      return cost;
    }, key));
  }
  for (const { result } of costs) assert.equal(result.n, 12_345);
  const least = costs.map(({ requests }) => requests).sort((a, b) => sum(a) - sum(b))[0];
  console.log(`first get: ${JSON.stringify(least)}`);
  assert.ok(sum(least) <= 3, JSON.stringify(least));
});
