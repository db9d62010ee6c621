/** Firefox and WebKit with as much of Playwright's pages as tests of several tabs need, so that these run in every browser. */
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ONLY_CHROMIUM, openBrowser } from "./browser.mjs";
import { drive } from "./webdriver.mjs";

/** How often is asked whether a page has answered. */
const POLL_MS = 25;

/** Starts a browser by its name; what it has of Playwright's: `newContext()`, `close()`. */
const START = {
  chromium: () => openBrowser(),
  ...(!ONLY_CHROMIUM && { firefox: () => openPages("firefox"), webkit: () => openPages("webkit") }),
};

const browsers = {};
after(() => Promise.all(Object.values(browsers).map(async (browser) => (await browser).close())));

/**
 * Declares a test for each browser, which is started for the first of them.
 * @param {string} title
 * @param {(browser: any, name: string) => Promise<void>} work
 * @param {{timeout?: number}} options of the tests
 */
export function inEachBrowser(title, work, options = {}) {
  for (const [name, start] of Object.entries(START)) {
    test(`${name}: ${title}`, options, async () => work(await (browsers[name] ??= start()), name));
  }
}

/**
 * A browser driven by WebDriver. Its contexts share one storage: an origin of its own keeps a test apart from others.
 * @param {"firefox" | "webkit"} name
 * @param {{profile?: string, scriptMs?: number}} options see {@link drive}
 */
export async function openPages(name, options) {
  const browser = await drive(name, options);
  // It ends with its last window.
  const first = await browser.windows.current();
  let line = Promise.resolve();
  /** Runs `work` with the driver turned to a window, one at a time. */
  const turned = (handle, work) => {
    const result = line.then(() => browser.windows.turnTo(handle)).then(work);
    line = result.catch(() => {});
    return result;
  };
  const newPage = async () => pageOf(browser, await turned(first, browser.windows.create), turned);
  return {
    async newContext() {
      const pages = [];
      return {
        async newPage() {
          pages.push(await newPage());
          return pages.at(-1);
        },
        close: async () => void (await Promise.all(pages.map((page) => page.close()))),
      };
    },
    close: browser.quit,
    kill: browser.kill,
  };
}

function pageOf(browser, handle, turned) {
  const scripts = [];
  let [asked, isClosed] = [0, false];
  const evaluate = async (work, argument) => {
    const name = `answer${++asked}`;
    await turned(handle, async () => {
      await browser.run("document.documentElement.dataset[arguments[0]] = ''", name);
      await browser.module(moduleOf(name, work, argument));
    });
    for (;;) {
      const answer = await turned(handle, () => browser.run("return document.documentElement.dataset[arguments[0]]", name));
      if (typeof answer !== "string") throw new Error("the page was left before it answered");
      if (answer !== "") {
        const { value, error } = JSON.parse(answer);
        if (error !== undefined) throw new Error(error);
        return value;
      }
      await sleep(POLL_MS);
    }
  };
  return {
    evaluate,
    /** Takes effect once the page has loaded, which has to load nothing by itself that this is to come before. */
    addInitScript: async (work, argument) => void scripts.push([work, argument]),
    async goto(url) {
      await turned(handle, () => browser.open(url));
      for (const [work, argument] of scripts) await evaluate(work, argument);
    },
    async close() {
      if (!isClosed) await turned(handle, browser.windows.close);
      isClosed = true;
    },
  };
}

/** What the page itself runs: what it returns has to be JSON. */
const moduleOf = (name, work, argument) => `
  const say = (answer) => (document.documentElement.dataset[${JSON.stringify(name)}] = JSON.stringify(answer));
  try {
    say({ value: await (${work})(${JSON.stringify(argument)}) });
  } catch (error) {
    say({ error: String(error?.message) + "\\n" + String(error?.stack) });
  }
`;
