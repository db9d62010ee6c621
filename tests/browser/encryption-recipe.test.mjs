/** The README's recipe for encrypted patches, run as it stands there in a real page: it is asked, typed to, left alone, and reloads itself. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { inEachBrowser } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
const [, part] = readme.match(/### Encryption\n([\s\S]*?)\n### /);
const [, recipe] = [...part.matchAll(/```js\n([\s\S]*?)```/g)].map(([, example]) => example);

/** Runs in the page: loads the recipe, which asks and is answered. */
async function install(recipe) {
  const text = recipe.replaceAll('"patchstore"', JSON.stringify(`${location.origin}/pkg/index.js`));
  Object.assign(globalThis, await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" }))));
  globalThis.asked = [];
  globalThis.answers = [];
  globalThis.ask = async (question) => {
    asked.push(question);
    return answers.shift();
  };
}

inEachBrowser(
  "a passphrase is chosen, the patch is locked when nobody is there, and the recovery key opens it",
  async (browser) => {
    const server = await serve();
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`${server.origin}/tests/browser/engine/page.html`);
      await page.evaluate(install, recipe);
      const chosen = await page.evaluate(async () => {
        answers.push("six words that nobody would guess");
        const patch = await unlock("diary");
        await patch.kv("entries").set("today", "dear diary");
        const recovery = await addRecoveryKey(patch);
        const ends = [];
        patch.on("closed", ({ reason }) => ends.push(reason));
        // 1.2 s, of which nothing is seen for 3 s as long as somebody types.
        lockOnIdle(patch, 0.02);
        for (let n = 0; n < 15; n++) {
          document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true }));
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        return { asked, recovery, ends, encrypted: patch.status.encrypted, names: await patch.keyring.names() };
      });
      assert.match(chosen.recovery, /^[0-9a-f]{64}$/);
      assert.deepEqual(
        [chosen.asked, chosen.ends, chosen.encrypted, chosen.names],
        [["Choose a passphrase"], [], true, ["main", "recovery"]],
      );
      // (While a page is being left, what is asked of it may fail.)
      const isThere = () => page.evaluate(() => globalThis.unlock !== undefined).catch(() => true);
      for (const until = Date.now() + 20_000; await isThere(); await sleep(100)) assert.ok(Date.now() < until, "it is not locked");
      await page.evaluate(install, recipe);
      const recovered = await page.evaluate(async (recovery) => {
        answers.push("a guess", recovery);
        const patch = await unlock("diary");
        const found = await patch.kv("entries").get("today");
        await patch.keyring.set("main", { passphrase: "new words" });
        await patch.close();
        answers.push("six words that nobody would guess", "new words");
        await (await unlock("diary")).close();
        return { found, asked };
      }, chosen.recovery);
      const again = ["Passphrase or recovery key", "That is not it. Once more"];
      assert.deepEqual(recovered, { found: "dear diary", asked: [...again, ...again] });
    } finally {
      await context.close();
      await server.close();
    }
  },
  { timeout: 120_000 },
);
