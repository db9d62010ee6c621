/**
 * Measures what the clock must show of the engine itself, in headless Chromium on a profile on
 * disk: how long opening takes with few and with many records, and how long single tasks keep the
 * page while 100 000 documents are inserted, flushed and merged.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBrowser } from "../tests/browser/support/browser.mjs";
import { serve } from "../tests/browser/support/server.mjs";

const profile = await mkdtemp(join(tmpdir(), "patchstore-bench-"));
const server = await serve();
const browser = await openBrowser({ profile });

async function inPage(work, argument) {
  const page = await browser.newPage();
  try {
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    return await page.evaluate(
      `(async () => (${work})(await import("/pkg/index.js"), ${JSON.stringify(argument)}))()`,
    );
  } finally {
    await page.close();
  }
}

async function fill(lib, { id, records }) {
  const patch = await lib.openPatch(id);
  for (let from = 0; from < records; from += 50_000) {
    const count = Math.min(50_000, records - from);
    const value = (n) => `${n} ${"lorem ipsum dolor sit amet ".repeat(3)}`.slice(0, 80);
    await patch.kv("many").setMany(Array.from({ length: count }, (_, i) => [`key-${from + i}`, value(from + i)]));
  }
  await patch.compact();
  await patch.close();
}

async function openings(lib, { id, times }) {
  await lib.init();
  const took = [];
  for (let n = 0; n < times; n++) {
    const start = performance.now();
    const patch = await lib.openPatch(id);
    took.push(performance.now() - start);
    await patch.close();
  }
  return took.sort((a, b) => a - b);
}

async function insertAll(lib, { count }) {
  await lib.init();
  const tasks = [];
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) tasks.push({ startTime, duration });
  }).observe({ entryTypes: ["longtask"] });
  const patch = await lib.openPatch("tasks");
  const docs = Array.from({ length: count }, (_, n) => ({
    n, name: `document ${n}`, group: n % 100, text: `${n} ${"lorem ipsum dolor sit amet ".repeat(9)}`.slice(0, 210),
  }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const start = performance.now();
  await patch.db("docs").insertMany("docs", docs);
  const inserted = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const compact = performance.now();
  await patch.compact();
  const compacted = performance.now() - compact;
  await new Promise((resolve) => setTimeout(resolve, 300));
  await patch.close();
  return { inserted, compacted, long: tasks.filter((task) => task.startTime >= start) };
}

try {
  const median = {};
  for (const records of [10_000, 1_000_000]) {
    const id = `open-${records}`;
    await inPage(fill.toString(), { id, records });
    const took = await inPage(openings.toString(), { id, times: 31 });
    median[records] = took[15];
    console.log(`opening with ${records} records: median ${took[15].toFixed(1)} ms, fastest ${took[0].toFixed(1)} ms`);
  }
  console.log(`opening, many to few: ${(median[1_000_000] / median[10_000]).toFixed(2)} (at most 2)`);
  for (let round = 1; round <= 3; round++) {
    const { inserted, compacted, long } = await inPage(insertAll.toString(), { count: 100_000 });
    const longest = Math.max(0, ...long.map((task) => task.duration));
    console.log(
      `round ${round}: insertMany of 100 000 in ${inserted.toFixed(0)} ms, compact in ${compacted.toFixed(0)} ms, ` +
        `tasks over 50 ms: ${long.length}, the longest ${longest.toFixed(0)} ms (at most 50)`,
    );
  }
} finally {
  await browser.close();
  await server.close();
  await rm(profile, { recursive: true, force: true });
}
