/** Commits that fail, and the engine itself failing: in a real browser, by a page that meddles. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { pageWithPackage } from "./support/page.mjs";
import { serve } from "./support/server.mjs";

let server, browser;
before(async () => {
  server = await serve();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});
const newPage = (prepare) => pageWithPackage(browser, server.origin, prepare);

/** From now on the page aborts, with no error, every transaction that it is told to. */
const meddle = (page) =>
  page.addInitScript(() => {
    globalThis.aborts = 0;
    const { commit } = IDBTransaction.prototype;
    IDBTransaction.prototype.commit = function () {
      if (this.mode !== "readwrite" || aborts === 0) return commit.call(this);
      aborts--;
      this.abort();
    };
  });

test("a bare abort is a failure, takes back its own effects and no other's", async () => {
  const page = await newPage(meddle);
  const found = await page.evaluate(async () => {
    let patch = await lib.openPatch("aborted");
    const kv = patch.kv("s");
    await kv.set("kept", "before");
    // All three go in one transaction; when that is aborted, each goes by itself, in order; and what is
    // aborted then is tried again, with room made in one way and another.
    aborts = 4;
    const first = failure(() => kv.setMany([["kept", "lost"], ["new", "lost"]]));
    const second = failure(() => kv.set("other", "stays"));
    const third = kv.update("kept", (value) => `${value} and after`);
    const seen = await kv.get("other");
    const outcomes = [await first, await second, await third];
    const read = async () => [await kv.get("kept"), await kv.get("new"), await kv.get("other")];
    const now = await read();
    await patch.close();
    patch = await lib.openPatch("aborted");
    const later = [...(await patch.kv("s").entries())];
    await patch.close();
    return { outcomes, seen, now, later, left: aborts };
  });
  assert.equal(found.left, 0, "the page did abort a transaction");
  assert.equal(found.outcomes[0]?.code, "StorageQuotaExceeded", "how browsers report a full disk");
  assert.deepEqual(found.outcomes.slice(1), [null, "before and after"]);
  assert.equal(found.seen, "stays");
  assert.deepEqual(found.now, ["before and after", undefined, "stays"]);
  assert.deepEqual(found.later, [["kept", "before and after"], ["other", "stays"]]);
  await page.close();
});

test("a transaction whose commit aborts changes nothing", async () => {
  const page = await newPage(meddle);
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("transfer");
    const kv = patch.kv("s");
    await kv.setMany([["a", 10], ["b", 0]]);
    const move = () =>
      patch.transaction(async (tx) => {
        const store = tx.kv("s");
        await store.set("a", (await store.get("a")) - 1);
        await store.set("b", (await store.get("b")) + 1);
      });
    aborts = 3; // it is tried again, with room made in one way and another
    const failed = await failure(move);
    const between = [await kv.get("a"), await kv.get("b")];
    await move();
    const after = [await kv.get("a"), await kv.get("b")];
    await patch.close();
    return { failed: failed?.code, between, after };
  });
  assert.deepEqual(found, { failed: "StorageQuotaExceeded", between: [10, 0], after: [9, 1] });
  await page.close();
});

/** Wasm of its own that traps: its call, inside one of ours, unwinds ours as a trap of ours would. */
const trap = (page) =>
  page.addInitScript(() => {
    // (module (func (export "trap") unreachable))
    const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 11];
    globalThis.fuse = false;
    const blow = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes))).exports.trap;
    const { now } = Date;
    Date.now = () => {
      if (fuse) {
        fuse = false;
        blow();
      }
      return now();
    };
  });

test("somebody else's trap stops nothing", async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("beside");
    await patch.kv("s").set("k", "there");
    // (func (export "trap") unreachable), compiled from bytes; and an emscripten-like abort.
    const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 11];
    const { instance } = await WebAssembly.instantiate(new Uint8Array(bytes));
    let heard = 0;
    addEventListener("error", (event) => (heard += event.error instanceof WebAssembly.RuntimeError ? 1 : 0));
    addEventListener("unhandledrejection", (event) => (heard += event.reason instanceof WebAssembly.RuntimeError ? 1 : 0));
    setTimeout(() => instance.exports.trap());
    void Promise.reject(new WebAssembly.RuntimeError("Aborted(OOM)"));
    for (let n = 0; heard < 2 && n < 100; n++) await new Promise((resolve) => setTimeout(resolve, 20));
    return { heard, value: await patch.kv("s").get("k") };
  });
  assert.deepEqual(found, { heard: 2, value: "there" });
  await page.close();
});

test("a trap poisons every handle with a clear error, and a reloaded page has what was committed", async () => {
  const page = await newPage(trap);
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("trapped");
    const other = await lib.openPatch("another");
    const kv = patch.kv("s");
    await kv.set("k", "committed");
    const late = new Promise((resolve) => setTimeout(resolve, 3000, { code: "hung" }));
    const soon = (call) => Promise.race([failure(call), late]);
    fuse = true;
    const during = await soon(() => kv.set("k", "never"));
    const codes = [during];
    codes.push(await soon(() => kv.get("k")));
    codes.push(await soon(() => other.kv("s").set("k", 1)));
    codes.push(await soon(() => lib.openPatch("third")));
    return codes;
  });
  assert.deepEqual(found.map((error) => error?.code), ["Internal", "Internal", "Internal", "Internal"], JSON.stringify(found));
  assert.ok(found.every((error) => error.own && /reload/.test(error.message)), JSON.stringify(found));
  await page.reload();
  const after = await page.evaluate(async () => {
    const lib = await import("/pkg/index.js");
    const patch = await lib.openPatch("trapped");
    const value = await patch.kv("s").get("k");
    await patch.kv("s").set("k", "goes on");
    await patch.close();
    return value;
  });
  assert.equal(after, "committed");
  await page.close();
});
