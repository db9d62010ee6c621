/** A tab frozen in the midst of its work must not hold up the others. FAILS: its open readonly transaction does. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./support/chromium-process.mjs";
import { ask, openTab } from "./support/realms.mjs";
import { serve } from "./support/server.mjs";

/** Only hidden tabs can be frozen, and a driver's tabs all count as visible: not this browser's. */
async function inBrowser(work) {
  const profile = await mkdtemp(join(tmpdir(), "patchstore-halted-"));
  const server = await serve();
  const { context, kill } = await run(profile);
  try {
    await work(context, server.origin);
  } finally {
    await kill();
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

for (const isBusy of [false, true]) {
  test(`a tab frozen ${isBusy ? "in the midst of its work" : "idle"} holds nobody up`, { timeout: 120_000 }, () =>
    inBrowser(async (context, origin) => {
      const [frozen, other] = [await openTab(context, origin, "frozen"), await openTab(context, origin, "other")];
      await other.bringToFront();
      let transfers = 0;
      await other.exposeFunction("heard", (counts) => (transfers = counts.transfers));
      if (isBusy) await frozen.evaluate(() => void (globalThis.done = teller.work(Infinity)));
      await other.evaluate(() => void (globalThis.done = teller.work(Infinity, heard)));
      await ask(async () => transfers, (transfers) => transfers >= 10);
      const client = await freeze(frozen);
      const goal = transfers + 10;
      await ask(async () => transfers, (transfers) => transfers >= goal, 10_000);
      assert.ok(transfers >= goal, `held up by a frozen tab: ${goal - transfers} of 10 rounds are missing after 10 s`);
      await client.send("Page.setWebLifecycleState", { state: "active" });
    }),
  );
}

/** Freezes a hidden page, and makes sure that it is: its timers stand still. */
async function freeze(page) {
  await page.evaluate(() => {
    globalThis.froze = new Promise((resolve) => document.addEventListener("freeze", resolve, { once: true }));
    if (!globalThis.timer) {
      globalThis.ticks = 0;
      globalThis.timer = setInterval(() => ticks++, 10);
    }
  });
  const client = await page.context().newCDPSession(page);
  await client.send("Page.setWebLifecycleState", { state: "frozen" });
  await page.evaluate(() => froze);
  const ticks = () => page.evaluate(() => globalThis.ticks);
  const first = await ticks();
  // Timers of hidden tabs run once a second.
  await sleep(1500);
  assert.equal(await ticks(), first, "the page is frozen");
  return client;
}
