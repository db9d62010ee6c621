/**
 * The browser killed at random moments while it writes, by SIGKILL to all its processes: what was
 * acknowledged is there again, no batch is half there, and what is there is a prefix. KILLS says how
 * often (encrypted patches: a third of it), SEED gives the moments of an earlier run again.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ONLY_CHROMIUM } from "./support/browser.mjs";
import * as chromium from "./support/chromium-process.mjs";
import * as firefox from "./support/firefox-process.mjs";
import { serve } from "./support/server.mjs";

const KILLS = Number(process.env.KILLS ?? 5);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
/** A kill comes this late at most, ms after every tab has had an acknowledgement. */
const LATEST_MS = 2500;

/** Mulberry32: numbers in [0, 1) that a seed gives again. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let n = Math.imul(state ^ (state >>> 15), state | 1);
    n ^= n + Math.imul(n ^ (n >>> 7), n | 61);
    return ((n ^ (n >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FEWER = Math.ceil(KILLS / 3);
const CASES = [
  ["Chromium", chromium, ["one", "two"], KILLS, false],
  // WebDriver talks to one window at a time.
  ["Firefox", firefox, ["one"], KILLS, false],
  ["Chromium", chromium, ["one", "two"], FEWER, true],
  ["Firefox", firefox, ["one"], FEWER, true],
].filter(([name]) => name === "Chromium" || !ONLY_CHROMIUM);
for (const [name, { launch }, writers, kills, encrypted] of CASES) {
  const title = `${name} killed ${kills} times${encrypted ? ", with an encrypted patch" : ""}`;
  test(title, { timeout: 60_000 + kills * 30_000 }, async () => {
    console.log(`kill: ${title}, SEED=${SEED}`);
    const next = random(SEED);
    const profile = await mkdtemp(join(tmpdir(), "patchstore-kill-"));
    const server = await serve();
    const promised = Object.fromEntries(writers.map((writer) => [writer, 0]));
    let browser, last, unheard = 0;
    try {
      // The last round only looks.
      for (let round = 0; round <= kills; round++) {
        const when = `SEED=${SEED}, after ${round} kills`;
        browser = await launch(profile, server.origin, { encrypted });
        const tabs = [await browser.openTab()];
        const found = await tabs[0].inspect(writers);
        assert.deepEqual(found.wrong, [], when);
        last = found.last;
        for (const writer of writers) {
          assert.ok(last[writer] >= promised[writer], `${when}: ${writer}'s ${promised[writer]} is lost, ${last[writer]} is there`);
          unheard += last[writer] - promised[writer];
        }
        if (round === kills) break;
        while (tabs.length < writers.length) tabs.push(await browser.openTab());
        const failures = await writeUntilKilled(browser, tabs, writers, last, promised, next);
        assert.deepEqual(failures, [], when);
      }
      const total = writers.reduce((sum, writer) => sum + last[writer], 0);
      console.log(`kill: ${title}: ${total} batches, none lost or in part, ${unheard} of them never heard of`);
      assert.ok(total >= kills * writers.length, `only ${total} batches were written`);
    } finally {
      await browser?.kill();
      await server.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}

/**
 * Each tab writes from its last batch on, until the browser is killed. Fills in `promised`: the highest
 * number acknowledged, which promises those below it too, since what is there is a prefix.
 * @returns what failed before that
 */
async function writeUntilKilled(browser, tabs, writers, last, promised, next) {
  let killed = false;
  const failures = [];
  const begun = tabs.map(
    (tab, at) =>
      new Promise((begun) => {
        const acknowledged = (writer, n) => {
          promised[writer] = Math.max(promised[writer], n);
          begun();
        };
        tab.write(writers[at], last[writers[at]] + 1, acknowledged).catch((error) => {
          if (!killed) failures.push(error);
          begun();
        });
      }),
  );
  await Promise.all(begun);
  await sleep(next() ** 2 * LATEST_MS);
  killed = true;
  await browser.kill();
  return failures;
}
