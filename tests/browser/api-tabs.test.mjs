/** The API over two tabs on one database. */
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

async function tab() {
  const page = await context.newPage();
  await page.goto(`${server.origin}/tests/browser/api/page.html`);
  await page.waitForFunction(() => globalThis.kit !== undefined);
  await page.evaluate(async () => {
    globalThis.patch = await globalThis.kit.lib.openPatch("two-tabs");
  });
  return page;
}

test("tabs: watchers and change events hear of the other tab's commits", async () => {
  const [one, two] = [await tab(), await tab()];
  await one.evaluate(() => {
    globalThis.seen = [];
    globalThis.changes = [];
    globalThis.patch.kv("s").watch("k", (value) => globalThis.seen.push(value));
    globalThis.patch.on("change", (event) => globalThis.changes.push(event));
  });
  await two.evaluate(async () => {
    const kv = globalThis.patch.kv("s");
    await kv.set("k", { from: "two", at: new Date(1) });
    await kv.set("other", 1);
    await kv.delete("k");
  });
  await one.evaluate(async () => {
    const { until, same } = globalThis.kit;
    await until(() => globalThis.seen.at(-1) === undefined && globalThis.seen.length >= 1, "the delete");
    same(await globalThis.patch.kv("s").keys(), ["other"]);
    await until(() => globalThis.changes.length >= 1);
    same(globalThis.changes.every((event) => event.remote), true);
    same(globalThis.changes[0].scopes, [{ name: "s" }]);
  });
});

test("tabs: updates and transactions of both lose nothing", async () => {
  const tabs = [await tab(), await tab()];
  const work = async () => {
    const { patch } = globalThis;
    for (let at = 0; at < 20; at++) {
      await Promise.all([
        patch.kv("s").update("count", (old = 0) => old + 1),
        patch.transaction(async (tx) => {
          const sum = (await tx.kv("s").get("sum")) ?? 0;
          await tx.kv("s").set("sum", sum + 1);
        }, { retries: 1000 }),
        patch.db("d").insert("c", { at }),
      ]);
    }
  };
  await Promise.all(tabs.map((page) => page.evaluate(work)));
  const counts = async () => {
    const { patch } = globalThis;
    const kv = patch.kv("s");
    const docs = await patch.db("d").find("c");
    return [await kv.get("count"), await kv.get("sum"), docs.length, docs.map((doc) => doc._id).join()];
  };
  // What one tab committed, the other sees within a second.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const [one, two] = await Promise.all(tabs.map((page) => page.evaluate(counts)));
  if (one.join() !== two.join()) throw new Error(`the tabs disagree: ${one} and ${two}`);
  if (one.slice(0, 3).join() !== "40,40,40") throw new Error(`lost: ${one.slice(0, 3)}`);
});

test("tabs: what one wrote is there when both have closed", async () => {
  const [one, two] = [await tab(), await tab()];
  await one.evaluate(async () => {
    await globalThis.patch.kv("s").set("last", [-0, NaN]);
    await globalThis.patch.close();
  });
  await one.close();
  await two.evaluate(async () => {
    await globalThis.patch.close();
    const again = await globalThis.kit.lib.openPatch("two-tabs");
    globalThis.kit.same(await again.kv("s").get("last"), [-0, NaN]);
  });
});

test("tabs: what another tab writes to the target of a copy is before it or after it", async () => {
  const [one, two] = [await tab(), await tab()];
  await one.evaluate(() =>
    globalThis.patch.node("from").kv.setMany(Array.from({ length: 50 }, (_, at) => [`${at}`, "copied"])));
  const outcomes = new Set();
  for (let round = 0; round < 40; round++) {
    const to = `to ${round}`;
    const [copied] = await Promise.all([
      one.evaluate((to) => globalThis.patch.copyNode("from", to).then(() => "copied", (error) => error.code), to),
      two.evaluate((to) => globalThis.patch.node(to).kv.set("7", "mine"), to),
    ]);
    outcomes.add(copied);
    // Whoever comes second has seen both.
    const expected = copied === "copied" ? 50 : 1;
    for (const page of [one, two]) {
      await page.evaluate(async ([to, expected]) => {
        const { kv } = globalThis.patch.node(to);
        await globalThis.kit.until(async () => (await kv.count()) === expected && (await kv.get("7")) === "mine", to);
      }, [to, expected]);
    }
  }
  for (const outcome of outcomes) {
    if (outcome !== "copied" && outcome !== "Exists") throw new Error(`a copy ended in ${outcome}`);
  }
});

test("tabs: deleting a node tells the other tab's watchers, once, and both see it gone", async () => {
  const [one, two] = [await tab(), await tab()];
  await two.evaluate(() => globalThis.patch.node("gone").kv.setMany([["k", 1], ["other", 2]]));
  await one.evaluate(async () => {
    const { kv } = globalThis.patch.node("gone");
    await globalThis.kit.until(async () => (await kv.get("k")) === 1);
    globalThis.seen = [];
    kv.watch("k", (value) => globalThis.seen.push(value));
  });
  await two.evaluate(async () => globalThis.kit.same(await globalThis.patch.deleteNode("gone"), true));
  await one.evaluate(async () => {
    const { until, same } = globalThis.kit;
    await until(() => globalThis.seen.length > 0, "the watcher");
    same(globalThis.seen, [undefined]);
    same(await globalThis.patch.deleteNode("gone"), false);
    same((await globalThis.patch.nodes()).some(({ node }) => node === "gone"), false);
  });
});
