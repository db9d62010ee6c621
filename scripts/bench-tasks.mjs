/**
 * Measures for how long single tasks keep the page while each public call works on many records, by the browser's
 * observer of long tasks (which hears of those above 50 ms), in headless Chromium on a profile on disk.
 *
 *   COUNT=1000000       records (default 300 000)
 *   ONLY=find,copyNode  only the calls whose names hold one of these
 *   PROFILE=1           also what ran in the longest tasks, by a trace: the processor's time, garbage collection, and the functions
 *                       that took most, with what they call and by themselves (of a wasm built with NAMED=1)
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBrowser } from "../tests/browser/support/browser.mjs";
import { serve } from "../tests/browser/support/server.mjs";
import { traced } from "./bench/trace.mjs";

const count = Number(process.env.COUNT ?? 300_000);
const only = process.env.ONLY?.split(",");

/** What is measured, in this order: each gets what is open, and finds what the ones before have left. */
const CALLS = {
  "kv.setMany": ({ kv, pairs }) => kv.setMany(pairs),
  "kv.set, at once": ({ kv, n }) => Promise.all(Array.from({ length: n }, (_, i) => kv.set(`set ${i}`, i))),
  "kv.keys": ({ kv }) => kv.keys(),
  "kv.entries": ({ kv }) => kv.entries(),
  "kv.entries, reversed": ({ kv }) => kv.entries({ reverse: true }),
  "kv.iterate": async ({ kv }) => {
    let seen = 0;
    for await (const _ of kv.iterate()) seen++;
    return seen;
  },
  "kv.count": ({ kv }) => kv.count({ gte: "k" }),
  "kv.getMany": ({ kv, keys }) => kv.getMany(keys),
  "kv.get, at once": ({ kv, keys }) => Promise.all(keys.map((key) => kv.get(key))),
  "kv.deleteMany": ({ kv, keys }) => kv.deleteMany(keys.filter((_, at) => at % 2)),
  "db.insertMany": ({ db, docs }) => db.insertMany(docs),
  "db.insert, at once": ({ other, docs }) => Promise.all(docs.map((doc) => other.insert(doc))),
  "db.find": ({ db }) => db.find(),
  "db.find, again": ({ db }) => db.find(),
  "db.find, equality": ({ db }) => db.find({ group: 7 }),
  "db.find, nested": ({ db }) => db.find({ "by.name": "name 7" }),
  "db.find, sorted": ({ db }) => db.find({}, { sort: { text: 1 } }),
  "db.find, sorted, some": ({ db }) => db.find({}, { sort: { text: -1, n: 1 }, skip: 1000, limit: 1000 }),
  "db.find, fields": ({ db }) => db.find({}, { fields: ["n", "by.name"] }),
  "db.findOne, none": ({ db }) => db.findOne({ group: "none" }),
  "db.count": ({ db }) => db.count(),
  "db.count, equality": ({ db }) => db.count({ group: 7 }),
  "db.collections": ({ patch }) => patch.db("docs").collections(),
  "transaction: insertMany": ({ patch, docs }) => patch.transaction((tx) => tx.db("tx").insertMany("many", docs)),
  "transaction: inserts": ({ patch, docs }) =>
    patch.transaction(async (tx) => {
      for (const doc of docs) await tx.db("tx").insert("single", doc);
    }),
  "transaction: inserts at once": ({ patch, docs }) =>
    patch.transaction((tx) => Promise.all(docs.map((doc) => tx.db("tx").insert("at once", doc)))),
  "transaction: sets and finds": ({ patch, keys }) =>
    patch.transaction(async (tx) => {
      await tx.kv("tx").setMany(keys.map((key) => [key, 1]));
      await tx.kv("tx").entries();
      await tx.kv("tx").deleteMany(keys);
    }),
  "updateMany": ({ db }) => db.updateMany({}, { changed: true }),
  "define: an index": ({ define }) => define({ indexes: [{ fields: ["group", "n"] }] }),
  "define: a unique index": ({ define }) => define({ indexes: [{ fields: ["group", "n"] }, { fields: ["n"], unique: true }] }),
  "define: no index": ({ define }) => define({}),
  "define: a reference": async ({ patch, define }) => {
    await patch.db("docs").insertMany("parents", [{ _id: "parent" }]);
    await define({ references: { parent: { collection: "parents", onDelete: "cascade" }, other: { collection: "parents", onDelete: "set-null" } } });
  },
  "define: a sequence": ({ define }) => define({ sequences: { no: {} } }),
  "children of one parent": async ({ patch, define, docs }) => {
    await define({});
    await patch.db("docs").define("children", { references: { of: { collection: "parents", onDelete: "cascade" } } });
    await patch.db("docs").define("letGo", { references: { of: { collection: "parents", onDelete: "set-null" } } });
    await patch.db("docs").insertMany("children", docs.map(({ n }) => ({ n, of: "parent" })));
    await patch.db("docs").insertMany("letGo", docs.map(({ n }) => ({ n, of: "parent" })));
  },
  "delete of one parent": ({ patch }) => patch.db("docs").delete("parents", "parent"),
  "migrate: updateMany": ({ migrate }) => migrate((db) => db.updateMany("docs", {}, { half: true })),
  "migrate: iterate": ({ migrate }) =>
    migrate(async (db) => {
      for await (const { _id, n } of db.iterate("docs")) await db.update("docs", _id, { half: n / 2 });
    }),
  "nodes": ({ patch }) => patch.nodes(),
  "node: setMany": ({ patch, pairs }) => patch.node("a").kv.setMany(pairs),
  "copyNode": ({ patch }) => patch.copyNode("a", "b"),
  "deleteNode": ({ patch }) => patch.deleteNode("b"),
  "message: find": ({ patch }) => patch.dbObject({ node: "n", name: "docs" }).send({ find: "docs" }),
  "message: keys": ({ patch }) => patch.kvObject({ node: "a" }).send("keys"),
  "sandbox: find": ({ client }) => client.db.store("docs").find("docs"),
  "sandbox: setMany": ({ client, pairs }) => client.kv.store("docs").setMany(pairs.slice(0, pairs.length / 10)),
  "stats": ({ patch }) => patch.stats(),
  "flush": ({ patch }) => patch.flush(),
  "compact": ({ patch }) => patch.compact(),
  "copyPatch": ({ lib }) => lib.copyPatch("tasks", "tasks copied"),
  "listPatches": ({ lib }) => lib.listPatches(),
  "close and open": async (all) => {
    await all.patch.close();
    all.reopen(await all.lib.openPatch("tasks"));
  },
  "db.find, cold": ({ db }) => db.find(),
  "db.drop": ({ db }) => db.drop(),
  "kv.clear": ({ kv }) => kv.clear(),
  "compact, emptied": ({ patch }) => patch.compact(),
  "deletePatchData": ({ lib }) => lib.deletePatchData("tasks copied"),
};

