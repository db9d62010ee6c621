/** Blobs whose bytes never arrive: they end their own call, and hold up others only for a time. */
import { inPage } from "./api/harness.mjs";

inPage({
  "a late Blob ends its own call, and what was called later goes on in order": async ({ open, rejects, same }) => {
    const { makeLate } = await import("/tests/browser/api/late.mjs");
    makeLate();
    const patch = await open();
    const [kv, db] = [patch.kv("s"), patch.db("s")];
    await db.insert("c", { _id: "x" });
    const late = () => ({ in: [new Blob(["is late"])] });
    const at = { path: "$.in[0]" };
    const calls = [
      ["set", () => kv.set("k", late()), at],
      ["setMany", () => kv.setMany([["a", 1], ["b", late()]]), at],
      ["update", () => kv.update("k", late), at],
      ["insert", () => db.insert("c", late()), at],
      ["insertMany", () => db.insertMany("c", [{}, late()]), at],
      ["change", () => db.update("c", "x", late()), at],
      ["replace", () => db.replace("c", "x", late()), at],
      ["find", () => db.find("c", late()), at],
      ["transaction", () => patch.transaction(async (tx) => void (await tx.kv("s").set("k", late()))), at],
    ];
    for (const [name, call, evidence] of calls) {
      const refused = rejects(call(), "NotStorable", evidence);
      const next = kv.set("next", name);
      same(await kv.get("next"), name);
      await Promise.all([refused, next]);
    }
    same(await kv.keys(), ["next"]);
    same((await db.find("c")).length, 1);
  },

  "Blobs of one call share its patience": async ({ open, rejects, ok }) => {
    const { makeLate } = await import("/tests/browser/api/late.mjs");
    makeLate(400);
    const patch = await open();
    const began = performance.now();
    const slow = Array.from({ length: 100 }, () => new Blob(["slow"]));
    await rejects(patch.kv("s").set("k", slow), "NotStorable");
    ok(performance.now() - began < 3000);
  },

  "close() waits for a late Blob no longer than its call does": async ({ open, rejects }) => {
    const { makeLate } = await import("/tests/browser/api/late.mjs");
    makeLate();
    const patch = await open();
    const refused = rejects(patch.kv("s").set("k", new Blob(["is late"])), "NotStorable");
    await Promise.all([refused, patch.close()]);
  },

  "a sandbox's late Blob holds up nobody else, nor close()": async ({ open, same, ok }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const { makeLate } = await import("/tests/browser/api/late.mjs");
    makeLate(60_000);
    const patch = await open();
    const { run, remove } = await spawn("dedicated worker", patch);
    const order = await run(async ({ kv, failure }) => {
      globalThis.failed = failure(kv.set("k", { late: new Blob(["is late"]) }));
      const later = kv.set("later", 1).then(() => "later");
      return Promise.race([later, globalThis.failed, new Promise((go) => setTimeout(go, 300, "waits"))]);
    });
    same(order, "waits");
    const kv = patch.node("n").kv;
    await kv.set("own", 1);
    same(await kv.keys(), ["own"]);
    const began = performance.now();
    await patch.close();
    ok(performance.now() - began < 3000);
    same(await run(async () => (await globalThis.failed).code), "Closed");
    remove();
  },

  "a sandbox's late Blob ends its own call, and the sandbox goes on in order": async ({ open, same }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const { makeLate } = await import("/tests/browser/api/late.mjs");
    makeLate();
    const { run, remove } = await spawn("dedicated worker", await open());
    const found = await run(async ({ kv, db, failure }) => {
      const late = () => ({ late: new Blob(["is late"]) });
      const failed = [failure(kv.set("k", late())), failure(kv.update("k", late)), failure(db.insert("c", late()))];
      await kv.set("later", 1);
      return [(await Promise.all(failed)).map(({ code, path }) => `${code} ${path}`), await kv.keys()];
    });
    same(found, [Array(3).fill("NotStorable $.late"), ["later"]]);
    remove();
  },
});
