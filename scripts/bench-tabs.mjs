/**
 * Measures what waits for other tabs, in four Chromium pages of one origin, on a profile in memory.
 *
 *   UPDATES=400     how many updates beside three writers (default 300)
 *   ROUNDS=5        how often each transaction runs (default 5)
 *
 * Prints how long an `update` takes beside tabs that write at full speed, and whether transactions get through that read
 * and delete what another tab appends to.
 */
import { openBrowser } from "../tests/browser/support/browser.mjs";
import { serve } from "../tests/browser/support/server.mjs";

const UPDATES = Number(process.env.UPDATES ?? 300);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const WRITERS = 3;

const server = await serve();
const browser = await openBrowser();

/** Pages of one origin over the patch `name`. */
async function tabs(name, count) {
  const context = await browser.newContext();
  const pages = [];
  for (let at = 0; at < count; at++) {
    const page = await context.newPage();
    await page.goto(`${server.origin}/tests/browser/api/page.html`);
    await page.waitForFunction(() => globalThis.kit !== undefined);
    await page.evaluate(async (id) => {
      globalThis.patch = await globalThis.kit.lib.openPatch(id);
    }, name);
    pages.push(page);
  }
  return { pages, close: () => context.close() };
}

/** Writes until told to stop: calls that depend on nothing, back to back or every so many ms. */
function write({ pause, into }) {
  globalThis.stopped = false;
  globalThis.written = 0;
  const kv = globalThis.patch.kv(into);
  const me = Math.random().toString(36).slice(2);
  globalThis.writing = (async () => {
    while (!globalThis.stopped) {
      const done = kv.set(`${me}-${globalThis.written++}`, { at: globalThis.written });
      if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
      else await done;
    }
  })();
}

async function stop() {
  globalThis.stopped = true;
  await globalThis.writing;
  return globalThis.written;
}

async function updates() {
  const { pages: [one, ...writers], close } = await tabs("updates", 1 + WRITERS);
  for (const page of writers) await page.evaluate(write, { into: "others" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { times, ms } = await one.evaluate(async (count) => {
    const kv = globalThis.patch.kv("mine");
    const times = [];
    const began = performance.now();
    for (let at = 0; at < count; at++) {
      const start = performance.now();
      await kv.update("count", (old = 0) => old + 1);
      times.push(performance.now() - start);
    }
    return { times, ms: performance.now() - began };
  }, UPDATES);
  const written = await Promise.all(writers.map((page) => page.evaluate(stop)));
  await close();
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))].toFixed(1);
  const rate = Math.round((written.reduce((sum, count) => sum + count, 0) / ms) * 1000);
  console.log(`update beside ${WRITERS} writers: median ${at(0.5)}, 90 % ${at(0.9)}, 99 % ${at(0.99)}, worst ${at(1)} ms; they commit ${rate} a second`);
}

async function transactions(entries, pause, own) {
  const { pages: [one, other], close } = await tabs("inbox", 2);
  let through = 0;
  const runs = [];
  for (let round = 0; round < ROUNDS; round++) {
    await one.evaluate(async (count) => {
      await globalThis.patch.kv("box").setMany(Array.from({ length: count }, (_, at) => [`e${at}`, { at }]));
    }, entries);
    await (own ? one : other).evaluate(write, { into: "box", pause });
    const outcome = await one.evaluate(async () => {
      let runs = 0;
      const began = performance.now();
      const done = await globalThis.patch.transaction(async (tx) => {
        runs++;
        const box = tx.kv("box");
        for (const key of await box.keys()) {
          await box.get(key);
          await box.delete(key);
        }
      }).then(() => true, (error) => error.code);
      return { done, runs, ms: Math.round(performance.now() - began) };
    });
    await (own ? one : other).evaluate(stop);
    through += outcome.done === true;
    runs.push(`${outcome.runs} (${outcome.ms} ms)`);
  }
  await close();
  console.log(`transaction over ${entries} entries, ${own ? "its own" : "another"} tab writes every ${pause} ms: ${through} of ${ROUNDS} get through, runs ${runs.join(", ")}`);
}

try {
  await updates();
  for (const own of [false, true]) {
    await transactions(3_000, 20, own);
    await transactions(100, 3, own);
  }
} finally {
  await browser.close();
  await server.close();
}
