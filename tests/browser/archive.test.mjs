/** Patches taken out as archives, and in again. */
import assert from "node:assert/strict";
import { openTab } from "./support/lifecycle.mjs";
import { inEachBrowser } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

/** A test for each browser: `work` gets a tab with the helpers, the context and the origin for others. */
function inTab(title, work, { without, ...options } = {}) {
  const test = async (browser) => {
    // (An origin of its own: where contexts share what is stored, nothing of another test is there.)
    const server = await serve();
    const context = await browser.newContext();
    try {
      const page = await openTab(context, server.origin, { without });
      await page.evaluate(helpers);
      await work(page, context, server.origin);
    } finally {
      await context.close();
      await server.close();
    }
  };
  inEachBrowser(title, test, { timeout: 120_000, ...options });
}

/** Runs in the page. */
function helpers() {
  globalThis.key = (byte) => ({ key: new Uint8Array(32).fill(byte) });
  /** The whole of a stream. */
  globalThis.bytesOf = async (stream) => new Uint8Array(await new Response(await stream).arrayBuffer());
  globalThis.exported = (id, options) => bytesOf(lib.exportPatch(id, options));
  globalThis.locks = async () => (await navigator.locks.query()).held.filter(({ name }) => name.startsWith("patchstore-export:")).length;
  globalThis.databases = async () => (await names()).filter((name) => name.startsWith("patchstore_"));
  const options = { opLog: true, version: 3, migrate: () => {} };
  /** Something of every kind. */
  globalThis.stock = async (id, encryption) => {
    const patch = await open(id, { ...options, encryption });
    const kv = patch.kv("s");
    await kv.setMany(Array.from({ length: 500 }, (_, n) => [`key ${n}`, { n, text: "recognisable ".repeat(20) }]));
    await kv.set("odd", [NaN, -0, Infinity, 5n, undefined, new Date(7), new Map([["a", new Set([1])]]), new Uint16Array([1, 2]), "\ud800", null]);
    await kv.set("large", new Uint8Array(700_000).map((_, n) => n * 7));
    await kv.set("blobs", { small: new Blob(["small"]), large: new File(["recognisable ".repeat(20_000)], "name", { type: "text/plain", lastModified: 77 }) });
    await kv.set("dated", "dated", { ttl: 3_600_000 });
    await kv.set("gone", "gone", { ttl: 1 });
    const notes = patch.db("d").collection("notes");
    await patch.db("d").define("notes", { indexes: [{ fields: "n" }], references: { of: { collection: "notes" } }, sequences: { number: {} } });
    await notes.createIndex("text", { unique: true });
    await notes.insertMany(Array.from({ length: 300 }, (_, n) => ({ n, text: `text ${n}` })));
    await patch.compact();
    await notes.insert({ n: "in the log", text: "x" });
    await patch.node("one").db.insert("c", { _id: "x", at: 1 });
    await patch.meta.set("meta", new Date(5));
    await kv.delete("key 7");
    await patch.close();
  };
  /** What must be the same. */
  globalThis.contents = async (id, encryption) => {
    const patch = await lib.openPatch(id, { ...options, encryption });
    const kv = patch.kv("s"), db = patch.db("d"), odd = await kv.get("odd"), { small, large } = await kv.get("blobs");
    const entries = (await kv.entries()).filter(([name]) => !["odd", "blobs", "large", "gone"].includes(name));
    const explained = await db.explain("notes", { text: "text 5" });
    const out = {
      encrypted: patch.status.encrypted,
      explained: JSON.stringify(explained),
      refused: [await outcome(db.insert("notes", { text: "text 5" })), await outcome(db.insert("notes", { of: "nobody" }))],
      same: JSON.stringify([
        entries, odd.map((each) => (typeof each === "bigint" ? `${each}n` : Object.is(each, -0) ? "-0" : String(each))), [...odd[6].get("a")],
        (await kv.get("large")).join().length, await small.text(), await large.text(), large.name, large.type, large.lastModified,
        await db.find("notes", { n: { $gte: 100 } }), await db.find("notes"), await db.indexes("notes"), await db.collections(),
        await patch.node("one").db.findOne("c", "x"), await patch.meta.get("meta"), await kv.get("gone"), await patch.opLog.merkle(),
      ]),
      records: (await patch.stats()).records,
      pending: (await patch.opLog.pending()).map(({ hlc, key }) => `${hlc} ${key}`),
      device: patch.opLog.deviceId,
    };
    await patch.close();
    return out;
  };
}

