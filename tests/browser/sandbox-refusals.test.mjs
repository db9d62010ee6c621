/** What a sandbox is refused, and that the others do not notice. */
import { inPage } from "./api/harness.mjs";

inPage({
  "regular expressions run in the host, so a sandbox has them only where it is granted": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    const ask = (grant) => inEach(open, async ({ run }) => {
      const found = await run(async ({ db, failure }) => {
        await db.insertMany("c", [{ _id: "1", t: "aa", n: 1 }, { _id: "2", t: "b", n: 2 }]);
        const queries = [{ t: /^a/ }, { t: { $regex: "A", $options: "i" } }, { $or: [{ t: { $not: /b/ } }] }];
        const asked = [];
        for (const query of queries) {
          for (const name of ["find", "findOne", "count"]) asked.push((await failure(db[name]("c", query)))?.code);
        }
        // Everything else is theirs, and what is no query is refused as it is outside.
        asked.push((await db.find("c", { n: { $gt: 1 }, t: { $startsWith: "b" } })).length, (await failure(db.find("c", { n: { $near: 1 } }))).code);
        return asked;
      });
      const outcome = grant.regex ? undefined : "AccessDenied";
      same(found, [...Array(9).fill(outcome), 1, "InvalidArgument"]);
    }, grant);
    await ask({});
    await ask({ regex: true });
  },

  "values that cannot be stored are refused with their path, and nothing is stuck": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }) => {
      const found = await run(async ({ kv, db, failure }) => {
        class Own {}
        const cycle = { a: [] };
        cycle.a.push({ b: cycle });
        let deep = 1;
        for (let n = 0; n < 1001; n++) deep = [deep];
        const bad = {
          function: { a: [1, { "b c": () => 1 }] },
          symbol: [Symbol("s")],
          instance: { x: new Own() },
          subclass: { x: new (class extends Map {})() },
          error: { e: new Error("e") },
          regexp: { r: /r/ },
          cycle,
          getter: { g: { get h() { throw new Error("mine"); } } },
          inMap: new Map([["k", new Map([[1, () => 1]])]]),
          top: () => 1,
          shared: { s: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer },
          port: { p: new MessageChannel().port1 },
          pretender: { p: new (class { get [Symbol.toStringTag]() { return "Date"; } })() },
          raw: { r: JSON.rawJSON("1") },
        };
        const out = {};
        for (const [name, value] of Object.entries(bad)) {
          const { code, path, remedy, own, cause } = await failure(kv.set("k", value));
          out[name] = name === "getter" ? [code, path, cause] : [code, path];
          if (!own || remedy !== "fix-call") out[name] = "no error of ours";
        }
        const { code, message } = await failure(kv.set("k", deep));
        out.depth = message.length < 400 ? code : message;
        out.undefined = [(await failure(kv.set("k", undefined))).code];
        out.doc = [(await failure(db.insert("c", { f() {} }))).path, (await failure(db.insert("c", 5))).code];
        out.query = (await failure(db.find("c", { q: () => 1 }))).code;
        out.updateMade = (await failure(kv.update("k", () => ({ f() {} })))).path;
        out.updateThrew = (await failure(kv.update("k", () => { throw new RangeError("own"); }))).name;
        out.updateAsync = (await failure(kv.update("k", async () => 1))).code;
        out.left = [await kv.count(), await db.count("c")];
        return out;
      });
      same(found, {
        function: ["NotStorable", '$.a[1]["b c"]'],
        symbol: ["NotStorable", "$[0]"],
        instance: ["NotStorable", "$.x"],
        subclass: ["NotStorable", "$.x"],
        error: ["NotStorable", "$.e"],
        regexp: ["NotStorable", "$.r"],
        cycle: ["NotStorable", "$.a[0].b"],
        getter: ["NotStorable", "$.g.h", "Error: mine"],
        inMap: ["NotStorable", "$[0][1][0][1]"],
        top: ["NotStorable", "$"],
        shared: ["NotStorable", "$.s"],
        port: ["NotStorable", "$.p"],
        pretender: ["NotStorable", "$.p"],
        raw: ["NotStorable", "$.r"],
        depth: "NotStorable",
        undefined: ["NotStorable"],
        doc: ["$.f", "InvalidArgument"],
        query: "InvalidArgument",
        updateMade: "$.f",
        updateThrew: "RangeError",
        updateAsync: "InvalidArgument",
        left: [0, 0],
      });
    });
  },

  "wrong arguments": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }) => {
      const found = await run(async ({ kv, db, library, failure }) => {
        const long = "x".repeat(1001);
        const rejected = [
          kv.get(5), kv.get(), kv.get(long), kv.get(() => 1), kv.set(Symbol("k"), 1), kv.has({}), kv.delete(null),
          kv.keys(5), kv.keys({ limit: -1 }), kv.keys({ limit: 1.5 }), kv.entries({ nonsense: 1 }), kv.count({ gt: 7 }),
          kv.iterate({ limit: -1 }).next(), kv.iterate(5).next(),
          kv.getMany("ab"), kv.getMany([1]), kv.deleteMany(), kv.setMany([[5, 1]]), kv.update("k", 5), kv.update(5, () => 1),
          db.find(""), db.find("c", 5), db.find("c", {}, { limit: -1 }), db.find("c", {}, { skip: Infinity }),
          db.findOne("c"), db.findOne(5, "x"), db.insert("c", [1]), db.update("c", 5, {}), db.replace("c", "x", null), db.drop(),
          db.collection("c").find(7),
        ];
        const codes = (await Promise.all(rejected.map(failure))).map(({ code }) => code);
        const thrown = [
          () => kv.store(""), () => kv.store(5), () => kv.store(long), () => db.store(), () => db.collection(""),
          () => kv.watch(5, () => 1), () => kv.watch("k"), () => library.connect(), () => library.connect({}),
        ].map((call) => {
          try {
            call();
            return "nothing";
          } catch (error) {
            return library.isPatchStoreError(error) && error.code;
          }
        });
        return [codes.findIndex((code) => code !== "InvalidArgument"), thrown.findIndex((code) => code !== "InvalidArgument")];
      });
      same(found, [-1, -1]);
    });
  },

  "errors of the store arrive as they are": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }) => {
      const found = await run(async ({ db, failure }) => {
        await db.insert("c", { _id: "x" });
        return failure(db.insert("c", { _id: "x" }));
      });
      same([found.name, found.code, found.remedy, found.own], ["PatchStoreError", "Exists", "fix-call", true]);
    });
  },

  "stores that are not granted, and writes on a read grant": async ({ open, same, until }) => {
    const { spawn, KINDS } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    await patch.kv("secret").set("k", "canary");
    await patch.kv("open").set("k", 1);
    await patch.node("other").kv.set("k", "canary");
    for (const kind of KINDS) {
      const reader = await spawn(kind, patch, { node: "n", stores: ["open"], access: "read" });
      const found = await reader.run(async ({ kv, db, failure }) => {
        const secret = kv.store("secret");
        const denied = [
          secret.get("k"), secret.keys(), secret.iterate().next(), secret.update("k", () => 1), secret.set("k", 1),
          db.store("secret").find("c"), kv.store("open").store("secret").get("k"), kv.store("other").get("k"),
          kv.set("k", 1), kv.delete("k"), kv.clear(), kv.setMany([["k", 1]]), kv.setMany(Array.from({ length: 2500 }, (_, n) => [`${n}`, 1])),
          kv.deleteMany(["k"]), kv.update("k", () => 1), kv.store("open").set("k", 2),
          db.insert("c", {}), db.insertMany("c", [{}]), db.update("c", "x", {}), db.replace("c", "x", {}), db.delete("c", "x"), db.drop("c"),
        ];
        const outcomes = await Promise.all(denied.map(failure));
        const reported = new Promise((resolve) => {
          addEventListener("error", (event) => (event.preventDefault(), resolve(event.error.code)));
        });
        secret.watch("k", () => resolve("told"));
        return {
          codes: [...new Set(outcomes.map(({ code }) => code))],
          leaks: JSON.stringify(outcomes).includes("canary"),
          watch: await reported,
          allowed: [await kv.get("k"), await kv.store("open").get("k"), await db.count("c")],
        };
      });
      same(found, { codes: ["AccessDenied"], leaks: false, watch: "AccessDenied", allowed: [undefined, 1, 0] });
      const all = await spawn(kind, patch, { node: "n", stores: "*" });
      same(await all.run(({ kv }) => kv.store("secret").get("k")), "canary");
      reader.remove();
      all.remove();
    }
    same([await patch.kv("open").get("k"), await patch.node("n").kv.count()], [1, 0]);
  },

  "values above the limit": async ({ open, same }) => {
    const { inEach, spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    const { run } = await spawn("module worker", patch, { node: "n", maxValueBytes: 1000 });
    const found = await run(async ({ kv, db, failure }) => {
      const nest = (value, times) => (times === 0 ? value : nest([value, value], times - 1));
      const large = [
        "x".repeat(1001), new Uint8Array(1001), new ArrayBuffer(5000), Array(200).fill(1), { a: "x".repeat(1000) }, nest(1, 12),
        new Map([["k", "x".repeat(1000)]]), new Set(["x".repeat(1001)]), new Blob(["x".repeat(1001)]), 2n ** 9000n, { ["n".repeat(1001)]: 1 },
      ];
      const codes = [];
      for (const value of large) {
        const calls = [
          kv.set("k", value), kv.setMany([["a", 1], ["k", value]]), kv.update("k", () => value),
          kv.setMany(Array.from({ length: 2500 }, (_, n) => [`k${n}`, n === 3 ? value : n])),
          db.insert("c", { value }), db.insertMany("c", [{}, { value }]), db.update("c", "x", { value }), db.replace("c", "x", { value }),
        ];
        for (const { code } of await Promise.all(calls.map(failure))) codes.push(code);
      }
      const left = [await kv.count(), await db.count("c")];
      const fits = ["x".repeat(1000), new Uint8Array(1000), new Uint8Array(5000).subarray(0, 1000), { a: "x".repeat(900) }, Array(100).fill(1)];
      for (const value of fits) await kv.set("k", value);
      return [[...new Set(codes)], left, (await kv.get("k")).length];
    });
    same(found, [["LimitExceeded"], [0, 0], 100]);
  },

  "requests in flight above the limit, and none of other sandboxes": async ({ open, same, ok }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    const narrow = await spawn("dedicated worker", patch, { node: "n", maxInFlight: 4 });
    const wide = await spawn("dedicated worker", patch, { node: "m" });
    const work = async ({ kv, failure }) => {
      const outcomes = await Promise.all(Array.from({ length: 200 }, (_, n) => failure(kv.set(`k${n}`, n))));
      const reads = await Promise.all(Array.from({ length: 50 }, () => failure(kv.get("k0"))));
      const count = (list, code) => list.filter((it) => it.code === code).length;
      for (let n = 0; n < 50; n++) await kv.set("one", n);
      return [count(outcomes, undefined), count(outcomes, "LimitExceeded"), count(reads, undefined), count(reads, "LimitExceeded"), await kv.count()];
    };
    const [a, b] = await Promise.all([narrow.run(work), wide.run(work)]);
    same(a, [4, 196, 4, 46, 5]);
    same(b, [200, 0, 50, 0, 201]);
  },

  "serve: wrong ports and grants are thrown at once": async ({ open, throws }) => {
    const patch = await open();
    const { port1 } = new MessageChannel();
    const grants = [
      undefined, null, 5, {}, { node: "" }, { node: 5 }, { node: "x".repeat(1001) }, { node: "n", stores: "a" }, { node: "n", stores: [""] },
      { node: "n", stores: [5] }, { node: "n", access: "write" }, { node: "n", maxValueBytes: -1 }, { node: "n", maxInFlight: 0.5 },
      { node: "n", maxInFlight: "9" }, { node: "n", other: 1 },
    ];
    for (const grant of grants) throws(() => patch.serve(port1, grant), "InvalidArgument", {}, JSON.stringify(grant));
    for (const port of [undefined, null, 5, {}, window]) throws(() => patch.serve(port, { node: "n" }), "InvalidArgument");
    await patch.close();
    throws(() => patch.serve(port1, { node: "n" }), "Closed");
  },

  "a change that never ends holds up its own sandbox only": async ({ open, same, until }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    const data = new MessageChannel();
    patch.serve(data.port1, { node: "n", maxInFlight: 10 });
    const heard = [];
    data.port2.onmessage = (event) => heard.push(event.data);
    // An update whose new value never comes, and calls behind it.
    data.port2.postMessage([0, 1, "kv.update", null, ["k"]]);
    for (let id = 2; id < 40; id++) data.port2.postMessage([0, id, "kv.set", null, ["k", id]]);
    await until(() => heard.length === 30, "one old value and 29 refusals");
    same(heard.map(([kind]) => kind).sort(), [...Array(29).fill(1), 2]);
    same([...new Set(heard.slice(1).map(([, , failure]) => failure.code))], ["LimitExceeded"]);
    const other = await spawn("module worker", patch, { node: "n" });
    same(await other.run(({ kv }) => kv.update("k", (n = 0) => n + 1)), 1);
    await patch.node("n").kv.update("k", (n) => n + 1);
    // It wakes up: what it made of the value of then is not taken.
    data.port2.postMessage([2, 1, "stale"]);
    await until(() => heard.length === 31);
    same(heard[30], [2, 1, 2]);
    data.port2.postMessage([2, 1, 3]);
    await until(async () => (await patch.node("n").kv.get("k")) === 10, "the calls behind it");
    data.port2.postMessage([2, 1, "again"]);
    await until(() => heard.at(-1)[0] === 1);
    same(heard.at(-1)[2].code, "InvalidArgument");
  },

  "a sandbox that takes nothing in is not sent ever more": async ({ open, same, until, sleep, ok }) => {
    const patch = await open();
    const data = new MessageChannel();
    patch.serve(data.port1, { node: "n" });
    const kv = patch.node("n").kv;
    await kv.set("large", new Uint8Array(8 << 20));
    const heard = [];
    data.port2.onmessage = (event) => heard.push(event.data);
    for (let id = 1; id <= 100; id++) data.port2.postMessage([0, id, "kv.get", null, ["large"]]);
    await until(() => heard.length >= 9, "9 answers", 10_000);
    await sleep(100);
    ok(heard.length < 30, `${heard.length} answers of 8 MiB`);
    const before = heard.length;
    // Answers that there were not cannot be taken in; others make room.
    for (let id = 50; id <= 100; id++) data.port2.postMessage([4, id]);
    await sleep(50);
    same(heard.length, before);
    for (let id = 1; id <= before; id++) data.port2.postMessage([4, id]);
    await until(() => heard.length > before);
    // The same of events: none is lost for good.
    const watcher = new MessageChannel();
    patch.serve(watcher.port1, { node: "w" });
    const events = [];
    watcher.port2.onmessage = ({ data }) => data[0] === 3 && events.push(data[2]);
    watcher.port2.postMessage([0, 1, "kv.watch", null, ["k"]]);
    watcher.port2.postMessage([4, 1]);
    await sleep(20);
    for (let n = 0; n < 1000; n++) await patch.node("w").kv.set("k", n);
    await sleep(50);
    ok(events.length < 400, `${events.length} events`);
    watcher.port2.postMessage([4, 1]);
    await until(() => events.at(-1) === 999, "the last value");
  },

  "what is too large to be sent is an error in place of an event, and the watch goes on": async ({ open, same }) => {
    const { spawn, KINDS } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    const kv = patch.node("n").kv;
    for (const kind of KINDS) {
      await kv.delete("k");
      const sandbox = await spawn(kind, patch, { node: "n", maxValueBytes: 1 << 20 });
      await sandbox.run(async ({ kv }) => {
        globalThis.seen = [];
        addEventListener("error", (event) => (event.preventDefault(), seen.push([event.error.code, event.error.message])));
        kv.watch("k", (value) => seen.push(value.length));
        await kv.has("k");
      });
      for (const mebibytes of [1, 65, 64, 66, 2]) {
        await kv.set("k", "x".repeat(mebibytes << 20));
        await sandbox.run(async ({ kv }) => void (await kv.has("k")));
      }
      const found = await sandbox.run(async () => {
        while (seen.length < 5) await new Promise((resolve) => setTimeout(resolve, 10));
        return seen;
      });
      const refused = (mebibytes) => ["LimitExceeded", `at least ${mebibytes << 20} bytes; the limit is ${64 << 20}`];
      same(found, [1 << 20, refused(65), 64 << 20, refused(66), 2 << 20]);
      await kv.set("k", "x".repeat(65 << 20));
      const update = await sandbox.run(({ kv, failure }) => failure(kv.update("k", () => 1)));
      same([update.code, update.message], refused(65));
      same((await kv.get("k")).length, 65 << 20);
      sandbox.remove();
    }
  },
});
