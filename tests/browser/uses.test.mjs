/** The applications of the demo, in two tabs of every browser. */
import assert from "node:assert/strict";
import { inEachBrowser } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

/** Declares a test of two tabs. */
const inTwoTabs = (title, work) =>
  inEachBrowser(title, async (browser) => {
    const server = await serve();
    const context = await browser.newContext();
    try {
      const tabs = [];
      for (let n = 0; n < 2; n++) {
        const page = await context.newPage();
        await page.goto(`${server.origin}/tests/browser/api/uses.html`);
        await page.evaluate(async () => {
          while (globalThis.kit === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
        });
        tabs.push(page);
      }
      await work(tabs);
    } finally {
      await context.close();
      await server.close();
    }
  }, { timeout: 420_000 });

inTwoTabs("a queue of images: workers in two tabs, each image for one of them", async (tabs) => {
  const IMAGES = 40;
  await tabs[0].evaluate(async (count) => {
    const patch = await globalThis.kit.lib.openPatch("cms of two tabs");
    const team = await new globalThis.kit.Cms(patch).team("t");
    await team.db.insertMany("images", Array.from({ length: count }, (_, n) => ({ hash: `${n}`, status: "pending" })));
  }, IMAGES);
  const taken = await Promise.all(tabs.map((page, at) => page.evaluate(async ([at, count]) => {
    const { kit } = globalThis;
    const patch = await kit.lib.openPatch("cms of two tabs");
    const team = await new kit.Cms(patch).team("t");
    await kit.until(async () => (await team.db.count("images")) === count, "the images", 60_000);
    const mine = [];
    const work = async ({ hash }) => {
      mine.push(hash);
      await new Promise((resolve) => setTimeout(resolve, 2));
      return [{ width: 1, format: "webp" }];
    };
    const worker = async (name) => {
      while (await team.process(name, work));
    };
    await Promise.all([worker(`${at} a`), worker(`${at} b`)]);
    await kit.until(async () => (await team.db.count("images", { status: "completed" })) === count, "all are done", 60_000);
    kit.same(await team.db.count("image_variants"), count);
    return mine;
  }, [at, IMAGES])));
  assert.equal(new Set(taken.flat()).size, IMAGES);
  assert.equal(taken.flat().length, IMAGES);
});

inTwoTabs("a library: two tabs number notes at once, and one deletes what the other adds to", async (tabs) => {
  // The first one makes the tables, the second one waits for it.
  await Promise.all(tabs.map((page) => page.evaluate(async () => void (globalThis.all = await globalThis.kit.openLibrary("library of two tabs")))));
  const id = await tabs[0].evaluate(async () => (await globalThis.all.createReference({ title: "shared" }))._id);
  const NOTES = 25;
  const numbers = await Promise.all(tabs.map((page) => page.evaluate(async ([id, count]) => {
    const { all, kit } = globalThis;
    await kit.until(async () => (await all.getReference(id)) !== null, "the reference", 60_000);
    const notes = await Promise.all(Array.from({ length: count }, () => all.createNote({ reference_id: id, content: "x" })));
    return notes.map(({ local_no }) => local_no);
  }, [id, NOTES])));
  assert.deepEqual(numbers.flat().sort((a, b) => a - b), Array.from({ length: 2 * NOTES }, (_, n) => n + 1));
  const [, outcomes] = await Promise.all([
    tabs[0].evaluate((id) => globalThis.all.deleteReference(id), id),
    tabs[1].evaluate(async (id) => {
      const added = Array.from({ length: 20 }, () => globalThis.all.db.insert("notes", { reference_id: id, content: "late" }));
      return (await Promise.allSettled(added)).map(({ status, reason }) => (status === "fulfilled" ? "stored" : reason.code));
    }, id),
  ]);
  for (const outcome of outcomes) assert.ok(["stored", "ConstraintViolation"].includes(outcome), outcome);
  for (const page of tabs) {
    // None of them is left without its reference.
    await page.evaluate(() => globalThis.kit.until(async () => (await globalThis.all.db.count("references")) === 0, "the reference goes", 60_000));
    assert.equal(await page.evaluate(() => globalThis.all.db.count("notes")), 0);
  }
});