inTab("everything comes back, whoever encrypts what", async (page) => {
  const found = await page.evaluate(async () => {
    await stock("p");
    await stock("e", key(1));
    const out = { plain: await contents("p"), sealed: await contents("e", key(1)), all: [] };
    const shows = (bytes) => new TextDecoder("latin1").decode(bytes).includes("recognisable");
    for (const [id, encryption, seal, to] of [
      ["p"], ["p", undefined, key(5)], ["p", undefined, { passphrase: "of words" }, key(6)],
      ["e", key(1), false], ["e", key(1), key(5), { passphrase: "of the patch" }],
    ]) {
      const told = [];
      const archive = await exported(id, { encryption, seal, opLog: to !== undefined, onProgress: (progress) => told.push(progress) });
      const heard = [];
      const counts = await lib.importPatch("q", archive, { seal: seal || undefined, encryption: to, onProgress: (progress) => heard.push(progress) });
      const ends = [told.at(-1), heard.at(-1)].map(({ done, total }) => done === total && done > 1_000_000);
      const ascends = [told, heard].every((list) => list.every(({ done, total }, at) => done <= total && done >= (list[at - 1]?.done ?? 0)));
      out.all.push({ id, counts, to: to !== undefined, shows: shows(archive), ends, ascends, ...(await contents("q", to)) });
      await lib.deletePatchData("q");
    }
    return { ...out, locks: await locks() };
  });
  const { plain, sealed, all, locks } = found;
  assert.deepEqual(plain.refused, ["ConstraintViolation", "ConstraintViolation"]);
  assert.match(plain.explained, /"index"/);
  for (const each of all) {
    const source = each.id === "p" ? plain : sealed;
    assert.equal(each.same, source.same);
    assert.deepEqual(each.counts, { records: source.records, blobs: 0 });
    assert.deepEqual([each.encrypted, each.records, each.refused, each.explained], [each.to, source.records, source.refused, source.explained]);
    assert.notEqual(each.device, source.device);
    assert.deepEqual(each.pending, each.to ? source.pending : []);
    assert.deepEqual([each.ends, each.ascends], [[true, true], true]);
  }
  assert.ok(plain.pending.length > 500);
  assert.deepEqual(all.map(({ shows }) => shows), [true, false, false, true, false]);
  assert.equal(locks, 0);
});

inTab("from whatever has the bytes, and through whatever passes them on", async (page) => {
  const found = await page.evaluate(async () => {
    await stock("p");
    const archive = await exported("p");
    const parts = (step) => new ReadableStream({
      at: 0,
      pull(controller) {
        if (this.at >= archive.length) return controller.close();
        controller.enqueue(archive.subarray(this.at, (this.at += step)));
      },
    });
    const padded = new Uint8Array(archive.length + 9);
    padded.set(archive, 4);
    const sources = {
      bytes: archive, buffer: archive.slice().buffer, view: new DataView(padded.buffer, 4, archive.length), blob: new Blob([archive]),
      file: new File([archive], "p.patch"), stream: await lib.exportPatch("p"), small: parts(999), whole: parts(archive.length),
    };
    const out = {};
    for (const [name, source] of Object.entries(sources)) {
      const { records } = await lib.importPatch(name, source);
      out[name] = [records, (await contents(name)).same === (await contents("p")).same];
    }
    return [out, (await contents("p")).records];
  });
  for (const [name, is] of Object.entries(found[0])) assert.deepEqual(is, [found[1], true], name);
});

