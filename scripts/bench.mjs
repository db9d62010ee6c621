/**
 * Measures patchstore next to plain IndexedDB, in one run of headless Chromium.
 * ROUNDS sets how often each is measured (default 3); the median is printed.
 */
import { fileURLToPath } from "node:url";
import { mkdir, writeFile } from "node:fs/promises";
import { openBrowser } from "../tests/browser/support/browser.mjs";
import { serve } from "../tests/browser/support/server.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const rounds = Number(process.env.ROUNDS ?? 3);

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const cell = (ms) => (ms >= 10 ? `${ms.toFixed(0)} ms` : ms >= 1 ? `${ms.toFixed(1)} ms` : `${(1000 * ms).toFixed(0)} µs`);

const server = await serve();
const browser = await openBrowser();
try {
  const runs = [];
  for (let round = 0; round < rounds; round++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(error));
    await page.goto(`${server.origin}/www/bench/index.html`);
    runs.push(await page.evaluate(() => globalThis.measure()));
    await context.close();
  }
  const rows = runs[0].map(({ name }, at) => ({
    name,
    patchstore: median(runs.map((run) => run[at].patchstore)),
    indexeddb: median(runs.map((run) => run[at].indexeddb)),
  }));
  console.log(`${"per operation".padEnd(40)}${"patchstore".padStart(12)}${"IndexedDB".padStart(12)}${"ratio".padStart(9)}`);
  for (const { name, patchstore, indexeddb } of rows) {
    const ratio = `${(indexeddb / patchstore).toFixed(1)}×`;
    console.log(name.padEnd(40) + cell(patchstore).padStart(12) + cell(indexeddb).padStart(12) + ratio.padStart(9));
  }
  await mkdir(`${root}target`, { recursive: true });
  await writeFile(`${root}target/bench.json`, JSON.stringify({ browser: browser.version(), rounds, rows }, null, 2));
} finally {
  await browser.close();
  await server.close();
}
