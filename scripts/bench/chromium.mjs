/** Headless Chromium, for pages of the benchmark. */
import { openBrowser } from "../../tests/browser/support/browser.mjs";

/**
 * @param {string} profile the directory in which it keeps its data
 * @returns what has `version`, call(url, name, argument), hold(url, name, argument), which leaves the page open, and close()
 */
export async function openChromium(profile) {
  // Counts memory when it is asked, not when it next collects garbage by itself.
  const context = await openBrowser({ profile, args: ["--enable-blink-features=ForceEagerMeasureMemory"] });
  const [blank] = context.pages();
  const session = await context.newCDPSession(blank);
  const { product } = await session.send("Browser.getVersion");

  /** A fresh page at `url`, which is ready. */
  async function ready(url) {
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(error.stack));
    page.on("console", (message) => {
      if (message.type() === "error") console.error(message.text());
    });
    await page.goto(url);
    await page.waitForSelector("html[data-ready]", { state: "attached" });
    return page;
  }

  /** Calls a function of a fresh page, as www/bench/run.js says, and leaves the page open. */
  async function hold(url, name, argument, patience_ms) {
    const page = await ready(url);
    try {
      await page.evaluate((call) => {
        document.documentElement.dataset.call = call;
        document.dispatchEvent(new Event("call"));
      }, JSON.stringify({ name, argument }));
      await page.waitForSelector("html[data-answer]", { state: "attached", timeout: patience_ms });
      return { answer: JSON.parse(await page.evaluate(() => document.documentElement.dataset.answer)), close: () => page.close() };
    } catch (error) {
      await page.close();
      throw error;
    }
  }

  async function call(url, name, argument, patience_ms) {
    const { answer, close } = await hold(url, name, argument, patience_ms);
    await close();
    return answer;
  }
  return { version: product.replace("/", " "), call, hold, close: () => context.close() };
}
