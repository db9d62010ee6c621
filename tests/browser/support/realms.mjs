/** Pages, frames and workers of one browser with a teller of the bank in each. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a realm that runs may take to see what others committed; the poll is every 700 ms. */
const SEEN_MS = 5000;
/** How long anything may take that must happen some time. */
const PATIENCE_MS = 30_000;

/** Adds a page with a teller; `mute` takes BroadcastChannel away before anything is loaded. */
export async function openTab(browser, origin, name, { mute = false, encrypted = false } = {}) {
  const page = await browser.newPage();
  if (mute) await page.addInitScript(() => delete globalThis.BroadcastChannel);
  await page.goto(`${origin}/tests/browser/engine/page.html`);
  return staffed(page, origin, name, { mute, encrypted });
}

/** Adds a same-origin frame to a page. The page's init scripts run in it too. */
export async function openFrame(page, origin, name, { mute = false, encrypted = false } = {}) {
  await page.evaluate(async (source) => {
    const frame = document.createElement("iframe");
    frame.src = source;
    const loaded = new Promise((resolve) => (frame.onload = resolve));
    document.body.append(frame);
    await loaded;
  }, `${origin}/tests/browser/engine/page.html`);
  return staffed(page.frames().at(-1), origin, name, { mute, encrypted });
}

/** Adds a dedicated module worker to a page. */
export async function openWorker(page, origin, name, { mute = false, encrypted = false } = {}) {
  const started = page.waitForEvent("worker");
  await page.evaluate((source) => {
    const blob = new Blob([source], { type: "text/javascript" });
    globalThis.worker = new Worker(URL.createObjectURL(blob), { type: "module" });
  }, mute ? "delete globalThis.BroadcastChannel;" : "");
  return staffed(await started, origin, name, { mute, encrypted });
}

async function staffed(realm, origin, name, { mute, encrypted }) {
  const hasChannels = await realm.evaluate(() => typeof BroadcastChannel !== "undefined");
  if (hasChannels === mute) throw new Error(`${name}: BroadcastChannel is ${mute ? "still" : "not"} there`);
  await realm.evaluate(
    async ([origin, name, encrypted]) => {
      const { Teller } = await import(`${origin}/tests/browser/support/bank.mjs`);
      globalThis.teller = await Teller.open(name, encrypted);
    },
    [origin, name, encrypted],
  );
  return realm;
}

/** What a realm sees, and what it was acknowledged. */
export const look = (realm) => realm.evaluate(() => teller.look());
export const account = (realm) => realm.evaluate(() => ({ ...teller.acknowledged, wrong: teller.wrong }));

/** Asks until `isEnough(answer)`; the last answer, be it enough or not. */
export async function ask(question, isEnough, patience = PATIENCE_MS) {
  const deadline = Date.now() + patience;
  for (;;) {
    const answer = await question();
    if (isEnough(answer) || Date.now() > deadline) return answer;
    await sleep(20);
  }
}

/** Every realm, by name, comes to see `expected` in time. */
export async function assertAllSee(realms, expected) {
  const isExpected = (seen) => JSON.stringify(seen) === JSON.stringify(expected);
  const views = await Promise.all(Object.values(realms).map((realm) => ask(() => look(realm), isExpected, SEEN_MS)));
  Object.keys(realms).forEach((name, at) => assert.deepEqual(views[at], expected, `as ${name} sees it`));
}
