/** Encrypted patches: who opens them, what their keys do, and that nothing of theirs lies in the clear. */
import { inEveryBrowser } from "./api/harness.mjs";

inEveryBrowser({
  "encryption: what was stored under a key is there with it, and with no other": async ({ lib, open, same, rejects }) => {
    const id = `enc-${Math.random()}`;
    const at = (key) => open({ backend: "indexeddb", ...(key && { encryption: { key } }) }, id);
    const key = crypto.getRandomValues(new Uint8Array(32));
    const given = key.slice();
    const opening = at(given);
    // What is done to it afterwards does not matter.
    given.fill(0);
    const patch = await opening;
    same(patch.status.encrypted, true);
    await patch.kv("s").set("k", { deep: [1, new Date(5)] });
    await patch.db("d").insert("c", { _id: "one", n: 1 });
    await patch.kv("s").set("large", "x".repeat(300_000));
    await patch.compact();
    await patch.kv("s").set("late", 1);
    await patch.close();
    await rejects(at(new Uint8Array(32)), "WrongKey");
    await rejects(at(), "Encrypted");
    await rejects(open({ backend: "indexeddb", encryption: { passphrase: "p" } }, id), "WrongKey");
    const again = await at(key);
    same(await again.kv("s").get("k"), { deep: [1, new Date(5)] });
    same((await again.db("d").findOne("c", "one")).n, 1);
    same((await again.kv("s").get("large")).length, 300_000);
    // Handles of one realm are asked for their keys one by one.
    await rejects(at(new Uint8Array(32)), "WrongKey");
    await rejects(at(), "Encrypted");
    const second = await at(key);
    same(await second.kv("s").get("late"), 1);
    await second.close();
    same(await again.kv("s").get("late"), 1);
    await again.close();
    same(await lib.hasPatchData(id), true);
    same((await lib.listPatches()).filter((info) => info.id === id), [{ id, bytes: null, encrypted: true }]);
    same(await lib.deletePatchData(id), true);
    same(await lib.hasPatchData(id), false);
  },

  "encryption: a key of the browser's, of which nobody sees the bytes, opens what its bytes open": async ({ open, same, rejects }) => {
    const id = `enc-${Math.random()}`;
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const imported = (bits = 256, usages = ["encrypt", "decrypt"]) =>
      crypto.subtle.importKey("raw", raw.slice(0, bits / 8), "AES-GCM", false, usages);
    const at = (key) => open({ backend: "indexeddb", encryption: { key } }, id);
    const patch = await at(await imported());
    await patch.kv("s").set("k", 1);
    await patch.close();
    for (const key of [raw, await imported()]) {
      const again = await at(key);
      same(await again.kv("s").get("k"), 1);
      await again.close();
    }
    await rejects(at(await imported(128)), "InvalidArgument", { message: /256 bits/ });
    await rejects(at(await imported(256, ["encrypt"])), "InvalidArgument", { message: /decrypt/ });
    const other = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await rejects(at(other), "WrongKey");
  },

  "encryption: a passphrase, in any spelling of its characters, while the page goes on": async ({ open, same, ok, rejects }) => {
    const id = `enc-${Math.random()}`;
    const at = (passphrase) => open({ backend: "indexeddb", encryption: { passphrase } }, id);
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 5);
    const patch = await at("ca\u0301rdu\u00e9 horse");
    clearInterval(ticking);
    ok(turns > 5, `the page had ${turns} turns`);
    await patch.kv("s").set("k", 1);
    await patch.close();
    await rejects(at("cardue horse"), "WrongKey");
    const again = await at("c\u00e1rdue\u0301 horse");
    same(await again.kv("s").get("k"), 1);
    await again.close();
  },

  "encryption: the key of a passphrase is the one that Argon2id gives": async ({ same }) => {
    const { derive } = await import("/pkg/kdf.js");
    const { ARGON2ID } = await import("/tests/browser/support/argon2id.mjs");
    for (const { key, ...derivation } of ARGON2ID) {
      const found = await derive({ ...derivation });
      same(Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join(""), key);
    }
  },

  "encryption: the bytes of a passphrase are wiped once it has opened the patch, or has not": async ({ open, same, rejects }) => {
    const id = `enc-${Math.random()}`;
    const [made, { encode }] = [[], TextEncoder.prototype];
    TextEncoder.prototype.encode = function (text) {
      const bytes = encode.call(this, text);
      if (text.startsWith("to be wiped")) made.push(bytes);
      return bytes;
    };
    const at = (passphrase) => open({ backend: "indexeddb", encryption: { passphrase } }, id);
    try {
      const patch = await at("to be wiped");
      await rejects(at("to be wiped, as it is wrong"), "WrongKey");
      const second = await at("to be wiped");
      await second.kv("s").set("k", 1);
      await Promise.all([patch.close(), second.close()]);
      await rejects(at("to be wiped, as it is wrong"), "WrongKey");
    } finally {
      TextEncoder.prototype.encode = encode;
    }
    same(made.map((bytes) => bytes.some((byte) => byte !== 0)), [false, false, false, false]);
  },

  "encryption: what is no key is refused, and creates nothing": async ({ lib, open, same, rejects }) => {
    const id = `enc-${Math.random()}`;
    const wrong = [
      5, null, "p", {}, { passphrase: "" }, { passphrase: 5 }, { passphrase: "\ud800" }, { key: "k" }, { key: new Uint8Array(31) }, { key: [1] },
      { passphrase: "p", key: new Uint8Array(32) }, { passphrase: "p", salt: 1 },
    ];
    for (const encryption of wrong) {
      await rejects(open({ backend: "indexeddb", encryption }, id), "InvalidArgument", {}, JSON.stringify(encryption));
    }
    same((await lib.listPatches()).some((info) => info.id === id), false);
    const plain = await open({ backend: "indexeddb" }, id);
    const encryption = { key: new Uint8Array(32) };
    await rejects(open({ backend: "indexeddb", encryption }, id), "NotEncrypted");
    await rejects(plain.keyring.set("a", encryption), "NotEncrypted");
    await rejects(plain.keyring.names(), "NotEncrypted");
    await rejects(plain.rekey(encryption), "NotEncrypted");
    same(plain.status.encrypted, false);
    await plain.close();
    await rejects(open({ backend: "indexeddb", encryption }, id), "NotEncrypted");
  },

  "keyring: several keys open one patch; they are replaced and removed while it is open": async ({ open, same, rejects }) => {
    const id = `enc-${Math.random()}`;
    const key = (byte) => ({ key: new Uint8Array(32).fill(byte) });
    const at = (encryption) => open({ backend: "indexeddb", encryption }, id);
    const patch = await at({ passphrase: "at first" });
    await patch.kv("s").set("k", 1);
    same(await patch.keyring.names(), ["main"]);
    same(await patch.keyring.set("recovery", key(7)), undefined);
    same(await patch.keyring.names(), ["main", "recovery"]);
    const byRecovery = await at(key(7));
    const beside = await at({ passphrase: "at first" });
    same(await patch.rekey({ passphrase: "later" }), undefined);
    await rejects(at({ passphrase: "at first" }), "WrongKey");
    // A handle that was opened by the same key has the new one now.
    same(await beside.rekey({ passphrase: "last" }), undefined);
    await rejects(at({ passphrase: "later" }), "WrongKey");
    same(await byRecovery.keyring.names(), ["main", "recovery"]);
    same(await byRecovery.keyring.remove("main"), true);
    same(await byRecovery.keyring.remove("main"), false);
    await rejects(byRecovery.keyring.remove("recovery"), "InvalidArgument");
    await rejects(patch.rekey(key(8)), "Conflict");
    await rejects(patch.rekey({}), "InvalidArgument");
    await rejects(patch.keyring.set("", key(8)), "InvalidArgument");
    same(await patch.kv("s").get("k"), 1);
    for (const each of [patch, beside, byRecovery]) await each.close();
    await rejects(at({ passphrase: "last" }), "WrongKey");
    const again = await at(key(7));
    same(await again.kv("s").get("k"), 1);
    await again.close();
  },

  "encryption: nothing that was written lies in the clear": async ({ open, same, ok, asked, sleep }) => {
    const word = (at) => `recognisable-${at}-${"q".repeat(20)}`;
    const id = `enc-${Math.random()}`;
    const encryption = { key: crypto.getRandomValues(new Uint8Array(32)) };
    const patch = await open({ backend: "indexeddb", encryption, opLog: true }, id);
    await patch.kv(word("store")).set(word("key"), word("value"));
    await patch.kv(word("store")).set(word("gone"), word("old"), { ttl: 50 });
    await patch.kv(word("store")).set("blob", { small: new Blob([word("small blob")]), large: new File([word("large blob").repeat(5000)], word("name")) });
    await patch.kv(word("store")).set("large", word("large").repeat(5000));
    await patch.db(word("db")).insert(word("collection"), { _id: word("id"), [word("field")]: word("text"), list: Array(2000).fill(word("item")) });
    await patch.node(word("node")).kv.set("k", word("of a node"));
    await patch.meta.set(word("meta"), word("of meta"));
    await patch.keyring.set(word("slot"), { key: crypto.getRandomValues(new Uint8Array(32)) });
    await patch.transaction((tx) => tx.kv("s").set("in", word("in a transaction")));
    await patch.compact();
    await patch.kv("s").set("tail", word("tail"));
    const blob = (await patch.kv(word("store")).get("blob")).large;
    same([await blob.text(), blob.name], [word("large blob").repeat(5000), word("name")]);
    const pending = await patch.opLog.pending();
    ok(pending.length > 5);
    const database = await asked(indexedDB.open(`patchstore_${id}`));
    const texts = [];
    const take = async (value) => {
      if (value instanceof Blob) return take(new Uint8Array(await value.arrayBuffer()));
      if (Array.isArray(value)) for (const each of value) await take(each);
      else if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) texts.push(new TextDecoder("latin1").decode(value), new TextDecoder("utf-16le").decode(value));
      else texts.push(String(value));
    };
    for (const name of database.objectStoreNames) {
      const store = database.transaction(name).objectStore(name);
      const [keys, values] = await Promise.all([asked(store.getAllKeys()), asked(store.getAll())]);
      await take(keys);
      await take(values);
    }
    database.close();
    ok(texts.join("").length > 10_000, "there are records");
    const found = texts.filter((text) => /recognisable|qqqqqqqq/.test(text));
    same(found.map((text) => text.slice(0, 80)), []);
    ok(!/recognisable/.test(JSON.stringify({ ...localStorage })), "nor in localStorage");
    await patch.close();
  },

  "encryption: a copy has keys of its own": async ({ lib, open, same, rejects }) => {
    const [id, to] = [`enc-${Math.random()}`, `enc-${Math.random()}`];
    const key = (byte) => ({ key: new Uint8Array(32).fill(byte) });
    const patch = await open({ backend: "indexeddb", encryption: key(1) }, id);
    await patch.kv("s").set("k", "v".repeat(100_000));
    await patch.close();
    await rejects(lib.copyPatch(id, to), "Encrypted");
    await rejects(lib.copyPatch(id, to, { from: key(2) }), "WrongKey");
    await lib.copyPatch(id, to, { from: key(1), to: { passphrase: "another" } });
    await rejects(open({ backend: "indexeddb", encryption: key(1) }, to), "WrongKey");
    const copy = await open({ backend: "indexeddb", encryption: { passphrase: "another" } }, to);
    same((await copy.kv("s").get("k")).length, 100_000);
    await copy.close();
    const same_key = `enc-${Math.random()}`;
    await lib.copyPatch(id, same_key, { from: key(1) });
    const other = await open({ backend: "indexeddb", encryption: key(1) }, same_key);
    same((await other.kv("s").get("k")).length, 100_000);
    await other.close();
  },

  "encryption: of copies to one place, one is made, and the others are told that it is taken": async ({ lib, open, same }) => {
    const [id, to] = [`enc-${Math.random()}`, `enc-${Math.random()}`];
    const key = { key: new Uint8Array(32).fill(1) };
    const patch = await open({ backend: "indexeddb", encryption: key }, id);
    await patch.kv("s").set("k", "v".repeat(100_000));
    await patch.close();
    const copying = Array.from({ length: 4 }, () => lib.copyPatch(id, to, { from: key }).then(() => "made", (error) => error.code));
    const became = await Promise.all(copying);
    same(became.filter((each) => each === "made").length, 1);
    // (Conflict: a draft was swept away by whoever came too late as well.)
    same(became.filter((each) => !["made", "Exists", "Conflict"].includes(each)), []);
    const copy = await open({ backend: "indexeddb", encryption: key }, to);
    same((await copy.kv("s").get("k")).length, 100_000);
    await copy.close();
  },

  "encryption: a patch is converted in place, both ways, when it is open nowhere": async ({ lib, open, same, ok, asked, rejects }) => {
    const id = `enc-${Math.random()}`;
    const key = (byte) => ({ key: new Uint8Array(32).fill(byte) });
    const at = (encryption) => open({ backend: "indexeddb", opLog: true, ...(encryption && { encryption }) }, id);
    const word = `recognisable${Math.random().toString(36).slice(2)}`;
    const lies = async () => {
      const database = await asked(indexedDB.open(`patchstore_${id}`));
      let found = false;
      for (const name of database.objectStoreNames) {
        for (const value of await asked(database.transaction(name).objectStore(name).getAll())) {
          for (const part of Array.isArray(value) ? value : [value]) {
            const bytes = part instanceof Blob ? await part.arrayBuffer() : part;
            found ||= new TextDecoder("latin1").decode(bytes).includes(word);
          }
        }
      }
      database.close();
      return found;
    };
    const check = async (patch) => {
      same(await patch.kv("s").get("k"), word);
      same((await patch.db("d").findOne("c", "one")).text, word);
      same(await (await patch.kv("s").get("blob")).text(), word.repeat(10_000));
      same((await patch.opLog.pending()).map(({ key }) => key), ["k", "one", "blob"]);
      await patch.close();
    };
    const patch = await at();
    await patch.kv("s").set("k", word);
    await patch.db("d").insert("c", { _id: "one", text: word });
    await patch.kv("s").set("blob", new Blob([word.repeat(10_000)]));
    await rejects(lib.encryptPatch(id, key(1)), "Blocked");
    await patch.close();
    ok(await lies(), "it lies in the clear");
    await rejects(lib.decryptPatch(id, key(1)), "NotEncrypted");
    await lib.encryptPatch(id, key(1));
    ok(!(await lies()), "it lies in the clear still");
    await rejects(at(), "Encrypted");
    await rejects(lib.encryptPatch(id, key(2)), "Encrypted");
    await rejects(lib.decryptPatch(id, key(2)), "WrongKey");
    await check(await at(key(1)));
    await lib.decryptPatch(id, key(1));
    ok(await lies(), "it is encrypted still");
    const plain = await at();
    same([plain.status.encrypted, plain.status.evicted], [false, false]);
    await check(plain);
    await rejects(lib.encryptPatch(`none-${id}`, key(1)), "InvalidArgument");
  },

  "encryption: in memory, too, with Blobs": async ({ open, same, rejects }) => {
    const id = `enc-${Math.random()}`;
    const key = (byte) => ({ encryption: { key: new Uint8Array(32).fill(byte) } });
    const patch = await open(key(1), id);
    await patch.kv("s").set("blob", new Blob(["b".repeat(100_000)]));
    same(await (await patch.kv("s").get("blob")).text(), "b".repeat(100_000));
    await patch.close();
    await rejects(open(key(2), id), "WrongKey");
    const again = await open(key(1), id);
    same(await (await again.kv("s").get("blob")).text(), "b".repeat(100_000));
    await again.close();
  },

  "encryption: records that were exchanged, cut or changed are Corrupt": async ({ open, same, asked, rejects }) => {
    const id = `enc-${Math.random()}`;
    const encryption = { key: new Uint8Array(32).fill(3) };
    const at = () => open({ backend: "indexeddb", encryption }, id);
    const patch = await at();
    for (let n = 0; n < 30; n++) await patch.kv("s").set(`k${n}`, crypto.getRandomValues(new Uint8Array(20_000)));
    await patch.compact();
    await patch.close();
    const change = async (name, work) => {
      const database = await asked(indexedDB.open(`patchstore_${id}`));
      const store = database.transaction(name, "readwrite").objectStore(name);
      await work(store);
      database.close();
    };
    const readAll = async () => {
      const opened = await at();
      try {
        return (await opened.kv("s").entries()).length;
      } finally {
        await opened.close();
      }
    };
    let kept;
    await change("runs", async (store) => {
      const keys = await asked(store.getAllKeys());
      kept = await Promise.all(keys.map(async (key) => [key, await asked(store.get(key))]));
      // (Those of segments, which are the large ones.)
      const [[one, a], [two, b]] = kept.filter(([, value]) => value.byteLength > 60_000 && value.byteLength < 200_000);
      await asked(store.put(b, one));
      await asked(store.put(a, two));
    });
    await rejects(readAll(), "Corrupt");
    await change("runs", async (store) => {
      for (const [key, value] of kept) {
        const bytes = new Uint8Array(value).slice();
        bytes[bytes.length >> 1] ^= 1;
        await asked(store.put(bytes, key));
      }
    });
    await rejects(readAll(), "Corrupt");
    await change("runs", async (store) => {
      for (const [key, value] of kept) await asked(store.put(value, key));
    });
    same(await readAll(), 30);
  },
});
