/** Migrations of the data's shape in several realms of one browser: pages are frames here, each with an engine of its own. */
import { inEveryBrowser } from "./api/harness.mjs";

/** Runs in the page: another realm with the package in it. */
const helpers = `
  const realm = async () => {
    const frame = document.createElement("iframe");
    frame.src = "/tests/browser/api/page.html";
    document.body.append(frame);
    await kit.until(() => frame.contentWindow.kit !== undefined);
    return { frame, lib: frame.contentWindow.kit.lib, window: frame.contentWindow };
  };
  const failure = (promise) => Promise.resolve().then(() => promise()).then(() => undefined, (error) => error);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const id = "migrated " + Math.random();
`;

/** Each case gets what `helpers` declares. */
const cases = {
  "two open at once: one migrates, and both have what it made": async ({ same }, { realm, pause, id }) => {
    const [one, two] = [await realm(), await realm()];
    const runs = [];
    const migrate = (name) => async (tx, from) => {
      runs.push([name, from]);
      await tx.db("d").createIndex("c", "n");
      await tx.db("d").insertMany("c", [{ n: 1 }, { n: 2 }]);
      await pause(300);
    };
    const patches = await Promise.all([one, two].map(({ lib }, at) => lib.openPatch(id, { version: 2, migrate: migrate(at) })));
    same(runs.length, 1);
    same(runs[0][1], 0);
    for (const patch of patches) {
      const db = patch.db("d");
      same([await db.count("c"), (await db.explain("c", { n: 1 })).kind], [2, "index"]);
    }
    await patches[0].db("d").insert("c", { n: 3 });
    await patches[1].db("d").insert("c", { n: 4 });
    for (const patch of patches) await patch.close();
  },

  "an open tab of a lower version ends before anything is changed, and nothing of it lands after that": async ({ same, ok }, { realm, failure, id }) => {
    const [old, other] = [await realm(), await realm()];
    const patch = await old.lib.openPatch(id, { version: 1 });
    const reasons = [];
    patch.on("closed", ({ reason }) => reasons.push(reason));
    const acknowledged = [];
    const writing = (async () => {
      for (let n = 0; ; n++) {
        const error = await failure(() => patch.kv("s").set("" + n, n));
        if (error) return error;
        acknowledged.push("" + n);
      }
    })();
    let seen, heard;
    const migrate = async (tx, from) => {
      heard = [...reasons];
      seen = await tx.kv("s").keys();
      await tx.kv("s").set("migrated", from);
    };
    const next = await other.lib.openPatch(id, { version: 2, migrate });
    const error = await writing;
    same([error.code, error.remedy], ["Closed", "reopen"]);
    same((await failure(() => patch.kv("s").set("late", 1))).code, "Closed");
    same([heard, reasons], [["versionchange"], ["versionchange"]]);
    const sorted = (await next.kv("s").keys()).filter((key) => key !== "migrated");
    same(sorted, seen);
    ok(acknowledged.every((key) => seen.includes(key)), "what was acknowledged is there");
    const refused = await failure(() => old.lib.openPatch(id, { version: 1 }));
    same([refused.code, refused.remedy], ["UnsupportedFormat", "reload"]);
    await next.close();
  },

  "what migrate throws rejects, and nothing has changed": async ({ same, ok, lib }, { realm, failure, id }) => {
    const other = await realm();
    const first = await lib.openPatch(id, { version: 1 });
    await first.db("d").insert("c", { n: 1 });
    await first.close();
    const thrown = new Error("as wanted");
    const migrate = async (tx) => {
      await tx.db("d").drop("c");
      throw thrown;
    };
    ok((await failure(() => other.lib.openPatch(id, { version: 2, migrate }))) === thrown, "it is the same");
    const again = await lib.openPatch(id, { version: 1 });
    same(await again.db("d").count("c"), 1);
    const migrated = await other.lib.openPatch(id, { version: 2, migrate: async () => {} });
    same(await migrated.db("d").count("c"), 1);
    await again.close();
    await migrated.close();
  },

  "whoever opens it meanwhile waits, which is no time of opening": async ({ same, lib }, { realm, failure, pause, id }) => {
    const other = await realm();
    // (Opening itself takes less, on a busy machine too.)
    const quick = { openTimeoutMs: 3000 };
    let begun;
    const isBegun = new Promise((resolve) => (begun = resolve));
    let isOver = false;
    const migrate = async (tx) => {
      await tx.kv("s").set("k", "new");
      begun();
      await pause(6000);
      isOver = true;
    };
    await (await lib.openPatch(id, { version: 1 })).close();
    const migrating = lib.openPatch(id, { version: 2, migrate });
    await isBegun;
    const never = async () => {
      throw new Error("two have migrated it");
    };
    const [plain, same2, lower] = await Promise.all([
      other.lib.openPatch(id, quick),
      (await realm()).lib.openPatch(id, { version: 2, migrate: never, ...quick }),
      (async () => {
        const third = await realm();
        return failure(() => third.lib.openPatch(id, { version: 1, ...quick }));
      })(),
    ]);
    same(isOver, true);
    same([await plain.kv("s").get("k"), await same2.kv("s").get("k"), lower.code], ["new", "new", "UnsupportedFormat"]);
    const abort = new AbortController();
    for (const patch of [await migrating, plain, same2]) await patch.close();
    const slow = lib.openPatch(id, { version: 3, migrate: () => pause(1500) });
    await pause(300);
    const waiting = failure(() => other.lib.openPatch(id, { version: 3, migrate: never, signal: abort.signal }));
    await pause(100);
    abort.abort("enough");
    same(await waiting, "enough");
    await (await slow).close();
  },

  "a page that has it open with a lower version, and hears late, waits with its next open": async ({ same }, { realm, failure, pause, id }) => {
    const [deaf, other] = [await realm(), await realm()];
    // (It looks at the log only when it must.)
    delete deaf.window.BroadcastChannel;
    const old = await deaf.lib.openPatch(id, { version: 1 });
    await old.kv("s").set("k", "old");
    let begun;
    const isBegun = new Promise((resolve) => (begun = resolve));
    const migrate = async (tx) => {
      await tx.kv("s").set("k", "new");
      begun();
      await pause(600);
    };
    const migrating = other.lib.openPatch(id, { version: 2, migrate });
    await isBegun;
    const never = async () => {
      throw new Error("two have migrated it");
    };
    const opened = await Promise.all([deaf.lib.openPatch(id, { version: 2, migrate: never }), deaf.lib.openPatch(id), await migrating]);
    for (const patch of opened) same(await patch.kv("s").get("k"), "new");
    same((await failure(() => old.kv("s").get("k"))).code, "Closed");
    for (const patch of opened) await patch.close();
  },

  "one that dies in the middle leaves the old data, and shuts nobody out": async ({ same, lib }, { realm, pause, id }) => {
    await (await lib.openPatch(id, { version: 1 })).close();
    const dying = await realm();
    let begun;
    const isBegun = new Promise((resolve) => (begun = resolve));
    const migrate = async (tx) => {
      await tx.kv("s").set("k", "half");
      begun();
      await new Promise(() => {});
    };
    dying.lib.openPatch(id, { version: 2, migrate }).catch(() => {});
    await isBegun;
    dying.frame.remove();
    const old = await lib.openPatch(id, { version: 1 });
    same(await old.kv("s").get("k"), undefined);
    await old.kv("s").set("k", "old");
    await old.compact();
    const any = await (await realm()).lib.openPatch(id);
    same(await any.kv("s").get("k"), "old");
    const reasons = [];
    old.on("closed", ({ reason }) => reasons.push(reason));
    const other = await realm();
    const next = await other.lib.openPatch(id, { version: 2, migrate: async (tx) => tx.kv("s").set("k", (await tx.kv("s").get("k")) + " new") });
    same(await next.kv("s").get("k"), "old new");
    for (let n = 0; n < 100 && reasons.length === 0; n++) await pause(50);
    same(reasons, ["versionchange"]);
    await any.close();
    await next.close();
  },

  "without Web Locks two may run it, and one takes effect": async ({ same }, { realm, pause, id }) => {
    const realms = [await realm(), await realm()];
    for (const { window } of realms) Object.defineProperty(window.navigator, "locks", { value: undefined, configurable: true });
    const migrate = (name) => async (tx, from) => {
      await tx.kv("s").set("by", ((await tx.kv("s").get("by")) ?? "") + name + from);
      await pause(100);
    };
    const patches = await Promise.all(realms.map(({ lib }, at) => lib.openPatch(id, { version: 1, migrate: migrate("ab"[at]) })));
    const by = await patches[0].kv("s").get("by");
    same(["a0", "b0"].includes(by), true, by);
    same(await patches[1].kv("s").get("by"), by);
    for (const patch of patches) await patch.close();
  },

  "an encrypted patch, of which a page has a lower version open": async ({ same, lib }, { failure, pause, id }) => {
    const encryption = { key: new Uint8Array(32).fill(5) };
    const old = await lib.openPatch(id, { version: 1, encryption });
    const reasons = [];
    old.on("closed", ({ reason }) => reasons.push(reason));
    await old.kv("s").set("k", 1);
    same((await failure(() => lib.openPatch(id, { version: 2, encryption }))).code, "InvalidArgument");
    same(await old.kv("s").get("k"), 1);
    const next = await lib.openPatch(id, { version: 2, encryption, migrate: async (tx) => tx.kv("s").set("k", 2) });
    same(await next.kv("s").get("k"), 2);
    for (let n = 0; n < 100 && reasons.length === 0; n++) await pause(50);
    same(reasons, ["versionchange"]);
    await next.close();
    await lib.copyPatch(id, id + " too", { from: encryption });
    same((await failure(() => lib.openPatch(id + " too", { version: 1, encryption }))).code, "UnsupportedFormat");
    await (await lib.openPatch(id + " too", { version: 2, encryption })).close();
  },
};

inEveryBrowser(Object.fromEntries(Object.entries(cases).map(([title, run]) => [title, {
  toString: () => `async (kit) => { ${helpers} await (${run.toString()})(kit, { realm, failure, pause, id }); }`,
}])));
