/** The README's example of blobs, run as it stands there in a real page. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { inEachBrowser } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
const [, example] = readme.match(/### Blobs\n[\s\S]*?```js\n([\s\S]*?)```/);

inEachBrowser("what the README does with a picture", async (browser) => {
  const server = await serve();
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    const seen = await page.evaluate(async (example) => {
      const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><!-- ${"x".repeat(100_000)} --></svg>`;
      globalThis.picked = new File([drawing], "drawing.svg", { type: "image/svg+xml" });
      globalThis.image = new Image();
      const shown = new Promise((loaded, failed) => Object.assign(image, { onload: loaded, onerror: failed }));
      const named = "export { file, found, all, bytes, copies, before, after };";
      const text = `${example}\n${named}`.replaceAll('"patchstore"', JSON.stringify(`${location.origin}/pkg/index.js`));
      const { file, found, all, bytes, copies, before, after } = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
      await shown;
      const part = new TextDecoder().decode(bytes);
      return {
        size: file.size - drawing.length, isSame: found.file.hash === file.hash, type: all.type, whole: (await all.text()) === drawing,
        part: part === drawing.slice(100, 200), width: image.naturalWidth, copies, held: before.held, after,
      };
    }, example);
    const expected = { size: 0, isSame: true, type: "image/svg+xml", whole: true, part: true, width: 30, copies: 1, held: true, after: false };
    assert.deepEqual(seen, expected);
  } finally {
    await context.close();
    await server.close();
  }
}, { timeout: 180_000 });
