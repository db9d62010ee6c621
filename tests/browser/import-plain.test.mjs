/** Importing databases in the plain layout: what comes over, what is refused, what stays as it was. */
import { inPage } from "./api/harness.mjs";

const cases = {};

for (const format of ["length-prefixed", "colon"]) {
  cases[`import: 10 000 entries in the format ${format}, twice`] = `async ({ open, same, ok }) => {
    const format = ${JSON.stringify(format)};
    const { make, dump, readable, formats, valueOf, remove, exists } = await import("/tests/browser/api/plain.mjs");
    const stores = format === "colon" ? ["settings", "n-1", "é"] : ["settings", "n:1", "5:x", "\\ud800"];
    const entries = Array.from({ length: 10_000 }, (_, n) => [stores[n % stores.length], "key:" + n, valueOf(n)]);
    const name = "plain " + format;
    await make(name, entries.map(([store, key, value]) => [formats[format](store, key), value]), { version: 7, more: ["_collections"] });
    const before = await dump(name);
    const patch = await open({ backend: "indexeddb" });
    const options = format === "colon" ? { keyFormat: "colon" } : undefined;
    same(await patch.importPlain(name, options), { imported: 10_000, kept: 0 });
    same((await patch.stats()).records, 10_000);
    for (const [store, key, value] of entries) {
      const found = await patch.kv(store).get(key);
      same(await readable(found), await readable(value), key);
    }
    same(await patch.importPlain(name, options), { imported: 0, kept: 10_000 });
    same(await dump(name), before, "the source");
    same(before.version, 7);
    await patch.close();
    // Nobody holds it.
    await remove(name);
    ok(!(await exists(name)));
  }`;
}