inTab("what is asked wrongly is refused, and nothing is there", async (page) => {
  const found = await page.evaluate(async () => {
    const out = [await outcome(lib.exportPatch("none")), await databases()];
    await stock("p");
    await stock("e", key(1));
    const archive = await exported("p"), sealed = await exported("e", { encryption: key(1), seal: key(2) });
    for (const [id, options] of [["e"], ["e", { encryption: key(2) }], ["e", { encryption: key(1) }], ["p", { encryption: key(1) }], ["p", { seal: true }], ["p", { seal: {} }],
      ["p", { opLog: 1 }], ["p", { onProgress: 1 }], ["p", { signal: 1 }], ["p", { other: 1 }], [""]]) {
      out.push(await outcome(lib.exportPatch(id, options)));
    }
    const locked = new Blob([archive]).stream();
    locked.getReader();
    const changed = archive.slice();
    changed[archive.length >> 1] ^= 1;
    for (const [source, options, id = "q"] of [
      [archive, {}, "p"], [archive, {}, "e"], [sealed], [sealed, { seal: key(3) }], [sealed, { seal: { passphrase: "2" } }], [archive, { seal: key(2) }],
      [archive.subarray(0, -1)], [archive.subarray(0, 40)], [changed], [new Uint8Array([...archive, 0])], [new Uint8Array()], [new TextEncoder().encode("something else")],
      [undefined], ["text"], [{}], [locked], [new Blob(["x"]).stream().pipeThrough(new TextDecoderStream())], [archive, { other: 1 }], [archive, { seal: false }],
    ]) {
      out.push(await outcome(lib.importPatch(id, source, options)));
    }
    const broken = new ReadableStream({ start: (controller) => controller.error(new RangeError("of the network")) });
    out.push(await lib.importPatch("q", broken).catch(String));
    return [...out, await databases(), await locks(), ended];
  });
  const invalid = "InvalidArgument", corrupt = "Corrupt", none = "UnsupportedFormat";
  assert.deepEqual(found, [
    invalid, [], "Encrypted", "WrongKey", invalid, "NotEncrypted", invalid, invalid, invalid, invalid, invalid, invalid, invalid,
    "Exists", "Encrypted", "Encrypted", "WrongKey", "WrongKey", "NotEncrypted", corrupt, corrupt, corrupt, corrupt, none, none,
    invalid, invalid, invalid, invalid, invalid, invalid, invalid,
    "RangeError: of the network", ["patchstore_e", "patchstore_p"], 0, { p: ["closed"], e: ["closed"] },
  ]);
});

inTab("an archive is of its beginning, while other tabs write, merge and compact", async (page, context, origin) => {
  const other = await openTab(context, origin);
  await page.evaluate(async () => {
    const patch = await open("p");
    await patch.kv("s").setMany(Array.from({ length: 400 }, (_, n) => [`${n}`, { at: 0, text: `${Math.random()}`.repeat(100) }]));
    for (let n = 0; n < 6; n++) await patch.kv("s").set(`large ${n}`, new Uint8Array(600_000).map(() => 256 * Math.random()));
    await patch.compact();
  });
  await other.evaluate(async () => {
    const patch = await open("p");
    globalThis.rounds = 0;
    globalThis.writing = (async () => {
      while (!globalThis.isOver) {
        await patch.kv("s").setMany(Array.from({ length: 400 }, (_, n) => [`${n}`, { at: rounds + 1, text: `${Math.random()}`.repeat(100) }]));
        for (let n = 0; n < 6; n++) await patch.kv("s").set(`large ${n}`, new Uint8Array(600_000));
        await patch.compact();
        await patch.kv("rounds").set("n", (globalThis.rounds += 1));
      }
    })();
  });
  const before = await page.evaluate(async () => {
    const patch = patches.p;
    const stream = await lib.exportPatch("p");
    const held = await locks();
    const [reader, parts] = [stream.getReader(), []];
    for (let n = 0; ; n++) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      // Until everything was replaced, and what was replaced would be gone.
      while (n === 3 && !((await patch.kv("rounds").get("n")) > 1)) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await lib.importPatch("q", new Blob(parts));
    const copy = await open("q");
    const all = await copy.kv("s").entries();
    const ats = [...new Set(all.filter(([name]) => /^\d/.test(name)).map(([, { at }]) => at))];
    return [held, ats.length, all.length, await locks(), await outcome(patch.kv("s").set("still", 1))];
  });
  assert.deepEqual(before, [1, 1, 406, 0, "done"]);
  assert.ok((await other.evaluate(async () => ((globalThis.isOver = true), await writing, rounds))) > 1);
});

