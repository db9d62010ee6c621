/** Definitions on real databases: they outlive closing, go along with copies, and hold in every browser. */
import { inEveryBrowser } from "./api/harness.mjs";

inEveryBrowser({
  "references and sequences hold, after reopening and in a copy too": async ({ lib, same, rejects }) => {
    const id = `define-${Math.random()}`;
    let patch = await lib.openPatch(id);
    let db = patch.db("d");
    await db.define("sites", {});
    await db.define("pages", {
      indexes: [{ fields: ["site", "slug"], unique: true }],
      references: { site: { collection: "sites", onDelete: "cascade" }, parent: { collection: "pages", onDelete: "set-null" } },
      sequences: { no: { per: "site" } },
    });
    await db.insertMany("sites", [{ _id: "a" }, { _id: "b" }]);
    await db.insertMany("pages", [{ _id: "a1", site: "a", slug: "x" }, { _id: "b1", site: "b", slug: "x" }, { _id: "a2", site: "a", slug: "y", parent: "a1" }]);
    await patch.close();
    await lib.copyPatch(id, `${id} copy`);
    for (const name of [id, `${id} copy`]) {
      patch = await lib.openPatch(name);
      db = patch.db("d");
      await rejects(db.insert("pages", { site: "a", slug: "x" }), "ConstraintViolation");
      await rejects(db.insert("pages", { site: "nowhere", slug: "z" }), "ConstraintViolation", { ids: ["nowhere"] });
      await db.insert("pages", { _id: "a3", site: "a", slug: "z" });
      const numbers = async () => (await db.find("pages")).map(({ _id, no, parent }) => [_id, no, parent]);
      same(await numbers(), [["a1", 1, undefined], ["b1", 1, undefined], ["a2", 2, "a1"], ["a3", 3, undefined]]);
      same((await db.explain("pages", { site: "a" })).index, ["site", "slug"]);
      await db.delete("pages", "a1");
      same(await numbers(), [["b1", 1, undefined], ["a2", 2, null], ["a3", 3, undefined]]);
      await db.delete("sites", "a");
      same(await numbers(), [["b1", 1, undefined]]);
      await db.insert("sites", { _id: "a" });
      await db.insert("pages", { _id: "a4", site: "a", slug: "x" });
      same(await numbers(), [["b1", 1, undefined], ["a4", 4, undefined]]);
      await patch.close();
      await lib.deletePatchData(name);
    }
  },

  "100 000 documents that refer to one that goes leave the page free": async ({ lib, same, ok }) => {
    const id = `define-many-${Math.random()}`;
    const patch = await lib.openPatch(id);
    const db = patch.db("d");
    await db.define("kept", { references: { of: { collection: "parents", onDelete: "set-null" } } });
    await db.define("gone", { references: { of: { collection: "parents", onDelete: "cascade" } } });
    await db.insert("parents", { _id: "p" });
    for (const name of ["kept", "gone"]) await db.insertMany(name, Array.from({ length: 50_000 }, (_, n) => ({ n, of: "p" })));
    let tasks = 0;
    const timer = setInterval(() => (tasks += 1), 1);
    const start = performance.now();
    same(await db.delete("parents", "p"), true);
    const took = performance.now() - start;
    clearInterval(timer);
    same([await db.count("gone"), await db.count("kept", { of: null }), await db.count("kept", { of: "p" })], [0, 50_000, 0]);
    // (In one piece, there would be none.)
    ok(tasks >= took / 400, `${tasks} tasks of others in ${took} ms`);
    await patch.close();
    await lib.deletePatchData(id);
  },
});
