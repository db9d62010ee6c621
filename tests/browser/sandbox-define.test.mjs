/** What a grant has to say about indexes and definitions. */
import { inPage } from "./api/harness.mjs";

inPage({
  "indexes and definitions need the grant, and dropping what has them does, too": async ({ open, same, ok }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const { db } = patch.node("n");
      await db.insertMany("c", [{ _id: "a", n: 1 }, { _id: "b", n: 2 }]);
      await db.createIndex("c", "n", { unique: true });
      await db.insert("bare", {});
      const outcomes = await run(async ({ db }) => {
        const said = [];
        const ask = (promise) => promise.then((value) => said.push(value ?? "done"), ({ code, ids }) => said.push(ids ? [code, [...ids].sort()] : code));
        await ask(db.createIndex("c", "other"));
        await ask(db.dropIndex("c", "n"));
        await ask(db.define("c", {}));
        await ask(db.collection("c").createIndex("other"));
        await ask(db.drop("c"));
        await ask(db.drop("bare"));
        await ask(db.indexes("c"));
        await ask(db.explain("c", { n: 1 }));
        await ask(db.insert("c", { _id: "c", n: 2 }));
        await ask(db.upsert("c", { n: 2, more: true }, { on: "n" }));
        return said;
      });
      same(outcomes, [
        "AccessDenied", "AccessDenied", "AccessDenied", "AccessDenied", "AccessDenied", "done",
        [{ fields: ["n"], unique: true, multi: false }], { kind: "index", index: ["n"], ordered: false },
        ["ConstraintViolation", ["b", "c"]], { id: "b", inserted: false },
      ]);
      same((await db.indexes("c")).length, 1);
      ok((await db.findOne("c", "b")).more);
    });
  },

  "with the grant": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const indexes = await run(async ({ db }) => {
        await db.createIndex("c", ["a", "b"], { multi: true });
        await db.collection("c").createIndex("n", { unique: true });
        await db.dropIndex("c", ["a", "b"]);
        await db.insert("gone", {});
        await db.createIndex("gone", "a");
        await db.drop("gone");
        await db.define("defined", { sequences: { no: {} }, references: { up: { collection: "defined", onDelete: "cascade" } } });
        await db.insertMany("defined", [{ _id: "a" }, { _id: "b", up: "a" }]);
        if ((await db.findOne("defined", "b")).no !== 2) throw new Error("not numbered");
        await db.delete("defined", "a");
        if ((await db.count("defined")) !== 0) throw new Error("not taken along");
        return db.collection("c").indexes();
      });
      same(indexes, [{ fields: ["n"], unique: true, multi: false }]);
      same((await patch.node("n").db.indexes("gone")).length, 0);
    }, { define: true });
  },

  "reading alone is not enough": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }) => {
      const said = await run(({ db }) => db.createIndex("c", "a").catch(({ code }) => code));
      same(said, "AccessDenied");
    }, { define: true, access: "read" });
  },
});
