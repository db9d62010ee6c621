/** Pages, different values and includes over the port. */
import { inPage } from "./api/harness.mjs";

inPage({
  "what they give is what their descriptions say": async ({ open, same }) => {
    const [{ connect }, { ask, documents }, { Chance }] = await Promise.all(
      ["/pkg/sandbox.js", "/tests/node/queries/reads.mjs", "/tests/node/queries/random.mjs"].map((module) => import(module)),
    );
    const patch = await open();
    const { port1, port2 } = new MessageChannel();
    patch.serve(port1, { node: "n", stores: "*", regex: true });
    const connection = connect(port2);
    for (let set = 0; set < 4; set++) {
      const chance = new Chance(70 + set);
      const db = connection.db.store(`s${set}`);
      await db.insertMany("c", documents(chance, 25, "c"));
      await db.insertMany("d", documents(chance, 15, "d"));
      const held = { docs: await db.find("c"), others: await db.find("d") };
      for (let n = 0; n < 6; n++) await ask(db, held, chance, same);
    }
    connection.close();
  },

  "each in every kind of realm": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }) => {
      const found = await run(async ({ db, failure }) => {
        const out = {};
        const ids = (docs) => docs.map(({ _id }) => _id);
        const text = "x".repeat(3000);
        await db.insertMany("c", Array.from({ length: 1000 }, (_, n) => ({ _id: String(n), n: n % 3, text })));
        const c = db.collection("c");
        const page = await c.find({}, { sort: { n: -1 }, limit: 2, fields: ["text"] });
        const last = page.at(-1);
        await c.delete(last._id);
        out.after = [ids(page), ids(await c.find({}, { sort: { n: -1 }, limit: 2, after: last }))];
        out.gone = [(await failure(c.find({}, { after: last }))).code, (await failure(c.find({}, { sort: { n: -1 }, after: { ...last } }))).code];
        const one = await c.findOne({ n: 1 }, { skip: 1, fields: ["n"] });
        out.one = [one, ids(await c.find({ n: 1 }, { after: one, limit: 1 })), await c.findOne("7", { fields: ["n"] }), await c.findOne("none", { fields: [] })];
        let count = 0;
        let sum = 0;
        for await (const doc of c.iterate({}, { skip: 10 })) {
          count += 1;
          sum += Number(doc._id);
          doc._id = "changed by its owner";
        }
        out.iterate = [count, sum];
        const some = [];
        for await (const { _id } of c.iterate({ n: 2 }, { sort: { n: 1 }, limit: 3 })) some.push(_id);
        out.some = some;
        const iterator = c.iterate();
        await iterator.next();
        out.returned = [(await iterator.return()).done, (await iterator.next()).done];
        const controller = new AbortController();
        out.aborted = (await failure(async () => {
          for await (const _ of c.iterate({}, { signal: controller.signal })) controller.abort(new Error("enough"));
        })).message;
        out.distinct = await c.distinct("n", { n: { $gt: 0 } });
        out.explain = [await c.explain({ _id: "1" }), await c.explain()];
        await db.insertMany("notes", [{ _id: "a", of: "7", at: 1 }, { _id: "b", of: "7", at: 2 }]);
        const notes = { collection: "notes", foreign: "of", sort: { at: -1 }, limit: 1, fields: ["at"] };
        out.include = await c.find({ _id: "7" }, { fields: ["n"], include: { notes } });
        out.refused = [
          (await failure(c.find({}, { include: { x: {} } }))).code,
          (await failure(c.distinct(5))).code,
          (await failure(c.iterate({}, 5).next())).code,
          (await failure(c.find({}, { after: 5 }))).code,
        ];
        return out;
      });
      same(found, {
        after: [["2", "5"], ["8", "11"]],
        gone: ["InvalidArgument", "InvalidArgument"],
        one: [{ _id: "4", n: 1 }, ["7"], { _id: "7", n: 1 }, null],
        iterate: [989, 499_500 - 5 - 45 - 10 + 5],
        some: ["2", "8", "11"],
        returned: [true, true],
        aborted: "enough",
        distinct: [1, 2],
        explain: [{ kind: "id" }, { kind: "scan" }],
        include: [{ _id: "7", n: 1, notes: [{ _id: "b", at: 2 }] }],
        refused: Array(4).fill("InvalidArgument"),
      });
    });
  },

  "a grant without regular expressions refuses them in includes, too, and one to read lets read": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    const ask = (grant) => inEach(open, async ({ run }, patch) => {
      await patch.node("n").db.insertMany("c", [{ _id: "1", t: "a" }, { _id: "2", t: "b" }]);
      const found = await run(async ({ db, failure }) => {
        const include = { x: { collection: "c", include: { y: { collection: "c", query: { t: { $not: /b/ } } } } } };
        const outcome = async (call) => (await failure(call)).code;
        return [
          await outcome(db.find("c", {}, { include })),
          await outcome(db.findOne("c", "1", { include })),
          await outcome(db.iterate("c", {}, { include }).next()),
          await outcome(db.explain("c", { t: /a/ })),
          await outcome(db.distinct("c", "t", { t: /a/ })),
          (await db.distinct("c", "t")).length,
          (await Array.fromAsync(db.iterate("c"))).length,
        ];
      });
      same(found, [...Array(5).fill(grant.regex ? undefined : "AccessDenied"), 2, 2]);
    }, grant);
    await ask({ access: "read" });
    await ask({ regex: true });
  },

  "a mark that was made up leads nowhere that a sandbox may not go": async ({ open, same }) => {
    const patch = await open();
    const { port1, port2 } = new MessageChannel();
    patch.serve(port1, { node: "n" });
    await patch.node("n").db.insertMany("c", [{ _id: "1" }, { _id: "2" }]);
    const answers = [];
    const answered = (count) => new Promise((resolve) => (port2.onmessage = ({ data }) => answers.push(data) === count && resolve()));
    const place = (frame, slot) => frame.toString(16).padStart(16, "0") + slot.toString(16).padStart(8, "0");
    const marks = [
      ["", "1"], ["zz", "1"], [place(0, 0), "1"], ["f".repeat(24), "1"], [place(0, 0) + "0c00", "1"], [`8${"0".repeat(23)}${place(0, 0)}`, "1"],
      ["0".repeat(23), "1"], [place(0, 0)], [1, "1"], "mark", {}, null, [place(0, 0), "1".repeat(2000)], [`${"0".repeat(24)}${"c".repeat(1e6)}`, "1"],
    ];
    const done = answered(marks.length);
    marks.forEach((mark, at) => port2.postMessage([0, at + 1, "db.find", null, ["c", {}, {}, mark]]));
    await done;
    const found = answers.map(([kind, , value]) => (kind === 0 ? value.length : value.code));
    const refused = "InvalidArgument";
    same(found, [refused, refused, 3, refused, 3, 2, refused, refused, refused, refused, refused, refused, 3, refused]);
    same((await patch.node("n").db.find("c")).length, 2);
  },
});