inPage({
  ...cases,

  "import: keys that exist are kept": async ({ open, same }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    await make("kept", [["1:s:a", 1], ["1:s:b", 2], ["1:s:", 3], ["1:t:a", 4]]);
    const patch = await open();
    await patch.kv("s").set("a", "mine");
    // Under way when the import begins.
    void patch.kv("s").set("b", new Blob(["mine too"]));
    same(await patch.importPlain("kept"), { imported: 2, kept: 2 });
    same(await patch.kv("s").get("a"), "mine");
    same((await patch.kv("s").get("b")) instanceof Blob, true);
    same(await patch.kv("s").get(""), 3);
    same(await patch.kv("t").entries(), [["a", 4]]);
    await patch.kv("s").delete("a");
    same(await patch.importPlain("kept"), { imported: 1, kept: 3 });
    same(await patch.kv("s").get("a"), 1);
  },

  "import: scope says where a store goes, and is asked once": async ({ open, same }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    const stores = ["", "a:b", "\0", "\ud800", "object-1", "shared"];
    const entries = stores.flatMap((store) => ["", "k", ":k"].map((key) => [`${store.length}:${store}:${key}`, [store, key]]));
    await make("scopes", entries);
    const patch = await open();
    const asked = [];
    const scope = (store) => {
      asked.push(store);
      if (store === "") return { name: "without a name" };
      return store === "object-1" ? { node: store } : { name: `${store}!` };
    };
    same(await patch.importPlain("scopes", { scope }), { imported: 18, kept: 0 });
    same([...asked].sort(), [...stores].sort());
    for (const store of stores) {
      const kv = store === "object-1" ? patch.node(store).kv : patch.kv(store === "" ? "without a name" : `${store}!`);
      same(await kv.entries(), ["", ":k", "k"].map((key) => [key, [store, key]]));
    }
    same((await patch.nodes()).map(({ node }) => node), ["object-1"]);
    // Two stores that go to one: the first that has a key gives it.
    const one = await open();
    same(await one.importPlain("scopes", { scope: () => ({ node: "n" }) }), { imported: 3, kept: 15 });
    same(await one.node("n").kv.get("k"), ["", "k"]);
  },

  "import: a colon cuts once, a length counts code units": async ({ open, same }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    await make("cut", [["a:b:c", 1], ["3:a:b:c", 2], ["2:😀:k", 3]]);
    const patch = await open();
    same(await patch.importPlain("cut", { keyFormat: "colon" }), { imported: 3, kept: 0 });
    same(await patch.kv("a").entries(), [["b:c", 1]]);
    same(await patch.kv("3").entries(), [["a:b:c", 2]]);
    await make("units", [["3:a:b:c", 2], ["2:😀:k", 3]]);
    same(await patch.importPlain("units"), { imported: 2, kept: 0 });
    same(await patch.kv("a:b").entries(), [["c", 2]]);
    same(await patch.kv("😀").entries(), [["k", 3]]);
  },

  "import: a database that is not there is not made": async ({ open, rejects, ok }) => {
    const { exists } = await import("/tests/browser/api/plain.mjs");
    const patch = await open();
    await Promise.all(["absent", "absent", "absent too", ""].map((name) =>
      rejects(patch.importPlain(name), "InvalidArgument", { message: new RegExp(`"${name}"`), remedy: "fix-call" })));
    for (const name of ["absent", "absent too", ""]) ok(!(await exists(name)), `${name} was made`);
  },

  "import: another shape is refused, named, and stays as it was": async ({ open, lib, same, rejects }) => {
    const { make, dump } = await import("/tests/browser/api/plain.mjs");
    const good = ["1:s:k", 1];
    const shapes = {
      "without kv": [[good], { store: "data" }, /object store "kv"/],
      "with a path": [[["", { id: "1:s:k" }]], { options: { keyPath: "id" } }, /from the values/],
      "with numbers": [[good, [5, 1]], {}, /a number/],
      "with dates": [[good, [new Date(5), 1]], {}, /an object/],
      "with arrays": [[good, [["1:s:k"], 1]], {}, /an array/],
      "with bytes": [[good, [new Uint8Array(2), 1]], {}, /an object/],
      "in another format": [[good, ["settings:theme", 1]], {}, /"settings:theme".*length-prefixed/],
      "with too long a length": [[good, ["9:s:k", 1]], {}, /"9:s:k"/],
      "with too short a length": [[good, ["0:s:k", 1]], {}, /"0:s:k"/],
      "with a huge length": [[good, ["99999999999999999999:s:k", 1]], {}, /999/],
      "with a padded length": [[good, ["01:s:k", 1]], {}, /"01:s:k"/],
      "without a colon": [[["a:b", 1], ["plain", 1]], {}, /"plain".*colon/, { keyFormat: "colon" }],
    };
    const patch = await open();
    for (const [name, [entries, options, message, given]] of Object.entries(shapes)) {
      await make(name, entries, options);
      const before = await dump(name);
      await rejects(patch.importPlain(name, given), "UnsupportedFormat", { message, remedy: "reload" }, name);
      await rejects(patch.importPlain(name, given), "UnsupportedFormat", { message: new RegExp(name) }, name);
      same(await dump(name), before, name);
    }
    await rejects(patch.importPlain("with a padded length", { scope: () => ({ node: "n" }) }), "UnsupportedFormat");
    same((await patch.stats()).records, 0, "nothing of them was imported");
    const other = await lib.openPatch("another patch");
    await other.kv("s").set("k", 1);
    await rejects(patch.importPlain("patchstore_another patch"), "UnsupportedFormat");
    await rejects(other.importPlain("patchstore_another patch"), "UnsupportedFormat");
    same(await other.kv("s").get("k"), 1);
    await other.close();
  },

  "import: what cannot be stored is named, and nothing is written": async ({ open, same, rejects }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    const good = Array.from({ length: 300 }, (_, n) => [`1:a:${n}`, n]);
    const cyclic = { list: [] };
    cyclic.list.push(cyclic);
    const bad = { regexp: [{ deep: [/x/] }, "$.deep[0]"], cycle: [cyclic, "$.list[0]"], nothing: [undefined, "$"] };
    const patch = await open();
    for (const [name, [value, path]] of Object.entries(bad)) {
      await make(`bad ${name}`, [...good, ["1:z:the key", value]]);
      await rejects(patch.importPlain(`bad ${name}`), "NotStorable", { path, message: /1:z:the key.*bad / }, name);
    }
    await make("bad key", [...good, [`1:z:${"x".repeat(1001)}`, 1]]);
    await rejects(patch.importPlain("bad key"), "InvalidArgument", { message: /1001/ });
    await make("bad store", [...good, ["0::k", 1]]);
    await rejects(patch.importPlain("bad store"), "InvalidArgument", { message: /the store "".*empty/ });
    same((await patch.stats()).records, 0);
  },

  "import: options and scopes are checked": async ({ open, same, rejects }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    await make("checked", [["1:a:k", 1], ["1:b:k", 1]]);
    const patch = await open();
    for (const name of [undefined, 5, null, "x\ud800"]) await rejects(patch.importPlain(name), "InvalidArgument", { message: /databaseName/ });
    for (const options of [null, 5, { format: "colon" }, { keyFormat: "semicolon" }, { keyFormat: 5 }, { scope: "s" }, { scope: {} }]) {
      await rejects(patch.importPlain("checked", options), "InvalidArgument");
    }
    const cause = new Error("expected by a test");
    const thrower = (store) => {
      if (store === "b") throw cause;
      return { name: store };
    };
    const error = await rejects(patch.importPlain("checked", { scope: thrower }), "InvalidArgument", { message: /"b"/ });
    same(error.cause === cause, true);
    for (const scope of [undefined, null, "b", {}, { name: "" }, { node: 5 }, { node: "n", name: "s" }, Promise.resolve({ name: "b" })]) {
      const given = (store) => (store === "b" ? scope : { name: store });
      await rejects(patch.importPlain("checked", { scope: given }), "InvalidArgument", { message: /"b"/ });
    }
    same((await patch.stats()).records, 0);
    same(await patch.importPlain("checked"), { imported: 2, kept: 0 });
    await patch.close();
    await rejects(patch.importPlain("checked"), "Closed");
  },

  "import: large values come in parts; closed half way, it goes on": async ({ open, same, ok, rejects, until }) => {
    const { make, dump } = await import("/tests/browser/api/plain.mjs");
    const value = (n) => new Uint8Array(700_000).fill(n);
    await make("large", Array.from({ length: 30 }, (_, n) => [`1:s:${String.fromCharCode(65 + n)}`, value(n)]));
    const patch = await open({}, "large");
    const other = await open({}, "large");
    const importing = patch.importPlain("large");
    await until(async () => (await other.kv("s").count()) > 0, "the first part", 20_000);
    await patch.close();
    await rejects(importing, "Closed");
    const there = await other.kv("s").count();
    ok(there > 0 && there < 30, `${there} were there`);
    same(await other.importPlain("large"), { imported: 30 - there, kept: there });
    for (let n = 0; n < 30; n++) same(await other.kv("s").get(String.fromCharCode(65 + n)), value(n));
    same((await dump("large")).stores.kv.values.length, 30);
  },

  "import: two at once import each key once": async ({ open, same }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    await make("both", Array.from({ length: 3000 }, (_, n) => [`1:s:${n}`, n]));
    const [one, two] = [await open({}, "both"), await open({}, "both")];
    const [a, b] = await Promise.all([one.importPlain("both"), two.importPlain("both")]);
    same(a.imported + b.imported, 3000);
    same(a.kept + b.kept, 3000);
  },

  "import: an empty source": async ({ open, same }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    await make("empty", []);
    same(await (await open()).importPlain("empty"), { imported: 0, kept: 0 });
  },

  "import: whoever deletes the source is let through, and it does not come back": async ({ open, same, ok, lib }) => {
    const { make, exists, remove } = await import("/tests/browser/api/plain.mjs");
    const patch = await open();
    const outcomes = new Set();
    const filled = (name, store) => make(name, Array.from({ length: 2000 }, (_, n) => [`${store.length}:${store}:${n}`, "x".repeat(100)]));
    // How long one takes that is left alone: the deletions come before, within and behind.
    await filled("alone", "alone");
    const start = performance.now();
    await patch.importPlain("alone");
    const took_ms = performance.now() - start;
    for (let round = 0; round < 30; round++) {
      const name = `deleted ${round}`;
      await filled(name, `${round % 10}`);
      const importing = patch.importPlain(name).then(() => "imported", (error) => {
        ok(lib.isPatchStoreError(error), String(error));
        ok(error.message.includes(name), error.message);
        return error.code;
      });
      await new Promise((resolve) => setTimeout(resolve, (round / 15) * took_ms));
      await remove(name, 5000);
      outcomes.add(await importing);
      ok(!(await exists(name)), `${name} came back`);
    }
    for (const outcome of outcomes) ok(["imported", "Blocked", "InvalidArgument"].includes(outcome), outcome);
    ok(outcomes.size > 1, [...outcomes].join());
    same(await patch.kv("s").keys(), []);
  },

  "import: a source that is held is Blocked in time": async ({ open, rejects, same }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    await make("held", [["1:s:k", 1]]);
    const asked = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    // A tab that does not let go, and another one that waits for it with an upgrade.
    const holder = await asked(indexedDB.open("held"));
    const upgrading = asked(indexedDB.open("held", 2));
    const patch = await open();
    await rejects(patch.importPlain("held"), "Blocked", { message: /"held"/, remedy: "retry" });
    holder.close();
    (await upgrading).close();
    same(await patch.importPlain("held"), { imported: 1, kept: 0 });
    // What came late was given back.
    (await asked(indexedDB.open("held", 3))).close();
  },

  "import: in a worker, too": async ({ same }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    await make("for a worker", [["1:s:k", new Date(5)]]);
    const source = `
      import { openPatch } from "${location.origin}/pkg/index.js";
      const patch = await openPatch("in a worker", { backend: "memory" });
      const done = await patch.importPlain("for a worker");
      postMessage([done, await patch.kv("s").get("k")]);`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    const said = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = reject;
    });
    same(said, [{ imported: 1, kept: 0 }, new Date(5)]);
    worker.terminate();
  },

  "import: in a service worker, which brings the reader along": async ({ same, until }) => {
    const { make } = await import("/tests/browser/api/plain.mjs");
    await make("for a service worker", [["1:s:k", new Map([[1, 2]])]]);
    const registration = await navigator.serviceWorker.register("/tests/browser/api/service-worker.mjs", { type: "module" });
    await until(() => registration.active?.state === "activated", "the service worker", 10_000);
    const { port1, port2 } = new MessageChannel();
    const said = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
    registration.active.postMessage("for a service worker", [port2]);
    same(await said, ["Unavailable", { imported: 1, kept: 0 }, new Map([[1, 2]]), 2, true]);
    await registration.unregister();
  },
});
