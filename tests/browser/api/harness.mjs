/** Runs tests of the API inside a page: each case is a function that gets the kit. */
import { after, before, beforeEach, test } from "node:test";
import { openBrowser } from "../support/browser.mjs";
import { serve } from "../support/server.mjs";

/**
 * Declares one test per case. A case runs in the page, so it can refer to nothing of the
 * module that it is written in.
 * @param {Record<string, (kit: any) => Promise<void>>} cases
 */
export function inPage(cases) {
  let server, browser, page;
  before(async () => {
    server = await serve();
    browser = await openBrowser();
    page = await browser.newPage();
    page.on("pageerror", (error) => {
      if (!String(error).includes("expected by a test")) console.error("page error:", error);
    });
  });
  // A page of its own for each case: what one breaks, the next does not see.
  beforeEach(async () => {
    await page.goto(`${server.origin}/tests/browser/api/page.html`);
    await page.waitForFunction(() => globalThis.kit !== undefined);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
  for (const [name, run] of Object.entries(cases)) {
    test(name, async () => {
      await page.evaluate(`(${run.toString()})(globalThis.kit)`);
    });
  }
}
