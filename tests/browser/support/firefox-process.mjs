/** Firefox as processes of ours, to be killed, driven by WebDriver; its tab holds the patch "kill". */
import { drive } from "./webdriver.mjs";

/** How long a script may take: reading everything. */
const SCRIPT_MS = 60_000;

/** Starts it on `profile`. */
export async function launch(profile, origin, { encrypted = false } = {}) {
  const browser = await drive("firefox", { profile, scriptMs: SCRIPT_MS });
  return { kill: browser.kill, openTab: () => openTab(browser, origin, encrypted) };
}

/** What the page itself runs. */
const moduleOf = (encrypted) => `
  import * as batches from "/tests/browser/support/batches.mjs";
  import { keyed } from "/tests/browser/support/keyed.mjs";
  import { openPatch } from "/pkg/index.js";
  const patch = await openPatch("kill", keyed(${encrypted}));
  const state = { last: 0, failure: null };
  const heard = (_, n) => (state.last = Math.max(state.last, n));
  globalThis.inspect = async (writers) => JSON.stringify(await batches.inspect(patch, JSON.parse(writers)));
  globalThis.write = (writer, first) =>
    void batches.write(patch, writer, first, heard).catch((error) => (state.failure = String(error)));
  globalThis.look = () => JSON.stringify(state);
`;

async function openTab(browser, origin, encrypted) {
  const call = (name, ...args) => browser.run(`return window.${name}(...arguments)`, ...args);
  await browser.open(`${origin}/tests/browser/engine/page.html`);
  await browser.module(moduleOf(encrypted));
  const deadline = Date.now() + SCRIPT_MS;
  while (!(await browser.run("return window.look !== undefined"))) {
    if (Date.now() > deadline) throw new Error("the page did not open the patch");
  }
  return {
    inspect: async (writers) => JSON.parse(await call("inspect", JSON.stringify(writers))),
    /** Writes until it fails; `acknowledged` hears of the batches, now and then of several at once. */
    async write(writer, first, acknowledged) {
      await call("write", writer, first);
      for (;;) {
        const { last, failure } = JSON.parse(await call("look"));
        if (failure !== null) throw new Error(failure);
        if (last > 0) acknowledged(writer, last);
      }
    },
  };
}
