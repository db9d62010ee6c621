/** Many realms on one patch, all writing the same keys: nothing lost, nothing doubled, all agree. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { account, assertAllSee, openFrame, openTab, openWorker } from "./support/realms.mjs";
import { serve } from "./support/server.mjs";

let server, browser;
before(async () => {
  server = await serve();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Runs `work` with storage of its own, shared by the context's tabs. */
async function inContext(work) {
  const context = await browser.newContext();
  try {
    return await work(context);
  } finally {
    await context.close();
  }
}

for (const [title, options] of [
  ["four tabs, a worker and a frame", {}],
  ["without BroadcastChannel", { mute: true }],
  ["with an encrypted patch", { encrypted: true }],
]) {
  test(`${title}: sums are exact in every realm, and soon`, { timeout: 180_000 }, () =>
    inContext(async (context) => {
      const realms = {};
      for (const name of ["tab 1", "tab 2", "tab 3", "tab 4"]) {
        realms[name] = await openTab(context, server.origin, name, options);
      }
      realms.frame = await openFrame(realms["tab 1"], server.origin, "frame", options);
      realms.worker = await openWorker(realms["tab 2"], server.origin, "worker", options);
      const rounds = 25, names = Object.keys(realms);
      await Promise.all(Object.values(realms).map((realm) => realm.evaluate((rounds) => teller.work(rounds), rounds)));
      const each = Object.fromEntries(names.sort().map((name) => [name, rounds]));
      await assertAllSee(realms, { all: names.length * rounds, by: each, transfers: each, balance: 0 });
      for (const name of names) {
        assert.deepEqual(await account(realms[name]), { updates: 2 * rounds, transfers: rounds, wrong: [] }, name);
      }
    }),
  );
}
