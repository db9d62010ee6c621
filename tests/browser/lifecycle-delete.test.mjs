/** Patches deleted while they are open: here, in other tabs and in a worker. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { openTab, prepare } from "./support/lifecycle.mjs";
import { ask } from "./support/realms.mjs";
import { serve } from "./support/server.mjs";

/** A tab that runs knows within a second; a loaded machine may need more. */
const SEEN_MS = 5000;

let server, browser;
before(async () => {
  server = await serve();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function inContext(work) {
  const context = await browser.newContext();
  try {
    return await work(context);
  } finally {
    await context.close();
  }
}

const hears = async (realm, id, reasons = ["deleted"]) =>
  assert.deepEqual(await ask(() => realm.evaluate((id) => ended[id] ?? [], id), (all) => all.length > 0, SEEN_MS), reasons);

const deleted = (page, id) => page.evaluate((id) => outcome(lib.deletePatchData(id)), id);

/** The patch is new: nothing of the old one shows, and it keeps what is written. */
async function assertNew(page, id) {
  const found = await page.evaluate(async (id) => {
    const again = await lib.openPatch(id);
    const found = [await again.kv("s").keys(), await again.db("d").count("c")];
    for (let n = 0; n < 5; n++) await again.kv("s").set(`new ${n}`, n);
    await again.close();
    const last = await lib.openPatch(id);
    found.push(await last.kv("s").count());
    await last.close();
    return found;
  }, id);
  assert.deepEqual(found, [[], 0, 5]);
}

test("while it is open here: handles close, calls settle, the id can be opened at once", () =>
  inContext(async (context) => {
    const page = await openTab(context, server.origin);
    const found = await page.evaluate(async () => {
      const first = await open("p"), second = await lib.openPatch("p");
      const seconds = [];
      second.on("closed", ({ reason }) => seconds.push(reason));
      await first.kv("s").set("k", 1);
      await first.db("d").insertMany("c", Array.from({ length: 2000 }, (_, n) => ({ n, text: "x".repeat(300) })));
      const calls = Array.from({ length: 50 }, (_, n) => outcome(n % 2 ? first.kv("s").update("n", (o = 0) => o + 1) : second.kv("s").set(`k${n}`, n)));
      const transaction = outcome(first.transaction(async (tx) => {
        await tx.kv("s").get("k");
        await new Promise((resolve) => setTimeout(resolve, 300));
        await tx.kv("s").set("k", 2);
      }));
      const late = async (call) => outcome((async () => call())());
      const deleted = await outcome(lib.deletePatchData("p"));
      const again = await lib.openPatch("p");
      const left = await again.kv("s").keys();
      await again.kv("s").set("new", 1);
      return {
        deleted, left, seconds, mine: ended.p,
        settled: [...new Set(await Promise.all(calls))].filter((end) => !["done", "Closed"].includes(end) && typeof end !== "number"),
        transaction: await transaction,
        late: [await late(() => first.kv("s").get("k")), await outcome(second.stats()), await outcome(first.close())],
        keys: await again.kv("s").keys(),
        isLive: ended.p.length === 1 && (await outcome(again.kv("s").get("new"))),
      };
    });
    assert.deepEqual(found, {
      deleted: true, left: [], seconds: ["deleted"], mine: ["deleted"], settled: [], transaction: "Closed",
      late: ["Closed", "Closed", "done"], keys: ["new"], isLive: 1,
    });
    assert.equal(await page.evaluate(async () => { await patches.p.close(); return outcome(lib.deletePatchData("p")); }), true);
    assert.deepEqual(await page.evaluate(() => names()), [], "the database itself is gone");
  }));

for (const without of [[], ["BroadcastChannel"], ["navigator.locks"]]) {
  const title = without.length ? `, without ${without}` : "";
  test(`while it is open in other tabs and a worker${title}`, { timeout: 60_000 }, () =>
    inContext(async (context) => {
      const tabs = [];
      for (let n = 0; n < 3; n++) tabs.push(await openTab(context, server.origin, { without }));
      const [here, idle, busy] = tabs;
      const started = here.waitForEvent("worker");
      await here.evaluate(() => {
        const blob = new Blob([""], { type: "text/javascript" });
        globalThis.worker = new Worker(URL.createObjectURL(blob), { type: "module" });
      });
      const worker = await started;
      await worker.evaluate(async (origin) => void (globalThis.lib = await import(`${origin}/pkg/index.js`)), server.origin);
      await worker.evaluate(prepare);
      for (const realm of [idle, busy, worker]) await realm.evaluate(() => open("p").then((patch) => patch.kv("s").set("k", 1)));
      await busy.evaluate(() => {
        const write = async () => {
          for (;;) await patches.p.kv("s").update("n", (old = 0) => old + 1);
        };
        globalThis.writing = Array.from({ length: 8 }, () => outcome(write(), 30_000));
      });
      assert.equal(await deleted(here, "p"), true);
      await assertNew(here, "p");
      for (const realm of [idle, busy, worker]) await hears(realm, "p");
      assert.deepEqual(new Set(await busy.evaluate(() => Promise.all(writing))), new Set(["Closed"]));
      for (const realm of [idle, worker]) assert.equal(await realm.evaluate(() => outcome((async () => patches.p.kv("s").set("k", 2))())), "Closed");
      // What was made anew is not theirs to spoil.
      assert.equal(await here.evaluate(async () => (await lib.openPatch("p")).kv("s").count()), 5);
      // Nor does its end.
      await assertReopens(idle, "p");
    }),
  );
}

async function assertReopens(page, id) {
  assert.equal(await page.evaluate(async (id) => (await open(id)).kv("s").count(), id), 5);
}

test("what there is not, what is empty, what is not ours", () =>
  inContext(async (context) => {
    const page = await openTab(context, server.origin);
    assert.equal(await deleted(page, "none"), false);
    assert.deepEqual(await page.evaluate(() => names()), []);
    assert.equal(await page.evaluate(async () => { await (await lib.openPatch("empty")).close(); return outcome(lib.deletePatchData("empty")); }), true);
    assert.deepEqual(await page.evaluate(() => names()), []);
    const foreign = await page.evaluate(async () => {
      const made = (name, stores, version) => {
        const opening = indexedDB.open(name, version);
        opening.onupgradeneeded = () => stores.forEach((store) => opening.result.createObjectStore(store).put("v", "k"));
        return asked(opening).then((db) => db.close());
      };
      await made("patchstore_a", ["x"], 1);
      await made("patchstore_b", ["head"], 1);
      await made("patchstore_c", ["x"], 7);
      const out = [];
      for (const id of ["a", "b", "c"]) {
        out.push(await outcome(lib.deletePatchData(id)), await outcome(lib.hasPatchData(id)));
        out.push(await outcome(lib.copyPatch(id, "other")), await outcome(lib.openPatch(id)));
      }
      const db = await asked(indexedDB.open("patchstore_a"));
      out.push(await asked(db.transaction("x").objectStore("x").get("k")), await lib.listPatches(), await names());
      db.close();
      return out;
    });
    const each = [false, false, "InvalidArgument", "UnsupportedFormat"];
    assert.deepEqual(foreign, [...each, ...each, ...each, "v", [], ["patchstore_a", "patchstore_b", "patchstore_c"]]);
  }));

test("bad arguments are rejections, and without IndexedDB it is Unavailable", () =>
  inContext(async (context) => {
    const page = await openTab(context, server.origin);
    const codes = await page.evaluate(async () => {
      const { listPatches: list, hasPatchData: has, deletePatchData: del, copyPatch: copy } = lib;
      const bad = [
        () => has(""), () => has(7), () => has("\ud800"), () => has("p", { prefix: 7 }), () => has("p", { foo: 1 }), () => has("p", null),
        () => del(""), () => del(undefined), () => del("p", 5), () => del("p", { prefix: "\udc00" }),
        () => list({ prefix: null }), () => list("x"), () => list({ bar: 1 }),
        () => copy("", "q"), () => copy("p", ""), () => copy("p"), () => copy("p", "q", { signal: 1 }),
        () => copy("p", "q", { from: { passphrase: "x" } }), () => copy("p", "q", { to: { passphrase: "x" } }),
        () => copy("none", "q"), () => copy("none", "none"),
      ];
      const codes = await Promise.all(bad.map((call) => {
        const promise = call();
        return promise instanceof Promise ? outcome(promise) : "thrown";
      }));
      return [codes, await names()];
    });
    assert.deepEqual(codes, [Array(21).fill("InvalidArgument"), []]);
    for (const value of ["undefined", "{ open() { throw new DOMException('no', 'SecurityError') }, databases: () => Promise.reject(new Error('no')) }", "{ open: (...a) => real.open(...a) }"]) {
      const bare = await openTab(context, server.origin);
      const found = await bare.evaluate(async (value) => {
        globalThis.real = indexedDB;
        Object.defineProperty(globalThis, "indexedDB", { value: (0, eval)(`(${value})`), configurable: true });
        const calls = [lib.listPatches(), lib.hasPatchData("p"), lib.deletePatchData("p"), lib.copyPatch("p", "q")];
        return Promise.all(calls.map((call) => outcome(call)));
      }, value);
      const others = value.includes("real") ? [false, false, "InvalidArgument"] : Array(3).fill("Unavailable");
      assert.deepEqual(found, ["Unavailable", ...others]);
    }
  }));

test("openings that race with deletions come to an end, with a patch that is whole", { timeout: 120_000 }, () =>
  inContext(async (context) => {
    const tabs = await Promise.all([0, 1, 2].map(() => openTab(context, server.origin)));
    const work = ([mine, rounds]) => (async () => {
      const wrong = [];
      for (let n = 0; n < rounds; n++) {
        if (Math.random() < 0.35) {
          const end = await outcome(lib.deletePatchData("race"));
          if (typeof end !== "boolean") wrong.push(`delete: ${end}`);
          continue;
        }
        const patch = await lib.openPatch("race").catch((error) => wrong.push(`open: ${error.code} ${error.message}`));
        if (typeof patch === "number") continue;
        const set = await outcome((async () => patch.kv("s").setMany([[`${mine} a`, n], [`${mine} b`, n]]))());
        if (!["done", "Closed"].includes(set)) wrong.push(`set: ${set}`);
        const got = await outcome((async () => patch.kv("s").getMany([`${mine} a`, `${mine} b`]))());
        if (got !== "Closed" && !(got[0] === got[1])) wrong.push(`half: ${got}`);
        const closed = await outcome(patch.close());
        if (closed !== "done") wrong.push(`close: ${closed}`);
      }
      return wrong;
    })();
    const wrong = await Promise.all(tabs.map((tab, at) => tab.evaluate(work, [`tab ${at}`, 40])));
    assert.deepEqual(wrong.flat(), []);
    await deleted(tabs[0], "race");
    await assertNew(tabs[1], "race");
  }));

test("a life that begins before its database is removed stays", () =>
  inContext(async (context) => {
    const [page, other] = [await openTab(context, server.origin), await openTab(context, server.origin)];
    await page.evaluate(async () => {
      const patch = await lib.openPatch("p");
      await patch.kv("s").set("old", 1);
      await patch.close();
      // Who wants to remove the database asks for the lock alone.
      const { request } = LockManager.prototype;
      const asks = new Promise((resolve) => {
        LockManager.prototype.request = async function (name, options, body) {
          if (options.ifAvailable) {
            resolve();
            await new Promise((goOn) => void (globalThis.goOn = goOn));
          }
          return request.call(this, name, options, body);
        };
      });
      globalThis.deleted = lib.deletePatchData("p");
      await asks;
    });
    const keys = (change) => other.evaluate(async (change) => {
      const patch = await lib.openPatch("p");
      if (change) await patch.kv("s").set("new", 1);
      const keys = await patch.kv("s").keys();
      await patch.close();
      return keys;
    }, change);
    assert.deepEqual(await keys(true), ["new"]);
    assert.equal(await page.evaluate(() => (goOn(), deleted)), true);
    assert.deepEqual(await keys(false), ["new"]);
  }));

test("a look that is answered late deletes no life begun meanwhile", { timeout: 60_000 }, () =>
  inContext(async (context) => {
    const [page, other] = [await openTab(context, server.origin), await openTab(context, server.origin)];
    const ended = await page.evaluate(async () => {
      const patch = await lib.openPatch("p");
      await patch.kv("s").set("old", 1);
      await patch.close();
      // What looks at the head alone is who wants to remove the database.
      const { get } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.get = function (key) {
        const request = get.call(this, key);
        const { mode, objectStoreNames } = this.transaction;
        if (key !== "head" || mode !== "readonly" || objectStoreNames.length > 1) return request;
        const late = { get result() { return request.result; } };
        request.onsuccess = () => setTimeout(() => late.onsuccess(), 8000);
        return late;
      };
      return lib.deletePatchData("p");
    });
    assert.equal(ended, true);
    const found = await other.evaluate(async () => {
      const patch = await open("p");
      await patch.kv("s").set("new", 1);
      await new Promise((resolve) => setTimeout(resolve, 5000));
      return [ended.p ?? [], await outcome((async () => patch.kv("s").keys())())];
    });
    assert.deepEqual(found, [[], ["new"]]);
  }));

test("a database deleted by others: its handles say so", () =>
  inContext(async (context) => {
    const [page, other] = [await openTab(context, server.origin), await openTab(context, server.origin)];
    await page.evaluate(() => open("p"));
    await other.evaluate(() => asked(indexedDB.deleteDatabase("patchstore_p")));
    await hears(page, "p");
  }));

test("damaged beyond reading, it can still be deleted", () =>
  inContext(async (context) => {
    const page = await openTab(context, server.origin);
    const found = await page.evaluate(async () => {
      const patch = await lib.openPatch("p");
      for (let n = 0; n < 9; n++) await patch.kv("s").set(`${n}`, n);
      await patch.close();
      const db = await asked(indexedDB.open("patchstore_p"));
      await asked(db.transaction("head", "readwrite").objectStore("head").put(new Uint8Array(90), "head"));
      db.close();
      const out = [await outcome(lib.openPatch("p")), await outcome(lib.hasPatchData("p")), await lib.listPatches()];
      out.push(await outcome(lib.copyPatch("p", "q")), await outcome(lib.deletePatchData("p")), await names());
      return out;
    });
    assert.deepEqual(found, ["Corrupt", "Corrupt", [{ id: "p", bytes: null, encrypted: false }], "Corrupt", true, []]);
    await assertNew(page, "p");
  }));
