/** The same work on patchstore and on plain IndexedDB, timed. */
import { openPatch } from "/pkg/index.js";
import { openPlain } from "./plain.js";

const DOCUMENTS = 10_000;
const AWAITED = 200;
const AT_ONCE = 5_000;
const GROUPS = 100;

/** Documents of about 300 bytes, the same at each run. */
const documents = Array.from({ length: DOCUMENTS }, (_, at) => ({
  number: at,
  group: `group ${at % GROUPS}`,
  title: `Document number ${at}`,
  text: "lorem ipsum dolor sit amet ".repeat(7),
  tags: ["one", "two", `tag ${at % 7}`],
}));

/** Each runs on one engine: it prepares what it needs, and gives the work with its share. */
const tasks = [
  ["insert 10 000 documents at once", 1, (e) => e.insertMany(documents)],
  ["one awaited set", AWAITED, (e) => inTurn(AWAITED, (at) => e.set(`k${at}`, { at }))],
  ["5 000 sets at once, each", AT_ONCE, (e) => together(AT_ONCE, (at) => e.set(`k${at}`, { at }))],
  ["one awaited get", AWAITED, (e) => inTurn(AWAITED, (at) => e.get(`k${at}`))],
  ["one awaited update", AWAITED, (e) => inTurn(AWAITED, () => e.update("count", (n = 0) => n + 1))],
  ["read all documents", 1, (e) => e.all()],
  ["equality query, 100 hits, no index", 1, (e) => e.query("group 7")],
];

async function inTurn(times, step) {
  for (let at = 0; at < times; at++) await step(at);
}

const together = (times, step) => Promise.all(Array.from({ length: times }, (_, at) => step(at)));

async function openEngine() {
  const patch = await openPatch("bench");
  const kv = patch.kv("bench");
  const found = patch.db("bench").collection("documents");
  return {
    insertMany: (docs) => found.insertMany(docs),
    set: (key, value) => kv.set(key, value),
    get: (key) => kv.get(key),
    update: (key, change) => kv.update(key, change),
    all: () => found.find(),
    query: (group) => found.find({ group }),
    close: () => patch.close(),
  };
}

/** Milliseconds per operation. */
async function time(engine) {
  const times = [];
  for (const [, share, work] of tasks) {
    const start = performance.now();
    await work(engine);
    times.push((performance.now() - start) / share);
  }
  await engine.close();
  return times;
}

/** Also: opening what is there, up to the first value. */
async function timeReopening(open) {
  const start = performance.now();
  const engine = await open();
  await engine.get("k1");
  const took = performance.now() - start;
  await engine.close();
  return took;
}

globalThis.measure = async () => {
  const columns = {};
  for (const [name, open] of [["patchstore", openEngine], ["indexeddb", openPlain]]) {
    columns[name] = [...(await time(await open())), await timeReopening(open)];
  }
  const names = [...tasks.map(([name]) => name), "open again and get one"];
  return names.map((name, at) => ({
    name,
    patchstore: columns.patchstore[at],
    indexeddb: columns.indexeddb[at],
  }));
};
