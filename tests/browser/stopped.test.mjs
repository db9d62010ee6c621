/** What happens to calls when the platform throws inside of wasm: nothing hangs, and no more is lost than must be. */
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

/** A page with `fuse`: `fuse.memory` makes every copy of wasm's bytes throw, `fuse.clock` the next look at the clock. */
const newPage = () =>
  pageWithPackage(browser, server.origin, (page) =>
    page.addInitScript(() => {
      globalThis.fuse = { memory: false, clock: false, blown: 0 };
      const { now } = Date;
      Date.now = () => {
        if (!fuse.clock) return now();
        fuse.clock = false;
        fuse.blown++;
        throw new RangeError("a clock that throws");
      };
      globalThis.Uint8Array = new Proxy(Uint8Array, {
        construct(target, args, newTarget) {
          if (fuse.memory && args[0] instanceof target) {
            fuse.blown++;
            throw new RangeError("Array buffer allocation failed");
          }
          return Reflect.construct(target, args, newTarget);
        },
      });
      /** What a call comes to within three seconds. */
      globalThis.outcome = async (call) => {
        const late = new Promise((resolve) => setTimeout(resolve, 3000, "hangs"));
        const end = (async () => call())().then(() => "fine", (error) => error.code ?? String(error));
        return Promise.race([end, late]);
      };
    }),
  );

test("no memory for a copy fails the calls that need it, and nothing else", async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("full");
    const other = await lib.openPatch("beside");
    const [kv, db] = [patch.kv("s"), patch.db("s")];
    await kv.set("k", "before");
    await kv.set("exact", new Map([["k", new Uint8Array([1, 2])]]));
    fuse.memory = true;
    const calls = {
      set: () => kv.set("k", "never"),
      setExact: () => kv.set("k", new Map()),
      setMany: () => kv.setMany([["a", 1], ["b", 2]]),
      setLarge: () => kv.set("large", "x".repeat(200_000)),
      update: () => kv.update("k", () => "never"),
      delete: () => kv.delete("k"),
      insert: () => db.insert("c", { n: 1 }),
      insertMany: () => db.insertMany("c", [{ n: 1 }, { n: 2 }]),
      transaction: () => patch.transaction((tx) => tx.kv("s").set("k", "never")),
      getExact: () => kv.get("exact"),
      other: () => other.kv("s").set("k", 1),
      compact: () => patch.compact(),
      open: () => lib.openPatch("third"),
    };
    const during = {};
    for (const name of Object.keys(calls)) during[name] = await outcome(calls[name]);
    // At once: what waits behind what fails.
    const together = await Promise.all([outcome(calls.set), outcome(calls.update), outcome(calls.insert), outcome(() => patch.flush())]);
    fuse.memory = false;
    const after = {
      k: await kv.get("k"),
      a: await kv.get("a"),
      exact: [...(await kv.get("exact")).get("k")],
      docs: await db.count("c"),
      set: await outcome(() => kv.set("k", "after")),
      other: await outcome(() => other.kv("s").set("k", 1)),
      flush: await outcome(() => patch.flush()),
      close: await outcome(() => patch.close()),
    };
    return { during, together, after, blown: fuse.blown };
  });
  assert.ok(found.blown > 10, `${found.blown}`);
  const { compact, ...written } = found.during;
  assert.ok(compact !== "hangs", compact);
  const codes = [...Object.values(written), ...found.together.slice(0, 3)];
  assert.ok(codes.every((code) => code === "LimitExceeded"), JSON.stringify(found));
  assert.notEqual(found.together[3], "hangs");
  assert.deepEqual(found.after, {
    k: "before", a: undefined, exact: [1, 2], docs: 0, set: "fine", other: "fine", flush: "fine", close: "fine",
  });
  await page.close();
});

