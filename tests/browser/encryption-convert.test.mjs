/** Patches that are encrypted and decrypted in place. */
import assert from "node:assert/strict";
import { openTab } from "./support/lifecycle.mjs";
import { inEachBrowser } from "./support/pages.mjs";
import { serve } from "./support/server.mjs";

/** A test for each browser: `work` gets a tab with the helpers, the context and the origin for others, and the browser's name. */
function inTab(title, work, { without, ...options } = {}) {
  const test = async (browser, name) => {
    // (An origin of its own: where contexts share what is stored, nothing of another test is there.)
    const server = await serve();
    const context = await browser.newContext();
    try {
      const page = await openTab(context, server.origin, { without });
      await page.evaluate(helpers);
      await work(page, context, server.origin, name);
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
  globalThis.word = (at) => `recognisable-${at}-${"q".repeat(20)}`;
  globalThis.asked = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  /** Everything that lies in a patch's stores, as text; and how many segments and pieces. */
  globalThis.stored = async (id) => {
    const database = await asked(indexedDB.open(`patchstore_${id}`));
    const texts = [];
    let records = 0;
    const take = async (value) => {
      if (value instanceof Blob) await take(new Uint8Array(await value.arrayBuffer()));
      else if (Array.isArray(value)) for (const each of value) await take(each);
      else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
        texts.push(new TextDecoder("latin1").decode(value), new TextDecoder("utf-16le").decode(value));
      } else texts.push(String(value));
    };
    for (const name of database.objectStoreNames) {
      const store = database.transaction(name).objectStore(name);
      const [keys, values] = await Promise.all([asked(store.getAllKeys()), asked(store.getAll())]);
      // (A fence may lie in the log.)
      if (["runs", "blobs"].includes(name)) records += keys.length;
      await take(keys);
      await take(values);
    }
    database.close();
    return { text: texts.join("\n"), records };
  };
  globalThis.shows = async (id) => /recognisable|qqqqqqqq/.test((await stored(id)).text);
  /** Something of everything. */
  globalThis.stock = async (id) => {
    const patch = await open(id, { opLog: true });
    await patch.kv(word("store")).set(word("key"), word("value"));
    await patch.kv(word("store")).set(word("dated"), word("dated"), { ttl: 3_600_000 });
    await patch.kv("s").set("large", word("large").repeat(5000));
    await patch.kv("s").set("blobs", {
      small: new Blob([word("small blob")]),
      large: new File([word("large blob").repeat(20_000)], word("name"), { type: "text/plain", lastModified: 77 }),
      n: 5n,
    });
    await patch.db(word("db")).insert(word("collection"), { _id: word("id"), [word("field")]: word("text"), list: Array(2000).fill(word("item")) });
    await patch.node(word("node")).kv.set("k", word("of a node"));
    await patch.meta.set(word("meta"), word("of meta"));
    await patch.compact();
    await patch.kv("s").set("tail", word("tail"));
    await patch.close();
  };
  /** What must be the same before and after. */
  globalThis.contents = async (id, encryption) => {
    const patch = await lib.openPatch(id, { opLog: true, encryption });
    const blobs = await patch.kv("s").get("blobs");
    const { _created, _updated, ...doc } = await patch.db(word("db")).findOne(word("collection"), word("id"));
    const out = {
      encrypted: patch.status.encrypted,
      evicted: patch.status.evicted,
      same: JSON.stringify([
        await patch.kv(word("store")).entries(), (await patch.kv("s").get("large")).length, await patch.kv("s").get("tail"), doc, _created, _updated,
        await patch.node(word("node")).kv.get("k"), await patch.meta.get(word("meta")),
        [await blobs.small.text(), await blobs.large.text(), blobs.large.name, blobs.large.type, blobs.large.lastModified, String(blobs.n)],
        (await patch.opLog.pending()).map(({ value, ...entry }) => entry), await patch.opLog.merkle(),
      ]),
      records: (await patch.stats()).records,
    };
    await patch.close();
    return out;
  };
}

inTab("a patch is encrypted and decrypted in place, with everything in it, and nothing is left in the clear", async (page) => {
  const found = await page.evaluate(async () => {
    await stock("p");
    const out = [await contents("p"), await shows("p")];
    await lib.encryptPatch("p", key(1));
    out.push(await shows("p"), /recognisable/.test(JSON.stringify({ ...localStorage })), await contents("p", key(1)));
    out.push(await outcome(lib.openPatch("p")), (await lib.listPatches()).find(({ id }) => id === "p"), await shows("p"));
    await lib.decryptPatch("p", key(1));
    out.push(await shows("p"), await contents("p"));
    await lib.encryptPatch("p", { passphrase: "of words" });
    out.push(await contents("p", { passphrase: "of words" }), await names());
    return out;
  });
  const [plain, shown, hidden, named, sealed, refused, info, still, again, decrypted, byWords, names] = found;
  assert.deepEqual([shown, hidden, named, still, again], [true, false, false, false, true]);
  assert.ok(plain.same.length > 400_000);
  for (const each of [sealed, decrypted, byWords]) {
    assert.equal(each.same, plain.same);
    assert.equal(each.records, plain.records);
    assert.equal(each.evicted, false);
  }
  assert.deepEqual([plain.encrypted, sealed.encrypted, decrypted.encrypted, byWords.encrypted], [false, true, false, true]);
  assert.equal(refused, "Encrypted");
  assert.deepEqual(info, { id: "p", bytes: null, encrypted: true });
  assert.deepEqual(names, ["patchstore_p"]);
});

inTab("what is asked of the wrong patch, or wrongly, is refused, and changes nothing", async (page) => {
  const found = await page.evaluate(async () => {
    const out = [await outcome(lib.encryptPatch("none", key(1))), await outcome(lib.decryptPatch("none", key(1))), await names()];
    await stock("p");
    const before = (await stored("p")).text;
    out.push(await outcome(lib.decryptPatch("p", key(1))), (await stored("p")).text === before);
    for (const [id, to, options] of [["p"], ["p", {}], ["p", { key: new Uint8Array(31) }], ["", key(1)], ["p", key(1), { signal: 1 }], ["p", key(1), { from: 1 }]]) {
      out.push(await outcome(lib.encryptPatch(id, to, options)));
    }
    await lib.encryptPatch("p", key(1));
    const sealed = (await stored("p")).text;
    out.push(await outcome(lib.encryptPatch("p", key(1))), await outcome(lib.decryptPatch("p", key(2))), await outcome(lib.decryptPatch("p", { passphrase: "1" })));
    out.push((await stored("p")).text === sealed, (await contents("p", key(1))).evicted);
    const file = await asked(indexedDB.open("patchstore_other", 3));
    file.close();
    out.push(await outcome(lib.encryptPatch("other", key(1))));
    return out;
  });
  const invalid = "InvalidArgument";
  assert.deepEqual(found, [
    invalid, invalid, [], "NotEncrypted", true, invalid, invalid, invalid, invalid, invalid, invalid,
    "Encrypted", "WrongKey", "WrongKey", true, false, invalid,
  ]);
});

inTab("a patch that is open here or in another tab is not converted", async (page, context, origin) => {
  const other = await openTab(context, origin);
  const at = (page, code) => page.evaluate(code);
  await at(page, async () => {
    await stock("p");
    await open("p");
  });
  const convert = () => outcome(lib.encryptPatch("p", { key: new Uint8Array(32).fill(1) }));
  assert.deepEqual([await at(page, convert), await at(other, convert)], ["Blocked", "Blocked"]);
  await at(page, () => patches.p.close());
  await at(other, () => open("p"));
  assert.deepEqual([await at(page, convert), await at(other, convert)], ["Blocked", "Blocked"]);
  await at(other, () => patches.p.close());
  // Two at once: one does, the other finds it locked, or encrypted.
  const both = await Promise.all([at(page, convert), at(other, convert)]);
  assert.ok(both.includes("done") && both.some((code) => ["Blocked", "Encrypted"].includes(code)), `${both}`);
  const after = await page.evaluate(async () => [await shows("p"), (await contents("p", key(1))).records]);
  assert.equal(after[0], false);
  // Whoever opens it meanwhile waits for the end.
  const opened = await page.evaluate(async () => {
    const converting = lib.decryptPatch("p", key(1));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const patch = await lib.openPatch("p").catch((error) => error.code);
    await converting;
    return typeof patch === "string" ? patch : [patch.status.encrypted, await patch.kv("s").count()];
  });
  assert.deepEqual(opened, [false, 3]);
});

inTab("without Web Locks, what another tab writes meanwhile is not lost", async (page, context, origin) => {
  const other = await openTab(context, origin, { without: ["navigator.locks"] });
  await page.evaluate(() => stock("p"));
  await other.evaluate(async () => {
    await open("p");
    globalThis.written = 0;
    globalThis.writing = (async () => {
      try {
        for (;;) {
          await patches.p.kv("s").set(`n${written}`, written);
          written += 1;
        }
      } catch (error) {
        return error.code;
      }
    })();
  });
  const converted = await page.evaluate(() => outcome(lib.encryptPatch("p", key(1)), 30_000));
  const [code, written] = await other.evaluate(async () => {
    const code = await Promise.race([writing, patches.p.close().then(() => writing)]);
    return [code, written];
  });
  assert.equal(code, "Closed");
  assert.ok(["done", "Conflict"].includes(converted), converted);
  const count = await page.evaluate(async (converted) => {
    const patch = await lib.openPatch("p", { encryption: converted === "done" ? key(1) : undefined });
    const count = await patch.kv("s").count({ prefix: "n" });
    await patch.close();
    return count;
  }, converted);
  assert.ok(count >= written && written > 0, `${count} of ${written}`);
}, { without: ["navigator.locks"] });

inTab("stopped, it leaves the patch as it was, and nothing behind", async (page) => {
  const found = await page.evaluate(async () => {
    await stock("p");
    const patch = await open("p");
    for (let n = 0; n < 8; n++) {
      await patch.kv("many").setMany(Array.from({ length: 500 }, (_, i) => [`${n} ${i}`, `${word(i)} ${Math.random()}`.repeat(10)]));
    }
    await patch.compact();
    await patch.close();
    const plain = await contents("p");
    const out = [await lib.encryptPatch("p", key(1), { signal: AbortSignal.abort("before") }).catch((reason) => reason)];
    const stopped = [0, 0];
    let encrypted = false;
    for (const began of [false, true]) {
      for (const ms of [0, 1, 5, 15, 30, 60, 100]) {
        if (encrypted !== began) await (began ? lib.encryptPatch : lib.decryptPatch)("p", key(1));
        const { records } = await stored("p");
        const stopping = new AbortController();
        setTimeout(() => stopping.abort(`in ${ms}`), ms);
        const end = await (began ? lib.decryptPatch : lib.encryptPatch)("p", key(1), { signal: stopping.signal }).catch((reason) => reason);
        encrypted = end === undefined ? !began : began;
        if (end !== undefined) {
          stopped[Number(began)] += 1;
          const left = (await stored("p")).records;
          if (end !== `in ${ms}` || left !== records) out.push([end, left, records]);
        }
        if ((await shows("p")) === encrypted) out.push(`encrypted: ${encrypted}, and it shows`);
      }
    }
    const now = await contents("p", encrypted ? key(1) : undefined);
    return { out, stopped, same: now.same === plain.same, evicted: now.evicted };
  });
  console.log(`stopped: ${JSON.stringify(found.stopped)}`);
  assert.deepEqual(found.out, ["before"]);
  assert.ok(found.same && !found.evicted && found.stopped.every((times) => times > 0));
});

inTab("cut short in the midst of decrypting, what lay in the clear is gone once somebody has opened it", async (page, context, origin) => {
  await page.evaluate(async () => {
    await stock("p");
    await lib.encryptPatch("p", key(1));
  });
  let lay = 0, done = false;
  for (let ms = 10; ms < 400 && !done; ms += ms >> 1) {
    const dying = await openTab(context, origin);
    await dying.evaluate(() => void setTimeout(() => void lib.decryptPatch("p", { key: new Uint8Array(32).fill(1) }), 0));
    await new Promise((resolve) => setTimeout(resolve, ms));
    await dying.close();
    const found = await page.evaluate(async () => {
      // Its lock may be held for a moment more.
      await navigator.locks.request("patchstore:patchstore_p", () => {});
      const before = await shows("p");
      const patch = await lib.openPatch("p", { encryption: key(1) }).catch((error) => error.code);
      if (typeof patch === "string") return { before, opened: patch };
      for (let n = 0; n < 100 && (await shows("p")); n++) await new Promise((resolve) => setTimeout(resolve, 20));
      await patch.close();
      return { before, opened: (await contents("p", key(1))).records, after: await shows("p") };
    });
    if (found.opened === "NotEncrypted") done = true;
    else {
      lay += found.before;
      assert.equal(found.after, false, `after ${ms} ms`);
      assert.equal(typeof found.opened, "number");
    }
  }
  console.log(`something lay in the clear ${lay} times`);
});

inTab("a value whose Blobs are too large is not encrypted, and stays", async (page, _, __, name) => {
  const found = await page.evaluate(async () => {
    const patch = await open("p");
    const part = new Uint8Array(1 << 20);
    const refused = await failure(() => patch.kv("s").set("blob", new Blob(Array(257).fill(part))));
    await patch.close();
    if (refused !== null) return [refused.code, refused.message];
    const { records } = await stored("p");
    const error = await lib.encryptPatch("p", key(1)).catch((error) => error);
    const again = await open("p");
    const { size } = await again.kv("s").get("blob");
    return [error.code, error.message, size, (await stored("p")).records - records];
  });
  assert.equal(found[0], "NotStorable", found[1]);
  assert.match(found[1], /268435456/);
  // (WebKit's IndexedDB takes no Blobs where it keeps nothing on disk: there, none of this size is stored in the first place.)
  if (name !== "webkit") assert.deepEqual(found.slice(2), [257 << 20, 0]);
});

inTab("a copy puts the Blobs of a plain patch inside what it encrypts", async (page) => {
  const found = await page.evaluate(async () => {
    await stock("p");
    await lib.copyPatch("p", "q", { to: key(2) });
    const copy = await open("q", { encryption: key(2) });
    const { large } = await copy.kv("s").get("blobs");
    return [await shows("q"), large.name, (await large.text()).length, await shows("p")];
  });
  assert.deepEqual(found, [false, `recognisable-name-${"q".repeat(20)}`, `recognisable-large blob-${"q".repeat(20)}`.length * 20_000, true]);
});
