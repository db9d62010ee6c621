import { inPage } from "./api/harness.mjs";

inPage({
  "transaction: all of it or nothing, seen by itself at once": async ({ open, same, rejectsWith }) => {
    const patch = await open();
    const kv = patch.kv("s");
    await kv.set("a", 1);
    const result = await patch.transaction(async (tx) => {
      const inside = tx.kv("s");
      same(await inside.get("a"), 1);
      await inside.set("a", 2);
      await inside.set("b", 3);
      same(await inside.get("a"), 2);
      same(await inside.keys(), ["a", "b"]);
      same(await kv.get("a"), 1, "outside");
      await tx.db("d").insert("c", { _id: "x", n: 1 });
      same((await tx.db("d").find("c")).length, 1);
      same(await patch.db("d").count("c"), 0);
      void tx.node("n").kv.set("unawaited", true);
      void tx.node("n").kv.set("blob", new Blob(["read after the work has ended"]));
      return "result";
    });
    same(result, "result");
    same(await kv.entries(), [["a", 2], ["b", 3]]);
    same(await patch.db("d").count("c"), 1);
    same(await patch.node("n").kv.keys(), ["blob", "unawaited"]);
    const reason = new Error("expected by a test");
    await rejectsWith(patch.transaction(async (tx) => {
      await tx.kv("s").set("a", 99);
      throw reason;
    }), reason);
    await rejectsWith(patch.transaction((tx) => {
      tx.kv("s").set("a", 99);
      throw reason;
    }), reason);
    same(await kv.get("a"), 2);
  },

  "transaction: it runs again when what it read was changed": async ({ open, same }) => {
    const patch = await open();
    const kv = patch.kv("s");
    await kv.set("n", 0);
    let runs = 0;
    await patch.transaction(async (tx) => {
      runs++;
      const n = await tx.kv("s").get("n");
      if (runs === 1) await kv.set("n", 10);
      await tx.kv("s").set("n", n + 1);
    });
    same([runs, await kv.get("n")], [2, 11]);
    // An absent key and a range count as read, too; other keys do not.
    runs = 0;
    await patch.transaction(async (tx) => {
      if (++runs === 1) {
        same(await tx.kv("s").has("absent"), false);
        await kv.set("absent", 1);
      }
      await tx.kv("s").set("x", runs);
    });
    same(runs, 2);
    runs = 0;
    await patch.transaction(async (tx) => {
      runs++;
      const count = await tx.kv("t").count();
      if (runs === 1) await patch.kv("t").set("new", 1);
      await tx.kv("t").set("count", count);
    });
    same([runs, await patch.kv("t").get("count")], [2, 1]);
    runs = 0;
    await patch.transaction(async (tx) => {
      runs++;
      await tx.kv("s").get("n");
      await kv.set("unrelated", runs);
      await tx.kv("s").set("x", 1);
    });
    same(runs, 1);
  },

  "transaction: many at once lose nothing": async ({ open, same }) => {
    const patch = await open();
    const add = () => patch.transaction(async (tx) => {
      const n = (await tx.kv("s").get("n")) ?? 0;
      await Promise.resolve();
      await tx.kv("s").set("n", n + 1);
    }, { retries: 100 });
    await Promise.all(Array.from({ length: 20 }, add));
    same(await patch.kv("s").get("n"), 20);
  },

  "transaction: Conflict after as many retries as allowed": async ({ open, same, rejects }) => {
    const patch = await open();
    const kv = patch.kv("s");
    for (const [retries, expected] of [[0, 1], [2, 3], [undefined, 11]]) {
      let runs = 0;
      await rejects(patch.transaction(async (tx) => {
        runs++;
        await tx.kv("s").get("n");
        await kv.set("n", Math.random());
        await tx.kv("s").set("mine", 1);
      }, { retries }), "Conflict", { remedy: "retry" });
      same(runs, expected);
    }
    same(await kv.has("mine"), false);
  },

  "transaction: afterwards it is Closed, and it cannot watch": async ({ open, rejects, throws }) => {
    const patch = await open();
    let kept;
    let keptKv;
    await patch.transaction(async (tx) => {
      kept = tx;
      keptKv = tx.kv("s");
      throws(() => tx.kv("s").watch("k", () => {}), "InvalidArgument", { message: /watch/ });
      throws(() => tx.kv(""), "InvalidArgument");
      await rejects(tx.kv("s").set("k", () => {}), "NotStorable");
    });
    throws(() => kept.kv("s"), "Closed");
    throws(() => kept.node("s"), "Closed");
    await rejects(keptKv.get("k"), "Closed");
    await rejects(keptKv.set("k", 1), "Closed");
    throws(() => keptKv.store("x"), "Closed");
  },

  "transaction: bad calls, and abort": async ({ open, same, rejects, rejectsWith }) => {
    const patch = await open();
    await rejects(patch.transaction(), "InvalidArgument");
    await rejects(patch.transaction(async () => {}, { retries: -1 }), "InvalidArgument");
    await rejects(patch.transaction(async () => {}, { retry: 1 }), "InvalidArgument", { message: /retry/ });
    const reason = new Error("enough");
    await rejectsWith(patch.transaction(async () => {}, { signal: AbortSignal.abort(reason) }), reason);
    const aborter = new AbortController();
    await rejectsWith(patch.transaction(async (tx) => {
      await tx.kv("s").set("k", 1);
      aborter.abort(reason);
      await new Promise(() => {});
    }, { signal: aborter.signal }), reason);
    same(await patch.kv("s").has("k"), false);
  },

  "transaction: update, batches and Blobs work inside": async ({ open, same }) => {
    const patch = await open();
    await patch.transaction(async (tx) => {
      const kv = tx.kv("s");
      await kv.update("n", (old = 1) => old + 1);
      await kv.setMany(Array.from({ length: 2500 }, (_, at) => [`k${at}`, at]));
      void kv.set("blob", new Blob(["b"]));
      same(await (await kv.get("blob")).text(), "b");
      same(await kv.count(), 2502);
    });
    same(await patch.kv("s").get("n"), 2);
    same(await patch.kv("s").count(), 2502);
  },
});