test("when a task of wasm's is unwound, every call of every patch settles, and every handle hears of its end", async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("unwound");
    const other = await lib.openPatch("another");
    const ended = [];
    for (const one of [patch, other]) one.on("closed", ({ reason }) => ended.push(reason));
    const [kv, db] = [patch.kv("s"), patch.db("s")];
    await kv.setMany(Array.from({ length: 2000 }, (_, n) => [`key-${n}`, n]));
    await patch.compact();
    const stop = kv.watch("key-1", () => {});
    const channel = new MessageChannel();
    patch.serve(channel.port1, { node: "n" });
    const walk = kv.iterate();
    await walk.next();
    const calls = {
      first: () => kv.set("k", 1),
      set: () => kv.set("k", 2),
      insert: () => db.insert("c", { n: 1 }),
      setMany: () => kv.setMany([["a", 1]]),
      update: () => kv.update("k", () => 3),
      updateSlow: () => kv.update("k", () => new Blob(["x"])),
      get: () => kv.get("key-1000"),
      count: () => db.count("c", { n: 1 }),
      delete: () => kv.delete("k"),
      transaction: () => patch.transaction(async (tx) => void (await tx.kv("s").set("k", await tx.kv("s").get("k")))),
      flush: () => patch.flush(),
      compact: () => patch.compact(),
      stats: () => patch.stats(),
      copyNode: () => patch.copyNode("a", "b"),
      open: () => lib.openPatch("third"),
      copyPatch: () => lib.copyPatch("unwound", "copy"),
      deletePatchData: () => lib.deletePatchData("another"),
      hasPatchData: () => lib.hasPatchData("unwound"),
      listPatches: () => lib.listPatches(),
      otherSet: () => other.kv("s").set("k", 1),
      otherClose: () => other.close(),
    };
    const under = Object.entries(calls).map(async ([name, call]) => [name, await outcome(call)]);
    fuse.clock = true;
    const during = Object.fromEntries(await Promise.all(under));
    const later = {};
    for (const [name, call] of Object.entries(calls)) later[name] = await outcome(call);
    later.iterate = await outcome(async () => {
      for await (const _ of walk);
    });
    later.watch = await outcome(() => kv.watch("k", () => {}));
    const quiet = { stop: await outcome(stop), close: await outcome(() => patch.close()), otherClose: later.otherClose };
    delete later.otherClose;
    // Needs no wasm here.
    delete later.listPatches;
    return { blown: fuse.blown, during, later, quiet, ended };
  });
  assert.equal(found.blown, 1);
  assert.deepEqual(Object.entries(found.during).filter(([, code]) => code === "hangs"), []);
  assert.equal(found.during.set, "Internal", JSON.stringify(found.during));
  assert.ok(Object.values(found.during).every((code) => ["fine", "Internal", "Closed"].includes(code)), JSON.stringify(found.during));
  assert.deepEqual([...new Set(Object.values(found.later))], ["Internal"], JSON.stringify(found.later));
  assert.deepEqual(found.quiet, { stop: "fine", close: "fine", otherClose: "fine" });
  assert.equal(found.ended.length, 2, JSON.stringify(found.ended));
  await page.reload();
  const kept = await page.evaluate(async () => {
    const lib = await import("/pkg/index.js");
    const patch = await lib.openPatch("unwound");
    const value = await patch.kv("s").get("key-1000");
    await patch.close();
    return value;
  });
  assert.equal(kept, 1000);
  await page.close();
});

test("a stack that is used up inside of a call leaves nothing hanging", async () => {
  const page = await newPage();
  const found = await page.evaluate(async () => {
    const patch = await lib.openPatch("deep");
    const kv = patch.kv("s");
    await kv.set("k", new Map([["k", 1]]));
    const pending = [];
    const value = new Map([["k", 1]]);
    const dive = () => {
      pending.push(outcome(() => kv.set("k", value)).catch(String));
      dive();
    };
    let thrown;
    try {
      dive();
    } catch (error) {
      thrown = error.constructor.name;
    }
    const ends = await Promise.all(pending);
    const later = [await outcome(() => kv.set("k", 2)), await outcome(() => kv.get("k")), await outcome(() => patch.close())];
    return { thrown, hung: [...ends, ...later].filter((end) => end === "hangs").length };
  });
  assert.deepEqual(found, { thrown: "RangeError", hung: 0 });
  await page.close();
});
