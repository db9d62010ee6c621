/** A page with the package loaded and some helpers in it. */

/**
 * @param {object} browser what has newPage()
 * @param {string} origin of the static server
 * @param {(page: object) => Promise<void>} prepare gets the page before anything is loaded
 */
export async function pageWithPackage(browser, origin, prepare = async () => {}) {
  const page = await browser.newPage();
  await prepare(page);
  await page.goto(`${origin}/tests/browser/engine/page.html`);
  await page.evaluate(install);
  return page;
}

async function install() {
  globalThis.lib = await import("/pkg/index.js");
  /** What a call fails with, as plain data; null when it does not. */
  globalThis.failure = async (call) => {
    try {
      await call();
      return null;
    } catch (error) {
      const { code, remedy, usage, quota } = error;
      return { code, remedy, usage, quota, message: error.message, own: lib.isPatchStoreError(error) };
    }
  };
  globalThis.asked = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
}
