/** Runs tests of the API inside a page: each case is a function that gets the kit. */
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openBrowser } from "../support/browser.mjs";
import { serve } from "../support/server.mjs";
import { drive } from "../support/webdriver.mjs";

const PAGE = "/tests/browser/api/page.html";
/** How often is asked whether a page has answered. */
const POLL_MS = 20;

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
    await page.goto(`${server.origin}${PAGE}`);
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

/** The same in Firefox and in WebKit, too: one test for each, with a step for each case. */
export function inEveryBrowser(cases) {
  inPage(cases);
  for (const name of ["firefox", "webkit"]) {
    test(`in ${name}`, { timeout: 300_000 }, async (t) => {
      const server = await serve();
      const browser = await drive(name);
      try {
        for (const [title, run] of Object.entries(cases)) {
          await t.test(title, async () => {
            await browser.open(`${server.origin}${PAGE}`);
            await browser.module(`
              import * as kit from "/tests/browser/api/kit.mjs";
              const { dataset } = document.documentElement;
              try {
                await (${run.toString()})(kit);
                dataset.answer = "passed";
              } catch (error) {
                dataset.answer = String(error?.message) + "\\n" + String(error?.stack);
              }
            `);
            let answer;
            while (!answer) {
              // (Asked all the time, it would have little left to work with.)
              await sleep(POLL_MS);
              answer = await browser.run("return document.documentElement.dataset.answer");
            }
            if (answer !== "passed") throw new Error(answer);
          });
        }
      } finally {
        await browser.kill();
        await server.close();
      }
    });
  }
}
