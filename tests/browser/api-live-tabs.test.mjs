/** Live queries over two tabs on one database. */
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, browser, context;

before(async () => {
  server = await serve();
  browser = await openBrowser();
  // Tabs of one context share their storage.
  context = await browser.newContext();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function tab(id) {
  const page = await context.newPage();
  await page.goto(`${server.origin}/tests/browser/api/page.html`);
  await page.waitForFunction(() => globalThis.kit !== undefined);
  await page.evaluate(async (id) => {
    globalThis.patch = await globalThis.kit.lib.openPatch(id);
  }, id);
  return page;
}

/** Watches in the page; what is told goes to `seen`, what ends it to `ended`. */
const watch = (page) =>
  page.evaluate(() => {
    const { patch, kit } = globalThis;
    const seen = (globalThis.seen = []);
    const ended = (globalThis.ended = []);
    const folded = new Map();
    patch.db("d").watch("c", { kind: "x" }, (docs, { added, changed, removed }) => {
      for (const { _id } of removed) kit.same(folded.delete(_id), true);
      for (const doc of [...added, ...changed]) folded.set(doc._id, doc.n);
      seen.push(docs.map(({ n }) => n).join());
      kit.same([...folded.values()].sort(), docs.map(({ n }) => n).sort());
    }, { onError: ({ code }) => ended.push(code) });
    return kit.until(() => seen.length === 1);
  });

const sees = (page, last) =>
  page.evaluate((last) => globalThis.kit.until(() => globalThis.seen.at(-1) === last, `${last}, not ${globalThis.seen.at(-1)}`, 5_000), last);

test("live tabs: each tab hears of the other's commits, in order", async () => {
  const [one, two] = [await tab("live"), await tab("live")];
  await watch(one);
  await two.evaluate(async () => {
    const db = globalThis.patch.db("d");
    for (let n = 0; n < 30; n++) await db.insert("c", { _id: `${n}`, kind: n % 3 ? "x" : "y", n });
    for (let n = 0; n < 25; n++) await db.delete("c", `${n}`);
  });
  await sees(one, "25,26,28,29");
  await two.evaluate(() => globalThis.patch.transaction(async (tx) => {
    await tx.db("d").update("c", "27", { kind: "x" });
    await tx.db("d").update("c", "25", { n: 99 });
  }));
  await sees(one, "99,26,27,28,29");
  // What is merged away before it is seen.
  await two.evaluate(async () => {
    await globalThis.patch.db("d").drop("c");
    await globalThis.patch.db("d").insert("c", { kind: "x", n: 7 });
    await globalThis.patch.compact();
  });
  await sees(one, "7");
  const isTwice = await one.evaluate(() => globalThis.seen.some((each, at, all) => each === all[at - 1]));
  if (isTwice) throw new Error("a result was told twice");
});

test("live tabs: a patch that is deleted meanwhile ends it, once, in both", async () => {
  const [one, two] = [await tab("doomed"), await tab("doomed")];
  await watch(one);
  await watch(two);
  await one.evaluate(() => globalThis.patch.db("d").insert("c", { kind: "x", n: 1 }));
  await Promise.all([sees(one, "1"), sees(two, "1")]);
  await two.evaluate(() => globalThis.kit.lib.deletePatchData("doomed"));
  for (const page of [one, two]) {
    await page.evaluate(async () => {
      const { kit, ended } = globalThis;
      await kit.until(() => ended.length > 0, "the end", 5_000);
      await kit.sleep(50);
      kit.same(ended, ["Closed"]);
    });
  }
});