/** Runs in the page: refers to nothing of this module. */
async function setUp({ n }) {
  const lib = await import("/pkg/index.js");
  const { connect } = await import("/pkg/sandbox.js");
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
  observer.observe({ entryTypes: ["longtask"] });
  const text = (i) => `${(i * 7919) % n} ${"lorem ipsum dolor sit amet ".repeat(3)}`;
  const all = {
    lib,
    n,
    keys: Array.from({ length: n }, (_, i) => `key ${i}`),
    pairs: Array.from({ length: n }, (_, i) => [`key ${i}`, { n: i, text: text(i) }]),
    docs: Array.from({ length: n }, (_, i) => ({ n: i, group: i % 100, by: { name: `name ${i % 1000}` }, text: text(i) })),
    reopen(patch) {
      all.patch = patch;
      all.kv = patch.kv("pairs");
      all.db = patch.db("docs").collection("docs");
      all.other = patch.db("docs").collection("other");
      const { port1, port2 } = new MessageChannel();
      patch.serve(port1, { node: "n", stores: ["docs"], access: "readwrite", maxValueBytes: 1 << 30 });
      all.client = connect(port2);
    },
    define: (definition) => all.patch.db("docs").define("docs", definition),
    async migrate(change) {
      await all.patch.close();
      all.version += 1;
      all.reopen(await lib.openPatch("tasks", { version: all.version, migrate: (tx) => change(tx.db("docs")) }));
    },
    version: 0,
  };
  all.reopen(await lib.openPatch("tasks"));
  const rest = () => new Promise((resolve) => setTimeout(resolve, 300));
  globalThis.measure = async (call) => {
    await rest();
    tasks.push(...observer.takeRecords());
    tasks.length = 0;
    performance.mark("begun");
    const start = performance.now();
    let failed;
    try {
      await call(all);
    } catch (error) {
      failed = String(error);
    }
    const ms = performance.now() - start;
    await rest();
    tasks.push(...observer.takeRecords());
    return { ms, failed, long: tasks.map((task) => task.duration) };
  };
}

const profile = await mkdtemp(join(tmpdir(), "patchstore-tasks-"));
const server = await serve();
const browser = await openBrowser({ profile, args: ["--enable-precise-memory-info", "--js-flags=--max-old-space-size=8192"] });
try {
  const page = await browser.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  await page.evaluate(`(${setUp})(${JSON.stringify({ n: count })})`);
  const wanted = Object.entries(CALLS).filter(([name]) => !only || only.some((part) => name.includes(part)));
  console.log(`${"tasks above 50 ms".padEnd(32)}${"ms in all".padStart(12)}${"how many".padStart(10)}${"longest, ms".padStart(13)}`);
  for (const [name, call] of wanted) {
    const run = () => page.evaluate(`measure(${call})`);
    const { result, tasks } = process.env.PROFILE ? await traced(page, run) : { result: await run(), tasks: [] };
    const { ms, failed, long } = result;
    const longest = Math.max(0, ...long);
    const row = [ms.toFixed(0).padStart(12), String(long.length).padStart(10), longest.toFixed(0).padStart(13)];
    console.log(`${name.padEnd(32)}${row.join("")}${failed ? `  ${failed}` : ""}`);
    for (const { ms, cpuMs, collectingMs, functions } of tasks) {
      console.log(`    a task of ${ms.toFixed(0)} ms: ${cpuMs.toFixed(0)} ms of the processor, ${collectingMs.toFixed(0)} ms of them garbage collection`);
      console.log(functions.map((line) => `        ${line}`).join("\n"));
    }
  }
} finally {
  await browser.close();
  await server.close();
  await rm(profile, { recursive: true, force: true });
}
