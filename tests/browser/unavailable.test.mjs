/** Realms of an opaque origin, which may not store anything: openPatch says so, and why. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, browser;
before(async () => {
  // To an opaque origin every module is of another one.
  server = await serve(undefined, { "access-control-allow-origin": "*" });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function openPage() {
  const page = await browser.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  return page;
}

/** What opening comes to in a realm, with either backend. */
async function open(library) {
  const { openPatch, isPatchStoreError } = await import(library);
  const origin = self.origin;
  const late = new Promise((resolve) => setTimeout(resolve, 8000, null));
  const refused = await Promise.race([openPatch("a").then(() => "opened", (error) => error), late]);
  const { code, remedy, message, cause } = refused ?? {};
  const memory = await openPatch("a", { backend: "memory" });
  await memory.kv("s").set("k", 1);
  const value = await memory.kv("s").get("k");
  await memory.close();
  return { origin, code, remedy, message, cause: cause?.name, own: isPatchStoreError(refused), value };
}

function assertRefused(found) {
  assert.equal(found.origin, "null", "the realm's origin is opaque");
  assert.equal(found.code, "Unavailable", JSON.stringify(found));
  assert.ok(found.own);
  // The browser's own reason, in the message for people and as the cause for programs.
  assert.equal(found.cause, "SecurityError");
  assert.match(found.message, /IndexedDB.*SecurityError: .{10,}/);
  assert.equal(found.value, 1, "memory is there when it is asked for");
}

test("a sandboxed frame", async () => {
  const page = await openPage();
  await page.evaluate(async (source) => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.src = source;
    const loaded = new Promise((resolve) => (frame.onload = resolve));
    document.body.append(frame);
    await loaded;
  }, `${server.origin}/tests/browser/engine/page.html`);
  assertRefused(await page.frames().at(-1).evaluate(open, `${server.origin}/pkg/index.js`));
  await page.close();
});

test("a worker from a data: URL", async () => {
  const page = await openPage();
  const started = page.waitForEvent("worker");
  await page.evaluate(() => {
    globalThis.worker = new Worker("data:text/javascript,", { type: "module" });
  });
  assertRefused(await (await started).evaluate(open, `${server.origin}/pkg/index.js`));
  await page.close();
});
