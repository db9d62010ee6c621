/** Firefox and WebKit, driven by WebDriver, for pages of the benchmark. */
import { drive } from "../../tests/browser/support/webdriver.mjs";

/** How long a call may take. */
const CALL_MS = 300_000;

/** Makes the call and waits for the answer; the last argument is WebDriver's own. */
const CALL = `
  const [text, done] = arguments;
  const { dataset } = document.documentElement;
  const until = (what, then) => (what in dataset ? then() : setTimeout(until, 20, what, then));
  until("ready", () => {
    dataset.call = text;
    document.dispatchEvent(new Event("call"));
    until("answer", () => done(dataset.answer));
  });
`;

const TITLES = { firefox: "Firefox", webkit: "WebKitGTK" };

/** As `openChromium` does. WebKit has no profile under WebDriver: what it stores is in memory. */
export const openDriven = (name) => async (profile) => {
  const browser = await drive(name, { profile, scriptMs: CALL_MS });
  async function call(url, name, argument) {
    await browser.open(url);
    return JSON.parse(await browser.later(CALL, JSON.stringify({ name, argument })));
  }
  return { version: `${TITLES[name]} ${browser.version}`, call, close: browser.kill };
};