inTab("cancelled, aborted or deleted, it lets go", async (page) => {
  const found = await page.evaluate(async () => {
    await stock("p");
    const out = [];
    const settled = async () => {
      for (let n = 0; n < 100 && (await locks()) > 0; n++) await new Promise((resolve) => setTimeout(resolve, 20));
      return locks();
    };
    const first = await lib.exportPatch("p");
    out.push(await locks());
    await first.cancel();
    out.push(await settled());
    const reader = (await lib.exportPatch("p")).getReader();
    await reader.read();
    await reader.cancel();
    out.push(await settled());
    const leaving = new AbortController();
    const second = (await lib.exportPatch("p", { signal: leaving.signal })).getReader();
    await second.read();
    leaving.abort(new Error("enough"));
    out.push(await second.read().catch(String), await settled());
    out.push(await lib.exportPatch("p", { signal: leaving.signal }).catch(String));
    const archive = await exported("p");
    const late = new AbortController();
    const stuck = new ReadableStream({ start: (controller) => controller.enqueue(archive.subarray(0, 5000)), cancel: (why) => void out.push(`cancelled`) });
    setTimeout(() => late.abort(new Error("no more")), 100);
    out.push(await lib.importPatch("q", stuck, { signal: late.signal }).catch(String), await databases());
    out.push(await lib.importPatch("q", archive, { signal: leaving.signal }).catch(String));
    const third = (await lib.exportPatch("p")).getReader();
    await third.read();
    await lib.deletePatchData("p");
    let failed = "whole";
    try {
      while (!(await third.read()).done);
    } catch ({ code }) {
      failed = code;
    }
    out.push(failed === "Conflict" || failed === "whole" ? "Conflict" : failed, await settled());
    return out;
  });
  assert.deepEqual(found, [1, 0, 0, "Error: enough", 0, "Error: enough", "cancelled", "Error: no more", ["patchstore_p"], "Error: enough", "Conflict", 0]);
});

inTab("into a patch that is open and empty, in a worker too, and without Web Locks", async (page) => {
  const found = await page.evaluate(async () => {
    await stock("p");
    const target = await open("q", { opLog: true });
    const archive = await exported("p", { opLog: true });
    const { records } = await lib.importPatch("q", archive);
    const out = [records, await target.kv("s").count(), await outcome(target.kv("s").set("mine", 1)), await outcome(lib.importPatch("q", archive))];
    const url = URL.createObjectURL(new Blob([`
      onmessage = async ({ data }) => {
        try {
          const lib = await import(data.lib);
          const stream = await lib.exportPatch("p");
          postMessage(await lib.importPatch("w", stream));
        } catch (error) {
          postMessage(String(error.code ?? error));
        }
      };`], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    const told = new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
    worker.postMessage({ lib: new URL("/pkg/index.js", location.href).href });
    out.push((await told).records === records);
    worker.terminate();
    return [...out, (await contents("w")).records === records];
  });
  assert.ok(found[0] > 800);
  assert.deepEqual(found.slice(2), ["done", "Exists", true, true]);
}, { without: ["navigator.locks"] });
