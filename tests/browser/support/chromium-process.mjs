/** Chromium as processes of ours: to be killed, or to be left as it is without a driver's switches. */
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { ARGS, BINARY } from "./browser.mjs";
import { killAll, start } from "./processes.mjs";

/**
 * Starts it on `profile`, with none of the switches and emulations by which a driver keeps hidden tabs
 * awake and leaves the back-forward cache out.
 */
export async function run(profile) {
  const flags = ["--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
  const child = start(BINARY, [...ARGS, ...flags, "about:blank"]);
  try {
    const endpoint = await new Promise((resolve, reject) => {
      createInterface({ input: child.stderr }).on("line", (line) => {
        const found = /DevTools listening on (ws:\S+)/.exec(line);
        if (found) resolve(found[1]);
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`Chromium ended with ${code}`)));
    });
    const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true });
    return { context: browser.contexts()[0], kill: () => killAll(child) };
  } catch (error) {
    await killAll(child);
    throw error;
  }
}

/** The same, for tabs that hold the patch "kill". */
export async function launch(profile, origin, { encrypted = false } = {}) {
  const { context, kill } = await run(profile);
  return { kill, openTab: () => openTab(context, origin, encrypted) };
}

async function openTab(context, origin, encrypted) {
  const page = await context.newPage();
  await page.goto(`${origin}/tests/browser/engine/page.html`);
  await page.evaluate(async (encrypted) => {
    globalThis.batches = await import("/tests/browser/support/batches.mjs");
    const { keyed } = await import("/tests/browser/support/keyed.mjs");
    const { openPatch } = await import("/pkg/index.js");
    globalThis.patch = await openPatch("kill", keyed(encrypted));
  }, encrypted);
  return {
    inspect: (writers) => page.evaluate((writers) => batches.inspect(patch, writers), writers),
    /** Writes until it fails; `acknowledged` hears of every batch. */
    async write(writer, first, acknowledged) {
      await page.exposeFunction("acknowledged", acknowledged);
      await page.evaluate(([writer, first]) => batches.write(patch, writer, first, acknowledged), [writer, first]);
    },
  };
}
